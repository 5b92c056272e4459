package worker

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAProcessDiesWithItsParent(t *testing.T) {
	parent := exec.CommandContext(t.Context(), os.Args[0], workerArgument, "parent", "0", cacheDir())
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
	for content, want := range map[string]int{
		"3221225472\n": 5, "2147483648\n": 3, "1073741824\n": 1, "268435456\n": 1, "max\n": many, "": many,
	} {
		file := filepath.Join(t.TempDir(), "memory.max")
		if content != "" {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := min(many, roomFor(containerMemory(file), DefaultMemory)); got != want {
			t.Errorf("%q has room for %d, want %d", content, got, want)
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
