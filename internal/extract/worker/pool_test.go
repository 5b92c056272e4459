package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func newPool(o Options, behaviour string) *Pool {
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	o.Command = []string{os.Args[0], workerArgument, behaviour, strconv.FormatInt(o.Memory, 10), extract.UserCache()}
	return New(o)
}

func pool(t *testing.T, o Options, behaviour string) *Pool {
	t.Helper()
	p := newPool(o, behaviour)
	t.Cleanup(p.Close)
	return p
}

// processOf is the only idle process.
func processOf(t *testing.T, p *Pool) *process {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) != 1 {
		t.Fatalf("%d processes are idle, want one", len(p.idle))
	}
	return p.idle[0].process
}

func isAlive(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && p.Signal(syscall.Signal(0)) == nil
}

const prose = "Nodes with several accelerators spread a batch over all of them before they answer. "

func smallPDF() []byte { return pdfOf(1) }

func pdfOf(pages int) []byte {
	d := pdftest.Document{Pages: make([]pdftest.Page, pages)}
	for i := range d.Pages {
		d.Pages[i].Columns = []string{"# A heading\n" + strings.Repeat(prose, 4), prose}
	}
	return d.Bytes()
}

func wantReason(t *testing.T, err error, want config.Reason, words string) {
	t.Helper()
	if got, _ := config.ReasonOf(err); got != want {
		t.Fatalf("error %v has the reason %q, want %q", err, got, want)
	}
	if !strings.Contains(err.Error(), words) {
		t.Errorf("error %q does not contain %q", err, words)
	}
}

func mustRead(t *testing.T, p *Pool, name string, data []byte) {
	t.Helper()
	if _, err := p.Extract(t.Context(), name, data); err != nil {
		t.Errorf("%s fails: %v", name, err)
	}
}

func TestAProcessReadsLikeAnExtractor(t *testing.T) {
	p := pool(t, Options{Workers: 1}, "well")
	here := extract.New(extract.Options{CacheDir: extract.UserCache()})
	defer here.Close()
	locked := pdftest.Document{Pages: []pdftest.Page{{Columns: []string{prose}}}, Password: "secret"}
	outlined := pdftest.Document{Title: "T <&> é", Pages: []pdftest.Page{{Columns: []string{prose + "\n1.2 Methods\n" + prose}}, {}},
		Outline: []pdftest.Bookmark{{Title: "Methods"}}}
	for name, data := range map[string][]byte{
		"pages.pdf":     pdfOf(50),
		"outline.pdf":   outlined.Bytes(),
		"images.pdf":    pdftest.Document{Pages: []pdftest.Page{{Image: true}}}.Bytes(),
		"locked.pdf":    locked.Bytes(),
		"header.pdf":    []byte("%PDF-1.7\n"),
		"cut.pdf":       pdfOf(50)[:9000],
		"table.csv":     []byte("name,mass\nbolt <M6>,5 g\nnut,2 g\n"),
		"front.md":      []byte("---\nauthor: Ada\n---\n# A \"title\"\n\nWords\u2028and more.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"),
		"page.html":     []byte("<title>T</title><h1>One</h1><p>words &amp; words<table><tr><td>1<td>2</table>"),
		"latin.txt":     []byte("Gr\xfc\xdfe aus K\xf6ln, und noch viel mehr Text dazu"),
		"lines.jsonl":   []byte("{\"a\":1}\n{broken\n{\"a\":2}\n"),
		"empty.txt":     {},
		"blank.txt":     []byte(" \n\n"),
		"unknown.bin":   []byte("\x7fELF\x00\x01\x02\x03"),
		"malformed.eml": []byte("From: a\r\nContent-Type: multipart/mixed\r\n\r\nx"),
	} {
		t.Run(name, func(t *testing.T) {
			want, wantErr := here.Extract(t.Context(), name, data)
			got, err := p.Extract(t.Context(), name, data)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if warned := name == "latin.txt" || name == "lines.jsonl"; warned && len(got.Warnings) != 1 {
				t.Errorf("it has the warnings %v, want one", got.Warnings)
			}
			reason, _ := config.ReasonOf(err)
			if wantReason, _ := config.ReasonOf(wantErr); reason != wantReason || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("got %v, want %v", err, wantErr)
			}
		})
	}
}

func TestAProcessIsKeptForTheNextDocument(t *testing.T) {
	p := pool(t, Options{Workers: 1}, "well")
	mustRead(t, p, "a.txt", []byte("some words"))
	first := processOf(t, p)
	mustRead(t, p, "b.txt", []byte("some words"))
	if processOf(t, p) != first {
		t.Error("another process was started")
	}
	first.kill()
	<-first.gone
	mustRead(t, p, "c.txt", []byte("some words"))
	second := processOf(t, p)
	if second == first {
		t.Error("a dead process is used")
	}
	second.peak.Store(recycleAbove + 1) // it has given that back
	mustRead(t, p, "d.txt", []byte("some words"))
	p.expire(p.idle[0])
	if len(p.idle) != 0 || isAlive(second.command.Process.Pid) {
		t.Error("an idle process stays for ever")
	}
}

func TestAProcessIsKilledAtTheDeadlineOfItsDocument(t *testing.T) {
	p := pool(t, Options{Workers: 1}, "well")
	mustRead(t, p, "file.pdf", smallPDF())
	pid := processOf(t, p).command.Process.Pid
	p.options.Time = Time{Base: 200 * time.Millisecond, Each: time.Hour, Longest: 400 * time.Millisecond}
	_, err := p.Extract(t.Context(), "endless.pdf", pdftest.Endless())
	wantReason(t, err, config.TimedOut, "longer than the 400ms")
	if isAlive(pid) {
		t.Errorf("process %d is still there", pid)
	}
	p.options.Time = Time{Base: time.Minute, Longest: time.Minute}
	mustRead(t, p, "file.pdf", smallPDF())
}

func TestTheTimeOfADocument(t *testing.T) {
	time := Time{Base: 30 * time.Second, Each: time.Second, Longest: 5 * time.Minute}
	for _, c := range []struct {
		size, pages int
		want        string
	}{
		{85, 0, "30s"}, {10 << 20, 0, "40s"}, {131 << 10, 200, "3m50s"}, {131 << 10, 20_000, "5m0s"},
	} {
		w := watch{options: Options{Time: time}, size: c.size, pages: c.pages}
		if got := w.allowed().String(); got != c.want {
			t.Errorf("%d bytes and %d pages may take %s, want %s", c.size, c.pages, got, c.want)
		}
	}
}

func TestTheTimeThatPDFiumTakesToStartIsNotTheDocuments(t *testing.T) {
	o := Options{Memory: 1 << 40, Time: Time{Base: time.Second, Longest: time.Second}}
	w := watch{options: o, process: &process{command: selfCommand(t)}, begun: time.Now().Add(-2 * time.Second)}
	now := time.Now()
	wantReason(t, w.judge(now), config.TimedOut, "longer than the 1s")
	w.pause(true)
	if err := w.judge(now); err != nil {
		t.Errorf("while PDFium starts: %v", err)
	}
	if err := w.judge(now.Add(2 * startLimit)); err == nil {
		t.Error("PDFium may start for ever")
	} else if _, own := config.ReasonOf(err); own {
		t.Errorf("%v is not the document's fault", err)
	}
	w.paused = w.paused.Add(-3 * time.Second)
	w.pause(false)
	if err := w.judge(time.Now()); err != nil {
		t.Errorf("the time that PDFium took was counted: %v", err)
	}
}

func TestAProcessIsKilledWhenTheContextEnds(t *testing.T) {
	p := pool(t, Options{Workers: 1}, "well")
	mustRead(t, p, "file.pdf", smallPDF())
	pid := processOf(t, p).command.Process.Pid
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := p.Extract(ctx, "endless.pdf", pdftest.Endless()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if isAlive(pid) {
		t.Errorf("process %d is still there", pid)
	}
	if _, err := p.Extract(ctx, "a.txt", []byte("words")); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func TestAProcessThatBreaksDownFailsItsDocumentOnly(t *testing.T) {
	long := Time{Base: time.Hour, Longest: time.Hour} // a busy machine must not decide what is wrong with a process
	for _, c := range []struct {
		behaviour string
		reason    config.Reason
		says      string
	}{
		{"babbling", config.Malformed, "lost its way"},
		{"confused", config.Malformed, "lost its way"},
		{"endless", config.Malformed, "lost its way"},
		{"greedy", config.Malformed, "lost its way"},
		{"panicking", config.Malformed, "the index is out of range"},
		{"deep", config.TooComplex, "nested too deeply"},
		{"starving", config.TooLarge, "512 MiB of memory"},
	} {
		t.Run(c.behaviour, func(t *testing.T) {
			p := pool(t, Options{Workers: 1, Time: long}, c.behaviour)
			for range 2 { // the second shows that another process is started
				_, err := p.Extract(t.Context(), "a.txt", []byte("words"))
				wantReason(t, err, c.reason, c.says)
			}
		})
	}
}

func TestAProcessThatTheSystemKillsFailsItsDocumentOnly(t *testing.T) {
	p := pool(t, Options{Workers: 1}, "well")
	w, err := p.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-w.gone
	if err := w.send(extract.Input{Name: "a.txt", Data: []byte("words")}); err == nil {
		t.Error("a dead process takes a document")
	}
	_, err = w.read(nil)
	wantReason(t, w.failure(err, DefaultMemory), config.TooLarge, "killed")
	p.release(w)
	mustRead(t, p, "a.txt", []byte("words"))
}

func TestAProcessThatDoesNotWorkIsNotTheDocumentsFault(t *testing.T) {
	none := New(Options{Command: []string{filepath.Join(t.TempDir(), "none")}})
	defer none.Close()
	for want, p := range map[string]*Pool{
		"nothing here to work with": pool(t, Options{Workers: 1}, "mute"),
		"no such thing":             pool(t, Options{Workers: 1}, "broken"),
		"no such file":              none,
	} {
		for range 2 { // the second shows that the first gave its place back
			_, err := p.Extract(t.Context(), "file.pdf", smallPDF())
			if _, own := config.ReasonOf(err); err == nil || own || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error that is not the document's and contains %q", err, want)
			}
		}
	}
}

func TestAProcessHasNoEnvironment(t *testing.T) {
	t.Setenv("SOME_API_KEY", "secret")
	p := pool(t, Options{Workers: 1}, "well")
	mustRead(t, p, "a.txt", []byte("words"))
	if got := processOf(t, p).command.Environ(); len(got) > 0 {
		t.Errorf("it has %q", got)
	}
}

func TestProcessesEndWithThePool(t *testing.T) {
	p := pool(t, Options{Workers: 2}, "well")
	mustRead(t, p, "a.txt", []byte("words"))
	idle := processOf(t, p)
	busy, err := start(t.Context(), p.options.Command)
	if err != nil {
		t.Fatal(err)
	}
	p.slots <- struct{}{} // busy's place
	closed := make(chan struct{})
	go func() {
		p.Close()
		close(closed)
	}()
	<-idle.gone
	select {
	case <-closed:
		t.Error("Close does not wait for the process in use")
	default:
	}
	p.release(busy)
	<-closed
	if isAlive(busy.command.Process.Pid) {
		t.Error("the process that was in use is still there")
	}
	p.Close()
	if _, err := p.Extract(t.Context(), "a.txt", []byte("words")); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("got %v", err)
	}
}

func TestAProcessEndsWithItsInput(t *testing.T) {
	p := pool(t, Options{Workers: 1}, "well")
	w, err := p.acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer p.release(w)
	if err := w.in.Close(); err != nil {
		t.Fatal(err)
	}
	<-w.gone
	if !w.command.ProcessState.Success() {
		t.Errorf("it ended with %v", w.command.ProcessState)
	}
}
