package extract

import (
	"bufio"
	"bytes"
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
)

const (
	// startLimit is how long a worker process may take to be ready. One that has to compile PDFium first takes
	// seconds, or a minute where CPU is short.
	startLimit = 3 * time.Minute
	// dyingLimit is how long a process whose output ended may take to be gone before it is killed.
	dyingLimit = 2 * time.Second
)

// pdfProcesses starts processes that read PDFs.
type pdfProcesses struct {
	command []string

	first    sync.Mutex // held while the first starts, so that PDFium is compiled once
	compiled atomic.Bool
}

func (p *pdfProcesses) start() (*pdfProcess, error) {
	if !p.compiled.Load() {
		p.first.Lock()
		defer p.first.Unlock()
	}
	started, err := startPDFProcess(p.command)
	if err == nil {
		p.compiled.Store(true)
	}
	return started, err
}

// pdfProcess is a process that reads PDFs: it can be killed, whatever PDFium does in it. It has no environment, and
// none of the files that this process opened.
type pdfProcess struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *os.File
	answers *bufio.Reader // from out
	stderr  firstBytes
	gone    chan struct{} // closed when the process has ended and was waited for
	spent   atomic.Bool
}

// startPDFProcess returns when the process is ready.
func startPDFProcess(line []string) (*pdfProcess, error) {
	//nolint:gosec,noctx // our own binary, by the caller's word; interrupt ends it
	p := &pdfProcess{command: exec.Command(line[0], line[1:]...), gone: make(chan struct{})}
	p.command.Env = []string{}
	p.command.Stderr = &p.stderr
	p.command.SysProcAttr = childOfThisProcess()
	if err := p.run(); err != nil {
		return nil, err
	}
	late := time.AfterFunc(startLimit, p.interrupt)
	defer late.Stop()
	if a, err := readFrame[pdfAnswer](p.answers, maxTask); err != nil || !a.Ready {
		p.awaitEnd(err)
		return nil, errors.Join(fmt.Errorf("%s did not get ready: %s", strings.Join(line, " "), p.lastWords()), p.out.Close())
	}
	return p, nil
}

// run starts the process with pipes of ours: a pipe of exec's is closed as soon as the process ends, with what
// it said last unread.
func (p *pdfProcess) run() (err error) {
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
	p.answers = bufio.NewReader(p.out)
	go func() {
		_ = p.command.Wait() // its outcome is in the command
		close(p.gone)
	}()
	return nil
}

func (p *pdfProcess) read(s source, reached func(page int)) (*Document, error) {
	d, err := p.ask(s, reached)
	if _, known := config.ReasonOf(err); err == nil || known {
		return d, err
	}
	p.awaitEnd(err)
	return nil, p.causeOfDeath(err)
}

// ask sends the document and takes its pages.
func (p *pdfProcess) ask(s source, reached func(page int)) (*Document, error) {
	if err := writeFrame(p.in, pdfTask{Size: int64(len(s.data)), MaxText: s.max}); err != nil {
		return nil, err
	}
	if _, err := p.in.Write(s.data); err != nil {
		return nil, err
	}
	d, limit := &Document{}, newLimit(s.max)
	for {
		a, err := readFrame[pdfAnswer](p.answers, maxAnswer(s.max))
		switch {
		case err != nil:
			return nil, err
		case a.Reached > 0:
			reached(a.Reached)
		case a.Page != nil:
			if a.Page.Number != len(d.Pages)+1 || limit.take(len(a.Page.Text)) != nil {
				return nil, fmt.Errorf("%w: page %d after %d pages", errGarbage, a.Page.Number, len(d.Pages))
			}
			d.Pages = append(d.Pages, *a.Page)
		case a.End != nil:
			p.spent.Store(a.End.Spent)
			d.Title, d.Warnings = a.End.Title, a.End.Warnings
			return d, a.End.err()
		default:
			return nil, errGarbage
		}
	}
}

// causeOfDeath makes the document's failure of how the process ended that read it.
func (p *pdfProcess) causeOfDeath(err error) error {
	switch {
	case errors.Is(err, errGarbage):
		return config.Failf(config.Malformed, "the process that read the PDF lost its way: %s", quote(err.Error()))
	case p.outOfMemory():
		return config.Failf(config.TooLarge,
			"the process that read the PDF was killed or found no more memory: give it more, or split the document")
	}
	return config.Failf(config.Malformed, "the process that read the PDF broke down: %s", p.lastWords())
}

// outOfMemory knows the kernel's way of ending a process that is too big, and Go's. That the Extractor killed the
// process is known before this is asked.
func (p *pdfProcess) outOfMemory() bool {
	status, ok := p.command.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() && status.Signal() == syscall.SIGKILL {
		return true
	}
	said := p.stderr.String()
	return strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory")
}

// lastWords are the first line that the process wrote to its standard error, else how it ended.
func (p *pdfProcess) lastWords() string {
	if line, _, _ := strings.Cut(strings.TrimSpace(p.stderr.String()), "\n"); line != "" {
		return quote(line)
	}
	return p.command.ProcessState.String()
}

func (p *pdfProcess) interrupt() {
	p.spent.Store(true)
	_ = p.command.Process.Kill() // it may be gone already
}

func (p *pdfProcess) usable() bool {
	select {
	case <-p.gone:
		return false
	default:
		return !p.spent.Load()
	}
}

// awaitEnd returns when the process is gone. One whose pipe broke is dying, and may do so of what it suffers from,
// but not for long.
func (p *pdfProcess) awaitEnd(err error) {
	if !errors.Is(err, errGarbage) {
		select {
		case <-p.gone:
		case <-time.After(dyingLimit):
		}
	}
	p.interrupt()
	<-p.gone
}

// close ends the process, and returns when it is gone.
func (p *pdfProcess) close() {
	p.interrupt()
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
