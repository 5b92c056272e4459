package serve

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
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
	last := time.Now()
	afterEachCollection(func() bool {
		now := time.Now()
		pace(now.Sub(last))
		last = now
		return true
	})
}

// idleCollection is how long Go waits for garbage until it collects in any case.
const idleCollection = 2 * time.Minute

// pace sets how much more garbage there may be. If the last collection was as long ago as it is only in an idle
// process, it gives the memory of the garbage back.
func pace(since time.Duration) {
	debug.SetGCPercent(percentFor(liveBytes()))
	if since >= idleCollection {
		debug.FreeOSMemory()
	}
}

// leastHeld is how many bytes Go may take before HoldLittle makes a difference: one of the largest documents, and what
// the process holds beside it.
const leastHeld = 160 << 20

// HoldLittle keeps garbage from adding up while documents of any size are read, until release is called. Once Go has
// taken leastHeld, or a quarter more than it needs if that is more, it collects garbage and gives pages back before it
// takes others. By itself, it lets garbage grow to as much as what lives, which may be a text of 64 MiB, and keeps the
// pages for minutes. GOMEMLIMIT in the environment comes first.
func HoldLittle() (release func()) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	before := debug.SetMemoryLimit(-1)
	var mu sync.Mutex
	released := false
	afterEachCollection(func() bool {
		mu.Lock()
		defer mu.Unlock()
		if !released {
			debug.SetMemoryLimit(min(heldFor(neededBytes()), before))
		}
		return !released
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		released = true
		debug.SetMemoryLimit(before)
	}
}

// heldFor is how many bytes Go may take if it needs so many.
func heldFor(needed uint64) int64 { return max(leastHeld, int64(needed/4*5)) }

// afterEachCollection calls f now and after each collection of garbage, as long as f returns true.
func afterEachCollection(f func() (again bool)) {
	if !f() {
		return
	}
	type unreachable struct{ _ *byte } // until the next collection
	runtime.AddCleanup(new(unreachable), afterEachCollection, f)
}

// neededBytes are those that no collection of garbage gives back: what lives, the gaps between, stacks, and what Go
// notes about them. A memory limit counts all of these; below them, Go would do little but collect garbage.
func neededBytes() uint64 {
	m := readMetrics("/memory/classes/total:bytes", "/memory/classes/heap/released:bytes",
		"/memory/classes/heap/free:bytes", "/memory/classes/heap/objects:bytes", "/gc/heap/live:bytes")
	total, released, free, objects, live := m[0], m[1], m[2], m[3], m[4]
	return total - released - free - objects + live
}

// liveBytes are those that the last collection of garbage left.
func liveBytes() uint64 { return readMetrics("/gc/heap/live:bytes")[0] }

// readMetrics returns the values of Go's metrics of those names, as of one moment.
func readMetrics(names ...string) []uint64 {
	samples := make([]metrics.Sample, len(names))
	for i, name := range names {
		samples[i].Name = name
	}
	metrics.Read(samples)
	values := make([]uint64, len(names))
	for i, s := range samples {
		values[i] = s.Value.Uint64()
	}
	return values
}

// percentFor is the garbage that there may be beside that many bytes that live, in percent of them.
func percentFor(live uint64) int { return int(max(100, leastGarbage*100/max(live, 1<<20))) }
