package serve

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// ContainerMemory returns the memory that this process's control group may use, in bytes, as Linux reports it for
// cgroup v2. Where nothing limits it, or nothing is known, it returns math.MaxInt64.
func ContainerMemory() int64 { return containerMemory("/sys/fs/cgroup/memory.max") }

func containerMemory(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return math.MaxInt64
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return math.MaxInt64 // the file contains "max"
	}
	return limit
}

// leastGarbage is how much garbage there may be before it is collected, in bytes.
const leastGarbage = 48 << 20

// CollectSeldom lets garbage grow to leastGarbage, but within 80 % of the container's memory. Go collects garbage once
// it is as much as what lives, which is so little with a small index that collecting took a tenth of a question's CPU.
// GOGC and GOMEMLIMIT in the environment come first.
func CollectSeldom() {
	if os.Getenv("GOGC") != "" {
		return
	}
	if limit := ContainerMemory(); limit < math.MaxInt64 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 10 * 8)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	debug.SetGCPercent(int(max(100, leastGarbage*100/max(m.HeapAlloc, 1))))
}
