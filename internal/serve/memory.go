package serve

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
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
const leastGarbage = 64 << 20

// CollectSeldom lets garbage grow to leastGarbage, or to as much as what lives if that is more, but within 80 % of the
// container's memory. Go collects garbage once it is as much as what lives, which is so little with a small index that
// collecting took a tenth of a question's CPU. An idle process gives the memory back. GOGC and GOMEMLIMIT in the
// environment come first.
func CollectSeldom() {
	if os.Getenv("GOGC") != "" {
		return
	}
	if limit := ContainerMemory(); limit < math.MaxInt64 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 10 * 8)
	}
	paceAfter(time.Now())
}

// idleCollection is how long Go waits for garbage until it collects in any case.
const idleCollection = 2 * time.Minute

// paceAfter sets how much more garbage there may be, and does so again after each collection. If the last one was as
// long ago as it is only in an idle process, it gives the memory of the garbage back.
func paceAfter(last time.Time) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(percentFor(live[0].Value.Uint64()))
	now := time.Now()
	if now.Sub(last) >= idleCollection {
		debug.FreeOSMemory()
	}
	type unreachable struct{ _ *byte } // until the next collection
	runtime.AddCleanup(new(unreachable), paceAfter, now)
}

// percentFor is the garbage that there may be beside that many bytes that live, in percent of them.
func percentFor(live uint64) int { return int(max(100, leastGarbage*100/max(live, 1<<20))) }
