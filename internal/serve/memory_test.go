package serve

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestGarbageIsAsMuchWhateverLives(t *testing.T) {
	for live, want := range map[uint64]int{0: 6400, 16 << 20: 400, 64 << 20: 100, 1 << 30: 100} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes that live may have %d %% of garbage, want %d", live, got, want)
		}
	}
}

// What is held follows what is needed, and release undoes it. Other tests of the package allocate little.
func TestLittleIsHeldWhileDocumentsAreRead(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	limit := func() int64 { return debug.SetMemoryLimit(-1) }
	awaitLimit := func(what string, good func(int64) bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !good(limit()); runtime.GC() {
			if time.Now().After(deadline) {
				t.Fatalf("%s: %d MiB may be held", what, limit()>>20)
			}
		}
	}
	before := limit()
	release := HoldLittle()
	awaitLimit("at first", func(n int64) bool { return n == leastHeld })
	const much = 2 * leastHeld
	index := make([]byte, much)
	awaitLimit("with a large index", func(n int64) bool { return n >= much/4*5 && n < 2*much })
	runtime.KeepAlive(index)
	blocks := make([][]byte, much/(4<<10))
	for i := range blocks {
		blocks[i] = make([]byte, 4<<10)
	}
	for i := 0; i < len(blocks); i += 2 {
		blocks[i] = nil // Go can use the gap, but not give it back
	}
	awaitLimit("with gaps between", func(n int64) bool { return n >= much/4*5 && n < 2*much })
	runtime.KeepAlive(blocks)
	awaitLimit("without it", func(n int64) bool { return n == leastHeld })
	release()
	runtime.GC()
	awaitLimit("afterwards", func(n int64) bool { return n == before })

	t.Setenv("GOMEMLIMIT", "1GiB")
	HoldLittle()()
	if got := limit(); got != before {
		t.Errorf("the environment's limit was replaced by %d", got)
	}
}

func TestTheMemoryOfAContainerIsRead(t *testing.T) {
	for content, want := range map[string]int64{
		"3221225472\n": 3 << 30, "268435456\n": 256 << 20, "max\n": math.MaxInt64, "": math.MaxInt64,
	} {
		file := filepath.Join(t.TempDir(), "memory.max")
		if content != "" {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := containerMemory(file); got != want {
			t.Errorf("%q is %d bytes, want %d", content, got, want)
		}
	}
}
