package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
)

// maxName bounds the frame before a document, in bytes.
const maxName = 64 << 10

// maxStack bounds a goroutine's stack: readers bound their nesting, and one that does not must not take all memory.
const maxStack = 64 << 20

// Limit makes this process end before it takes more than so many bytes of memory. It collects garbage more often well
// below that. On Linux the kernel refuses it the rest; elsewhere nothing but PDFium is bound. The process uses one
// core: it reads one document at a time, and waking another thread for a small one takes longer than reading it.
func Limit(bytes int64) {
	runtime.GOMAXPROCS(1)
	debug.SetMemoryLimit(bytes / 4 * 3)
	debug.SetMaxStack(maxStack)
	if detectorsShare() == 1 {
		limitMemory(bytes)
	}
}

// Stdin returns the standard input of this process, which a Pool writes to. While a read of it waits, the process's one
// core is free for the document that is being read.
func Stdin() (*os.File, error) {
	if err := syscall.SetNonblock(0, true); err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	return os.NewFile(0, "stdin"), nil
}

// Serve is the work of a process that a Pool started: it reads the documents that come from in, one at a time, and
// answers on out, which nothing else may write to. It returns without an error when in ends, even if a document is
// still being read: the process must end then. Nothing in it bounds a document's time. cacheDir holds compiled PDFium,
// as extract.Options.CacheDir does.
func Serve(in io.Reader, out io.Writer, cacheDir string) error {
	s := &server{out: bufio.NewWriterSize(out, 64<<10)}
	s.extractor = extract.New(extract.Options{
		CacheDir: cacheDir,
		Reached:  func(page int) { _ = s.tell(frameReached, page) },
		Starting: func() func() {
			_ = s.tell(frameStarting, nil)
			cores := runtime.GOMAXPROCS(0)
			runtime.SetDefaultGOMAXPROCS() // compiling PDFium takes seconds of several cores
			return func() {
				runtime.GOMAXPROCS(cores)
				_ = s.tell(frameStarted, nil)
			}
		},
	})
	if err := s.tell(frameReady, nil); err != nil {
		return err
	}
	ended := make(chan error, 2)
	documents := make(chan document)
	go func() { ended <- receive(in, documents) }()
	go func() { ended <- s.answer(documents) }()
	return <-ended
}

type document struct {
	task
	data []byte
}

// receive also waits for the end of in while a document is read.
func receive(in io.Reader, documents chan<- document) error {
	r := bufio.NewReader(in)
	for {
		kind, body, err := readFrame(r, maxName)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		t, err := decode[task](body)
		if err != nil {
			return err
		}
		if kind != frameDocument || extract.CheckSize(t.Size) != nil {
			return fmt.Errorf("%w: %q announces a document of %d bytes", errGarbage, kind, t.Size)
		}
		data := make([]byte, t.Size)
		if _, err := io.ReadFull(r, data); err != nil {
			return err
		}
		documents <- document{t, data}
	}
}

// server answers on out.
type server struct {
	extractor *extract.Extractor
	out       *bufio.Writer
}

// tell sends a frame at once. A reader need not look at the error, for the next frame fails as well.
func (s *server) tell(kind byte, v any) error {
	if err := writeFrame(s.out, kind, v); err != nil {
		return err
	}
	return s.out.Flush()
}

func (s *server) answer(documents <-chan document) error {
	for d := range documents {
		text, err := s.read(d)
		if err := s.send(text, err); err != nil {
			return err
		}
	}
	return nil
}

// read reads a document, or draws a page of it: the answer is then a document of one page whose text is the picture,
// and whose line is all that is seen of the page.
func (s *server) read(d document) (*extract.Document, error) {
	if d.Draw == 0 {
		return s.extractor.Extract(context.Background(), d.Name, d.data)
	}
	drawing, err := s.extractor.Draw(d.data, d.Draw)
	if err != nil {
		return nil, err
	}
	seen := extract.Line{Boxes: [][4]float64{drawing.Box}}
	return &extract.Document{Pages: []extract.Page{
		{Number: d.Draw, Text: string(drawing.PNG), Lines: []extract.Line{seen}},
	}}, nil
}

// send sends a document page by page, or its failure.
func (s *server) send(d *extract.Document, failure error) error {
	if failure != nil {
		e := end{Message: failure.Error(), Broken: true}
		if failed, ok := errors.AsType[*config.DocumentError](failure); ok {
			e = end{Reason: failed.Reason, Message: failed.Err.Error()}
		}
		return s.tell(frameEnd, e)
	}
	for _, p := range d.Pages {
		switch err := writeFrame(s.out, framePage, page{p.Number, len(p.Text), p.Headings, p.Tables, p.Slide, p.Lines}); {
		case errors.Is(err, errTooLarge):
			return s.send(nil, config.Failf(config.TooComplex, "its headings and the rows of its tables are too many: split it"))
		case err != nil:
			return err
		}
		if _, err := s.out.WriteString(p.Text); err != nil {
			return err
		}
	}
	return s.tell(frameEnd, end{Title: d.Title, Metadata: d.Metadata, Warnings: d.Warnings, Readers: d.Readers})
}
