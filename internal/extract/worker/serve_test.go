package worker

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract"
)

// selfCommand is a command that stands for this process.
func selfCommand(t *testing.T) *exec.Cmd {
	t.Helper()
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	return &exec.Cmd{Process: self}
}

func TestServeRefusesWhatIsNotADocument(t *testing.T) {
	frame := func(kind byte, v any) string {
		var b bytes.Buffer
		if err := writeFrame(&b, kind, v); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for name, in := range map[string]string{
		"words":                "GET / HTTP/1.1\r\n",
		"half a document":      frame(frameDocument, task{Name: "a", Size: 10})[:9],
		"half its bytes":       frame(frameDocument, task{Name: "a", Size: 10}) + "12345",
		"too large a document": frame(frameDocument, task{Size: 1 << 40}),
		"an empty document":    frame(frameDocument, task{}),
		"another frame":        frame(frameEnd, task{Size: 1}) + "1",
		"another body":         frame(frameDocument, "a name") + "1",
	} {
		if err := Serve(strings.NewReader(in), io.Discard, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := Serve(bytes.NewReader(nil), io.Discard, ""); err != nil {
		t.Errorf("without any document: %v", err)
	}
}

func TestAFrameIsBounded(t *testing.T) {
	if err := writeFrame(io.Discard, framePage, strings.Repeat("x", maxFrame)); !errors.Is(err, errTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, _, err := readFrame(strings.NewReader("p\xff\xff\xff\xff"), maxFrame); !errors.Is(err, errGarbage) {
		t.Errorf("got %v", err)
	}
	if _, _, err := readFrame(strings.NewReader("p\x00\x00\x00\x05{}"), maxFrame); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("half a frame: %v", err)
	}
}

func TestTheEndOfALongNameIsKept(t *testing.T) {
	if got := shortName(strings.Repeat("\"/", maxName) + ".md"); len(got) > maxName/8 || !strings.HasSuffix(got, "/.md") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-4:])
	}
}

// FuzzAnswer feeds what a process might answer: a document as promised, or an error.
func FuzzAnswer(f *testing.F) {
	var answer bytes.Buffer
	for _, frame := range []struct {
		kind byte
		body any
	}{
		{frameStarting, nil}, {frameStarted, nil}, {frameReached, 1}, {framePage, page{Number: 1}},
		{frameEnd, end{Title: "t"}},
	} {
		if err := writeFrame(&answer, frame.kind, frame.body); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(answer.Bytes())
	f.Add([]byte("p\x00\x00\x00\x0b{\"Text\": 5 }wordse\x00\x00\x00\x02{}"))
	f.Add([]byte("e\xff\xff\xff\xff{}"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		p := &process{answers: bufio.NewReader(bytes.NewReader(answer))}
		d, err := p.read(&watch{})
		if err != nil {
			return
		}
		texts := 0
		for _, page := range d.Pages {
			texts += len(page.Text)
		}
		if texts > min(len(answer), extract.MaxText) {
			t.Errorf("%d bytes of text in an answer of %d", texts, len(answer))
		}
	})
}
