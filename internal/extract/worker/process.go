package worker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
)

const (
	// dyingLimit is how long a process whose output ended may take to be gone before it is killed.
	dyingLimit = 2 * time.Second
	// recycleAbove is the memory, in bytes, of a process that is not used again.
	recycleAbove = 192 << 20
)

// process reads documents, and can be killed. It has no environment, and none of the files that this process opened.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *os.File
	answers *bufio.Reader // from out
	stderr  firstBytes
	gone    chan struct{} // closed when the process has ended and was waited for
	spent   atomic.Bool
	peak    atomic.Int64 // bytes of memory, as far as seen
}

// start returns when the process is ready.
func start(ctx context.Context, line []string) (*process, error) {
	//nolint:gosec,noctx // our own binary, by the caller's word; kill ends it
	p := &process{command: exec.Command(line[0], line[1:]...), gone: make(chan struct{})}
	p.command.Env = []string{}
	p.command.Stderr = &p.stderr
	p.command.SysProcAttr = childOfThisProcess()
	if err := p.run(); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	stop := context.AfterFunc(limited, p.kill)
	kind, _, err := readFrame(p.answers, 0)
	if err == nil && kind == frameReady && stop() {
		return p, nil
	}
	p.awaitEnd(err)
	closed := p.out.Close()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, errors.Join(fmt.Errorf("%s did not get ready: %s", strings.Join(line, " "), p.lastWords()), closed)
}

// run starts the process with pipes of ours: a pipe of exec's is closed as soon as the process ends, with its last
// frames unread.
func (p *process) run() (err error) {
	if p.in, err = p.command.StdinPipe(); err != nil {
		return err
	}
	var theirs *os.File
	if p.out, theirs, err = os.Pipe(); err != nil {
		return err
	}
	defer theirs.Close()
	p.command.Stdout = theirs
	if err := p.command.Start(); err != nil {
		return errors.Join(err, p.out.Close())
	}
	p.answers = bufio.NewReaderSize(p.out, 64<<10)
	go func() {
		_ = p.command.Wait() // its outcome is in the command
		close(p.gone)
	}()
	return nil
}

// read takes the pages of the document that is the next to be answered.
func (p *process) read(w *watch) (*extract.Document, error) {
	d, left := &extract.Document{}, extract.MaxText+16<<20 // the rest is for the pages themselves
	for {
		kind, body, err := readFrame(p.answers, maxFrame)
		if err != nil {
			return nil, err
		}
		switch kind {
		case frameStarting, frameStarted:
			w.pause(kind == frameStarting)
		case frameReached:
			number, err := decode[int](body)
			if err != nil {
				return nil, err
			}
			w.reached(number)
		case framePage:
			if err := p.readPage(body, d, &left); err != nil {
				return nil, err
			}
		case frameEnd:
			e, err := decode[end](body)
			if err != nil {
				return nil, err
			}
			p.spent.Store(p.spent.Load() || e.Broken)
			d.Title, d.Metadata, d.Warnings, d.Readers = e.Title, e.Metadata, e.Warnings, e.Readers
			return d, e.err()
		default:
			return nil, fmt.Errorf("%w: %q", errGarbage, kind)
		}
	}
}

// send sends documents, small ones in one write: it wakes the process once.
func (p *process) send(documents ...extract.Input) error {
	var frames bytes.Buffer
	for _, d := range documents {
		if err := writeFrame(&frames, frameDocument, task{shortName(d.Name), len(d.Data), d.Draw}); err != nil {
			return err
		}
		if len(d.Data) <= small {
			frames.Write(d.Data)
			continue
		}
		if _, err := p.in.Write(frames.Bytes()); err != nil {
			return err
		}
		frames.Reset()
		if _, err := p.in.Write(d.Data); err != nil {
			return err
		}
	}
	_, err := p.in.Write(frames.Bytes())
	return err
}

// shortName keeps the end of a name, by which kinds of text are told apart, within the bound of its frame.
func shortName(name string) string { return name[max(0, len(name)-maxName/8):] }

// readPage reads a page, of which so many bytes more are expected.
func (p *process) readPage(body []byte, d *extract.Document, left *int) error {
	head, err := decode[page](body)
	if err != nil {
		return err
	}
	const weight = 128
	if *left -= weight + head.Text; head.Text < 0 || *left < 0 {
		return fmt.Errorf("%w: page %d is beyond the bound on text", errGarbage, head.Number)
	}
	text, err := readText(p.answers, head.Text)
	if err != nil {
		return err
	}
	d.Pages = append(d.Pages, extract.Page{Number: head.Number, Text: text, Headings: head.Headings, Tables: head.Tables,
		Slide: head.Slide, Lines: head.Lines})
	return nil
}

// failure makes the document's failure of err, unless it is one already or the process could not read any document.
func (p *process) failure(err error, memory int64) error {
	if _, known := config.ReasonOf(err); known || errors.Is(err, errBroken) {
		return err
	}
	p.awaitEnd(err)
	said := p.stderr.String()
	switch {
	case errors.Is(err, errGarbage):
		return config.Failf(config.Malformed, "the process that read it lost its way: %v", err)
	case strings.Contains(said, "out of memory"), strings.Contains(said, "cannot allocate memory"):
		return tooMuchMemory(memory)
	case strings.Contains(said, "stack overflow"):
		return config.Failf(config.TooComplex, "it is nested too deeply to be read: simplify it")
	case p.killed():
		return config.Failf(config.TooLarge,
			"the system killed the process that read it, for lack of memory: give it more, or split the document")
	}
	return config.Failf(config.Malformed, "the process that read it broke down: %s", p.lastWords())
}

// killed reports whether the kernel ended the process as it ends one for lack of memory. That this process killed it
// is known before this is asked.
func (p *process) killed() bool {
	status, ok := p.command.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// lastWords are the first line that the process wrote to its standard error, else how it ended.
func (p *process) lastWords() string {
	if line, _, _ := strings.Cut(strings.TrimSpace(p.stderr.String()), "\n"); line != "" {
		return strings.ToValidUTF8(line[:min(len(line), 200)], "?")
	}
	return p.command.ProcessState.String()
}

// resident is the memory of the process in bytes; 0 where the system does not tell.
func (p *process) resident() int64 {
	n := residentMemory(p.command.Process.Pid)
	p.peak.Store(max(p.peak.Load(), n))
	return n
}

// kill ends the process, which must not be used again. It may be called at any time.
func (p *process) kill() {
	p.spent.Store(true)
	_ = p.command.Process.Kill() // it may be gone already
}

// usable reports whether the process may read another document. One that has grown gives little of that back.
func (p *process) usable() bool {
	select {
	case <-p.gone:
		return false
	default:
		return !p.spent.Load() && (p.peak.Load() <= recycleAbove || p.resident() <= recycleAbove)
	}
}

// awaitEnd returns when the process is gone. One whose pipe broke is dying, and may do so of its own fault, but not for
// long.
func (p *process) awaitEnd(err error) {
	if !errors.Is(err, errGarbage) {
		select {
		case <-p.gone:
		case <-time.After(dyingLimit):
		}
	}
	p.kill()
	<-p.gone
}

// close ends the process, and returns when it is gone.
func (p *process) close() {
	p.kill()
	<-p.gone
	_ = p.out.Close()
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct {
	mu   sync.Mutex
	kept bytes.Buffer
}

func (f *firstBytes) Write(b []byte) (int, error) {
	const limit = 4 << 10
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept.Write(b[:min(len(b), limit-f.kept.Len())])
	return len(b), nil
}

func (f *firstBytes) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.kept.String()
}
