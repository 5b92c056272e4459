package dataplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for the binary: it is for a loaded machine under the race detector, not for what a user
// should wait.
var patience = 2*time.Minute + soakTime

// removeBinary removes what binary built.
var removeBinary = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	removeBinary()
	os.Exit(code)
}

// binary is the program, compiled once for all tests, and with the race detector if they have it.
var binary = sync.OnceValues(func() (path string, err error) {
	dir, err := os.MkdirTemp("", "ragpipeline-dataplane-")
	if err != nil {
		return "", err
	}
	removeBinary = func() { os.RemoveAll(dir) }
	path = filepath.Join(dir, "ragpipeline")
	args := []string{"build", "-o", path}
	if raceDetector() {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "../..")...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return path, nil
})

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return false
	}
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

// process is the binary at work.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr transcript
	ended          chan struct{} // closed when it has ended; then code is known
	code           int
}

// with changes how a process is started.
type with func(*exec.Cmd)

// environment adds variables, NAME=value each.
func environment(variables ...string) with {
	return func(c *exec.Cmd) { c.Env = append(c.Env, variables...) }
}

// input is the process's standard input.
func input(text string) with { return func(c *exec.Cmd) { c.Stdin = strings.NewReader(text) } }

// in is the process's working directory.
func in(dir string) with { return func(c *exec.Cmd) { c.Dir = dir } }

// start starts the binary in an empty directory of its own; it is killed at the end of the test if it still runs then.
func start(t *testing.T, args []string, options ...with) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	p := &process{t: t, cmd: exec.CommandContext(ctx, path, args...), ended: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = cleanEnvironment()
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.WaitDelay = 10 * time.Second
	for _, o := range options {
		o(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		err := p.cmd.Wait()
		p.code = p.cmd.ProcessState.ExitCode()
		if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
			p.code = -1
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-p.ended
	})
	return p
}

// cleanEnvironment is this process's without what would change what the binary does.
func cleanEnvironment() []string {
	var out []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasSuffix(name, "_API_KEY") || strings.HasPrefix(name, "OTEL_") || strings.HasSuffix(strings.ToLower(name), "_proxy") {
			continue
		}
		out = append(out, v)
	}
	return out
}

// memory waits for the process to end, and returns the most memory that it had itself, and that one of its workers
// had, in MiB; 0 where there is no /proc. The peak that the system tells afterwards may be that of this test: Go starts
// a process in the memory of its parent.
func (p *process) memory() (own, worker int64) {
	const every = 20 * time.Millisecond
	pid := strconv.Itoa(p.cmd.Process.Pid)
	for {
		select {
		case <-p.ended:
			return own, worker
		case <-time.After(every):
		}
		own = max(own, mostResident(pid))
		threads, _ := filepath.Glob("/proc/" + pid + "/task/*/children") // whose pattern is right
		for _, thread := range threads {
			children, _ := os.ReadFile(thread) // fails when the thread has ended
			for child := range strings.FieldsSeq(string(children)) {
				worker = max(worker, mostResident(child))
			}
		}
	}
}

// mostResident is the most memory that a process has had, in MiB; 0 if it has ended.
func mostResident(pid string) (mib int64) {
	text, _ := os.ReadFile("/proc/" + pid + "/status")
	if _, after, found := strings.Cut(string(text), "VmHWM:"); found {
		_, _ = fmt.Sscan(after, &mib)
	}
	return mib >> 10
}

// run runs the binary to its end.
func run(t *testing.T, args ...string) *process { t.Helper(); return start(t, args).wait() }

// wait waits for the end.
func (p *process) wait() *process {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("it has not ended:\n%s", p.stderr.String())
	}
	return p
}

// signal asks the process to end.
func (p *process) signal() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("stop: %v\n%s", err, p.stderr.String())
	}
}

// stop asks the process to end, and waits until it has.
func (p *process) stop() *process {
	p.t.Helper()
	p.signal()
	return p.wait()
}

// says waits until standard error matches the pattern, and returns the match with its groups.
func (p *process) says(pattern string) []string {
	p.t.Helper()
	expression := regexp.MustCompile(pattern)
	timeout := time.After(patience)
	for {
		changed := p.stderr.changed()
		if match := expression.FindStringSubmatch(p.stderr.String()); match != nil {
			return match
		}
		select {
		case <-changed:
		case <-p.ended:
			if match := expression.FindStringSubmatch(p.stderr.String()); match != nil {
				return match
			}
			p.t.Fatalf("it ended with code %d and did not say %q:\n%s", p.code, pattern, p.stderr.String())
		case <-timeout:
			p.t.Fatalf("it does not say %q:\n%s", pattern, p.stderr.String())
		}
	}
}

// ends checks the exit code, and that standard error holds each of the texts. It is for a process that has ended.
func (p *process) ends(code int, texts ...string) {
	p.t.Helper()
	if p.code != code {
		p.t.Errorf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", p.code, code, p.stdout.String(), p.stderr.String())
	}
	contains(p.t, p.stderr.String(), texts...)
	if strings.Contains(p.stderr.String(), "WARNING: DATA RACE") {
		p.t.Errorf("a data race:\n%s", p.stderr.String())
	}
}

// contains checks that text holds each part.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in\n%s", part, text)
		}
	}
}

// transcript is what a process has written, readable while it writes on.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed at the next write
}

func (w *transcript) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.more != nil {
		close(w.more)
		w.more = nil
	}
	return w.text.Write(b)
}

func (w *transcript) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// changed is closed once there is more than now.
func (w *transcript) changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.more == nil {
		w.more = make(chan struct{})
	}
	return w.more
}
