package worker

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/extract"
)

func TestAProcessDiesWithItsParent(t *testing.T) {
	parent := exec.CommandContext(t.Context(), os.Args[0], workerArgument, "parent", "0", extract.UserCache())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid, err := bufio.NewReader(out).ReadString('\n') // the worker is in an endless document now
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for !isDead(strings.TrimSpace(pid)) {
		select {
		case <-t.Context().Done():
			t.Fatalf("process %s is still there", pid)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// isDead takes a process for dead that nobody has waited for yet, too.
func isDead(pid string) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%s/status", pid))
	return err != nil || bytes.Contains(status, []byte("\nState:\tZ"))
}

func TestAsManyProcessesAsTheContainerHasMemoryFor(t *testing.T) {
	const many = 1000 // stands for more
	for container, want := range map[int64]int{3 << 30: 5, 2 << 30: 3, 1 << 30: 1, 256 << 20: 1, math.MaxInt64: many} {
		if got := min(many, roomFor(container, DefaultMemory)); got != want {
			t.Errorf("%d MiB have room for %d, want %d", container>>20, got, want)
		}
	}
}

func TestTheMemoryOfAProcessIsKnown(t *testing.T) {
	if n := residentMemory(os.Getpid()); n < 1<<20 || n > 1<<32 {
		t.Errorf("this process has %d bytes", n)
	}
	if n := residentMemory(0); n != 0 {
		t.Errorf("no process has %d bytes", n)
	}
}
