package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine describes what the figures were taken on, without naming it.
func machine() (string, error) {
	processor, err := procField("/proc/cpuinfo", "model name")
	if err != nil {
		return "", err
	}
	memory, err := procField("/proc/meminfo", "MemTotal")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d cores (%s), %s of memory, %s/%s, %s",
		runtime.NumCPU(), processor, memory, runtime.GOOS, runtime.GOARCH, runtime.Version()), nil
}

// loadAverage is that of the last minute: what else goes on here. The benchmarks themselves make
// about 2.
func loadAverage() (string, error) {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "", err
	}
	one, _, _ := strings.Cut(string(text), " ")
	return one, nil
}

// procField is the first value of that name in a file of lines `name : value`; it stays empty where
// the processor has none.
func procField(path, name string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the benchmarks need Linux, for its /proc: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if key, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", nil
}
