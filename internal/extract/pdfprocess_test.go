package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// The test binary is its own worker: started with workerArgument, a way to behave, and a cache directory.
const workerArgument = "pdf-worker"

func serveAs(behaviour, cacheDir string) {
	ready := func() { _ = writeFrame(os.Stdout, pdfAnswer{Ready: true}) }
	// afterDocument waits for a document: it reads more than a task, and less than the documents of these tests.
	afterDocument := func() { _, _ = io.ReadFull(os.Stdin, make([]byte, 100)) }
	switch behaviour {
	case "well":
		if err := ServePDF(os.Stdin, os.Stdout, cacheDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "mute":
		fmt.Fprintln(os.Stderr, "nothing here to work with")
		os.Exit(1)
	case "babbling":
		ready()
		afterDocument()
		fmt.Fprint(os.Stdout, "Dear Extractor, it is a fine day")
		select {}
	case "empty":
		ready()
		afterDocument()
		_ = writeFrame(os.Stdout, struct{}{})
		select {}
	case "endless":
		ready()
		afterDocument()
		for {
			_ = writeFrame(os.Stdout, pdfAnswer{Page: &Page{Number: 1, Text: "the same again"}})
		}
	case "greedy":
		ready()
		afterDocument()
		for i := 1; ; i++ {
			_ = writeFrame(os.Stdout, pdfAnswer{Page: &Page{Number: i, Text: strings.Repeat("more and more ", 1000)}})
		}
	case "panicking":
		ready()
		afterDocument()
		panic("the index is out of range")
	case "starving":
		ready()
		afterDocument()
		fmt.Fprintln(os.Stderr, "fatal error: runtime: out of memory")
		os.Exit(2)
	case "parent": // has a worker of its own, tells its process id, and never ends
		e := workersExtractor(1, "well", cacheDir)
		w, err := e.pdfs.acquire(context.Background())
		if err != nil {
			panic(err)
		}
		go w.read(source{data: pdftest.Endless(), max: 1 << 20}, func(int) { // it never ends
			fmt.Fprintln(os.Stdout, w.(*pdfProcess).command.Process.Pid)
		})
		select {}
	}
}

func workersExtractor(workers int, behaviour, cacheDir string) *Extractor {
	return New(Options{Worker: []string{os.Args[0], workerArgument, behaviour, cacheDir}, Workers: workers})
}

func newWorkers(t *testing.T, workers int, behaviour string) *Extractor {
	t.Helper()
	e := workersExtractor(workers, behaviour, shared.options.CacheDir)
	t.Cleanup(e.Close)
	return e
}

// processOf is the only idle worker.
func processOf(t *testing.T, e *Extractor) *pdfProcess {
	t.Helper()
	e.pdfs.mu.Lock()
	defer e.pdfs.mu.Unlock()
	if len(e.pdfs.idle) != 1 {
		t.Fatalf("%d workers are idle, want one", len(e.pdfs.idle))
	}
	return e.pdfs.idle[0].pdfWorker.(*pdfProcess)
}

func isAlive(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

func smallPDF() []byte {
	return pdftest.Document{Pages: []pdftest.Page{{Columns: []string{prose}}}}.Bytes()
}

func TestPDFWorkerReadsWhatThisProcessReads(t *testing.T) {
	e := newWorkers(t, 1, "well")
	body := strings.Repeat(prose, 4)
	locked := pdftest.Document{Pages: []pdftest.Page{{Columns: []string{prose}}}, Password: "secret"}
	for name, data := range map[string][]byte{
		"headings by their looks": pdftest.Document{Title: "T <&> \u00e9", Pages: []pdftest.Page{{Columns: []string{"# Chapter 1 Training\n" + body}}, {}, {Columns: []string{"# Chapter 2 \"Serving\" \\ <b>\n" + body, "x"}}}}.Bytes(),
		"an outline":              pdftest.Document{Pages: []pdftest.Page{{Columns: []string{prose + "\n1.2 Methods\n" + prose}}}, Outline: []pdftest.Bookmark{{Title: "Methods"}}}.Bytes(),
		"fifty pages":             fiftyPages(),
		"only images":             pdftest.Document{Pages: []pdftest.Page{{Image: true}}}.Bytes(),
		"a password":              locked.Bytes(),
		"a header alone":          []byte("%PDF-1.7\n"),
		"cut off":                 fiftyPages()[:9000],
	} {
		t.Run(name, func(t *testing.T) {
			want, wantErr := shared.Extract(t.Context(), "file.pdf", data)
			got, err := e.Extract(t.Context(), "file.pdf", data)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("got %v, want %v", err, wantErr)
			}
			reason, _ := config.ReasonOf(err)
			if wantReason, _ := config.ReasonOf(wantErr); reason != wantReason {
				t.Errorf("got the reason %q, want %q", reason, wantReason)
			}
		})
	}
}

// TestSamplesAreReadAlike compares both ways on real PDFs.
func TestSamplesAreReadAlike(t *testing.T) {
	e := newWorkers(t, 2, "well")
	for _, file := range samplePDFs(t) {
		data, err := os.ReadFile(filepath.Clean(file))
		if err != nil {
			t.Fatal(err)
		}
		want, wantErr := shared.Extract(t.Context(), "file.pdf", data)
		got, err := e.Extract(t.Context(), "file.pdf", data)
		if diff := cmp.Diff(want, got); diff != "" || fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Errorf("%s: %v, want %v\n%s", filepath.Base(file), err, wantErr, diff)
		}
	}
}

func TestPDFWorkerIsKilledAtItsDeadlineAndTheNextIsRead(t *testing.T) {
	e := newWorkers(t, 1, "well")
	if _, err := e.Extract(t.Context(), "file.pdf", smallPDF()); err != nil {
		t.Fatal(err)
	}
	pid := processOf(t, e).command.Process.Pid
	e.options.Deadline = 100 * time.Millisecond
	_, err := e.Extract(t.Context(), "endless.pdf", pdftest.Endless())
	wantReason(t, err, config.TimedOut, "longer than")
	if isAlive(pid) {
		t.Errorf("process %d is still there", pid)
	}
	e.options.Deadline = time.Minute
	if _, err := e.Extract(t.Context(), "file.pdf", smallPDF()); err != nil {
		t.Errorf("the next document fails: %v", err)
	}
}

func TestPDFWorkerIsKilledWhenTheContextEnds(t *testing.T) {
	e := newWorkers(t, 1, "well")
	if _, err := e.Extract(t.Context(), "file.pdf", smallPDF()); err != nil {
		t.Fatal(err)
	}
	pid := processOf(t, e).command.Process.Pid
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := e.Extract(ctx, "endless.pdf", pdftest.Endless()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if isAlive(pid) {
		t.Errorf("process %d is still there", pid)
	}
}

func TestPDFWorkerThatBreaksDownFailsItsDocumentOnly(t *testing.T) {
	for _, c := range []struct {
		name, behaviour string
		reason          config.Reason
		says            string
	}{
		{"says what is no frame", "babbling", config.Malformed, "lost its way"},
		{"says nothing", "empty", config.Malformed, "lost its way"},
		{"repeats itself", "endless", config.Malformed, "lost its way"},
		{"says more than text may be", "greedy", config.Malformed, "lost its way"},
		{"panics", "panicking", config.Malformed, "the index is out of range"},
		{"finds no memory", "starving", config.TooLarge, "memory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := newWorkers(t, 1, c.behaviour)
			e.options.MaxText = 100_000
			for range 2 { // the second shows that a new worker is started
				_, err := e.Extract(t.Context(), "file.pdf", smallPDF())
				wantReason(t, err, c.reason, c.says)
			}
		})
	}
}

func TestPDFWorkerThatIsKilledFailsItsDocumentOnly(t *testing.T) {
	e := newWorkers(t, 1, "well")
	w, err := e.pdfs.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.read(source{data: pdftest.Endless(), max: 1 << 20}, func(int) {
		if err := w.(*pdfProcess).command.Process.Kill(); err != nil {
			t.Error(err)
		}
	})
	wantReason(t, err, config.TooLarge, "killed")
	e.pdfs.release(w)
	if _, err := e.Extract(t.Context(), "file.pdf", smallPDF()); err != nil {
		t.Errorf("the next document fails: %v", err)
	}
}

func TestPDFWorkerThatCannotStartIsNotTheDocumentsFault(t *testing.T) {
	e := newWorkers(t, 1, "mute")
	for range 2 { // the second shows that the failed one gave its place back
		_, err := e.Extract(t.Context(), "file.pdf", smallPDF())
		if _, own := config.ReasonOf(err); err == nil || own || !strings.Contains(err.Error(), "nothing here to work with") {
			t.Errorf("got %v, want an error that is not the document's", err)
		}
	}
	none := New(Options{Worker: []string{filepath.Join(t.TempDir(), "none")}})
	defer none.Close()
	if _, err := none.Extract(t.Context(), "file.pdf", smallPDF()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestPDFWorkerHasNoEnvironment(t *testing.T) {
	t.Setenv("SOME_API_KEY", "secret")
	e := newWorkers(t, 1, "well")
	if _, err := e.Extract(t.Context(), "file.pdf", smallPDF()); err != nil {
		t.Fatal(err)
	}
	if got := processOf(t, e).command.Environ(); len(got) > 0 {
		t.Errorf("it has %q", got)
	}
}

func TestPDFWorkersEndWithTheExtractor(t *testing.T) {
	e := newWorkers(t, 2, "well")
	var workers [2]*pdfProcess
	for i := range workers {
		w, err := e.pdfs.acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		workers[i] = w.(*pdfProcess)
	}
	idle, busy := workers[0], workers[1]
	e.pdfs.release(idle)
	reading := make(chan int, 1)
	go func() {
		defer e.pdfs.release(busy)
		_, err := busy.read(source{data: pdftest.Endless(), max: 1 << 20}, func(page int) { reading <- page })
		if err == nil {
			t.Error("an endless document was read")
		}
	}()
	<-reading
	closed := make(chan struct{})
	go func() {
		e.Close()
		close(closed)
	}()
	<-idle.gone
	select {
	case <-closed:
		t.Error("Close does not wait for the worker in use")
	default:
	}
	busy.interrupt()
	<-closed
	for _, p := range workers {
		if pid := p.command.Process.Pid; isAlive(pid) {
			t.Errorf("process %d is still there", pid)
		}
	}
}

func TestPDFWorkerEndsWithItsInput(t *testing.T) {
	e := newWorkers(t, 1, "well")
	w, err := e.pdfs.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.pdfs.release(w)
	p := w.(*pdfProcess)
	if err := p.in.Close(); err != nil {
		t.Fatal(err)
	}
	<-p.gone
	if !p.command.ProcessState.Success() {
		t.Errorf("it ended with %v", p.command.ProcessState)
	}
}

func TestServePDFRefusesWhatIsNoTask(t *testing.T) {
	for name, in := range map[string]string{
		"words":                "GET / HTTP/1.1\r\n",
		"half a task":          "\x00\x00\x00\x20{",
		"too large a document": "\x00\x00\x00\x17{\"Size\":1099511627776}\n",
	} {
		if err := ServePDF(strings.NewReader(in), io.Discard, shared.options.CacheDir); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := ServePDF(bytes.NewReader(nil), io.Discard, shared.options.CacheDir); err != nil {
		t.Errorf("without any document: %v", err)
	}
}
