package extract

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestPDFWorkerDiesWithItsParent(t *testing.T) {
	parent := exec.CommandContext(t.Context(), os.Args[0], workerArgument, "parent", shared.options.CacheDir)
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
