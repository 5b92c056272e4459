package serve

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestGarbageIsAsMuchWhateverLives(t *testing.T) {
	for live, want := range map[uint64]int{0: 6400, 16 << 20: 400, 64 << 20: 100, 1 << 30: 100} {
		if got := percentFor(live); got != want {
			t.Errorf("%d bytes that live may have %d %% of garbage, want %d", live, got, want)
		}
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
