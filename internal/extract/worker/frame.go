package worker

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
)

// Pool and process exchange frames: a letter that names the kind, the length of the body as 32 bits in network order,
// then the body. The Pool sends documents. The process is ready first, and answers each document with its pages in
// order and its end; before that, it may tell any number of times what it comes to.
const (
	frameDocument = 'd' // JSON of a task, then the bytes that it announces
	frameReady    = 'r' // empty
	frameStarting = 's' // empty: PDFium is being started, which is not the document's fault
	frameStarted  = 't' // empty
	frameReached  = 'n' // JSON of the number of the page that is read now
	framePage     = 'p' // JSON of a page, then the text that it announces
	frameEnd      = 'e' // JSON of an end
)

// maxFrame bounds a frame's JSON, in bytes: the places of five million cells are not more.
const maxFrame = 48 << 20

// task goes before a document.
type task struct {
	Name string
	Size int // of the document, in bytes
	Draw int `json:",omitempty"` // is the page to draw; 0 reads the document
}

// page is a page without its text.
type page struct {
	Number   int
	Text     int               // the length of the text, in bytes
	Headings []extract.Heading `json:",omitempty"`
	Tables   []extract.Table   `json:",omitempty"`
	Slide    bool              `json:",omitempty"`
	Lines    []extract.Line    `json:",omitempty"`
}

// end tells what became of the document.
type end struct {
	Title    string          `json:",omitempty"`
	Metadata config.Metadata `json:",omitempty"`
	Warnings config.Warnings `json:",omitempty"`
	Readers  config.Readers  `json:",omitempty"`
	Reason   config.Reason   `json:",omitempty"` // of the document's failure; empty if it was read
	Message  string          `json:",omitempty"` // of the document's failure, or of Broken
	Broken   bool            `json:",omitempty"` // the process cannot read any such document
}

// err is the document's failure, the process's, or nil.
func (e *end) err() error {
	switch {
	case e.Broken:
		return fmt.Errorf("%w: %s", errBroken, e.Message)
	case e.Reason != "":
		return config.Failf(e.Reason, "%s", e.Message)
	}
	return nil
}

var (
	// errGarbage means that the other side does not keep to the frames.
	errGarbage = errors.New("not a frame that is expected here")
	// errTooLarge means that a frame was not written because it is larger than maxFrame.
	errTooLarge = fmt.Errorf("a frame of more than %d bytes", maxFrame)
	// errBroken means that the process cannot read any such document.
	errBroken = errors.New("the process that reads documents does not work")
)

// writeFrame writes a frame whose body is v's JSON, empty for nil.
func writeFrame(w io.Writer, kind byte, v any) error {
	frame := bytes.NewBuffer([]byte{kind, 0, 0, 0, 0})
	if v != nil {
		e := json.NewEncoder(frame)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	length := frame.Len() - 5
	if length > maxFrame {
		return errTooLarge
	}
	binary.BigEndian.PutUint32(frame.Bytes()[1:5], uint32(length))
	_, err := w.Write(frame.Bytes())
	return err
}

// readFrame reads a frame of at most max bytes. A declared length is not believed: memory grows with what comes.
func readFrame(r io.Reader, max int) (kind byte, body []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	n := int64(binary.BigEndian.Uint32(head[1:]))
	if n > int64(max) {
		return 0, nil, fmt.Errorf("%w: it has %d bytes, at most %d are expected", errGarbage, n, max)
	}
	if n == 0 {
		return head[0], nil, nil
	}
	var b bytes.Buffer
	if got, err := io.CopyN(&b, r, n); err != nil {
		//nolint:errorlint // io.EOF is the end between frames
		return 0, nil, fmt.Errorf("a frame ends after %d of its %d bytes: %v", got, n, err)
	}
	return head[0], b.Bytes(), nil
}

func decode[T any](body []byte) (v T, err error) {
	if err := json.Unmarshal(body, &v); err != nil {
		return v, fmt.Errorf("%w: %w", errGarbage, err)
	}
	return v, nil
}

// readText reads the text that a page announces.
func readText(r io.Reader, bytes int) (string, error) {
	var text strings.Builder
	text.Grow(bytes) // the caller has checked it
	_, err := io.CopyN(&text, r, int64(bytes))
	return text.String(), err
}
