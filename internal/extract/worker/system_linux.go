package worker

import (
	"fmt"
	"os"
	"syscall"
)

// childOfThisProcess has the kernel kill the process when this one dies: a reader that is busy does not notice that its
// input has ended. In a group of its own it does not get the terminal's Ctrl-C, which is for this process to obey.
func childOfThisProcess() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// residentMemory returns the memory of a process in bytes, or 0 if there is no such process.
func residentMemory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		return 0
	}
	return resident * int64(os.Getpagesize())
}

// limitMemory has the kernel refuse this process memory beyond the limit. Go ends the process then. If the machine has
// no memory left before that, the kernel shall end this process rather than its parent.
func limitMemory(bytes int64) {
	limit := syscall.Rlimit{Cur: uint64(bytes), Max: uint64(bytes)}
	_ = syscall.Setrlimit(syscall.RLIMIT_DATA, &limit) // the parent watches, too
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
}
