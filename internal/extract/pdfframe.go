package extract

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// What goes between an Extractor and the processes that read PDFs for it: frames, each the length of its body as
// 32 bits in network order, then the body, which is JSON. A document is a pdfTask, and its bytes after that frame.
// The answer is any number of pdfAnswers; one with an End is the last. Before its first document a worker sends one
// that is Ready.

// pdfTask goes before a document.
type pdfTask struct {
	Size    int64 // of the document, in bytes
	MaxText int64 // bytes
}

const maxTask = 1 << 10 // bytes

// pdfAnswer says one thing, and so has one field set.
type pdfAnswer struct {
	Ready   bool    `json:",omitempty"`
	Reached int     `json:",omitempty"` // the number of the page that is read now
	Page    *Page   `json:",omitempty"` // pages come in order, once all are read
	End     *pdfEnd `json:",omitempty"`
}

// pdfEnd says what became of the document.
type pdfEnd struct {
	Title   string        `json:",omitempty"`
	Reason  config.Reason `json:",omitempty"` // of the failure; empty when the document was read
	Message string        `json:",omitempty"` // of the failure
	// Warnings are those of a document that was read.
	Warnings config.Warnings `json:",omitempty"`
	Spent    bool            `json:",omitempty"` // the worker must not be used again
}

// err is the document's failure, nil when it was read.
func (e *pdfEnd) err() error {
	if e.Reason == "" {
		return nil
	}
	return config.Failf(e.Reason, "%s", e.Message)
}

// maxAnswer bounds an answer in bytes. JSON doubles a text at most, since texts have no control characters but \n
// and \t; the rest is for headings, whose number is bounded for outlines and by the text otherwise.
func maxAnswer(maxText int64) int64 { return 4*maxText + 16<<20 }

var errGarbage = errors.New("no answer of a PDF worker")

func writeFrame(w io.Writer, v any) error {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // it would make texts longer than maxAnswer takes into account
	if err := e.Encode(v); err != nil {
		return err
	}
	length := binary.BigEndian.AppendUint32(nil, uint32(body.Len())) // bodies are bounded far below 4 GiB
	if _, err := w.Write(length); err != nil {
		return err
	}
	_, err := w.Write(body.Bytes())
	return err
}

// readFrame reads a frame of at most max bytes. A declared length is not believed: memory grows with what comes.
func readFrame[T any](r io.Reader, max int64) (T, error) {
	var v T
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return v, err
	}
	n := int64(binary.BigEndian.Uint32(length[:]))
	if n > max {
		return v, fmt.Errorf("%w: it has %d bytes, at most %d are expected", errGarbage, n, max)
	}
	var body bytes.Buffer
	if got, err := io.CopyN(&body, r, n); err != nil {
		//nolint:errorlint // io.EOF is the end between frames
		return v, fmt.Errorf("a frame ends after %d of its %d bytes: %v", got, n, err)
	}
	if err := json.Unmarshal(body.Bytes(), &v); err != nil {
		return v, fmt.Errorf("%w: %w", errGarbage, err)
	}
	return v, nil
}
