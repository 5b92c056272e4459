package extract

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// ServePDF is what a worker process does: it reads PDFs that an Extractor with Options.Worker sends on in, one at a
// time, and answers on out, which nothing else may write to. It returns when in ends, without an error, even when
// PDFium still runs: the process must end then. Nothing in it bounds a document's time, since the Extractor kills
// the process at the document's deadline. cacheDir holds compiled PDFium, as Options.CacheDir does.
func ServePDF(in io.Reader, out io.Writer, cacheDir string) error {
	starter := newPDFiumStarter(cacheDir, false)
	p, err := starter.start()
	if err != nil {
		return fmt.Errorf("start PDFium: %w", err)
	}
	if err := writeFrame(out, pdfAnswer{Ready: true}); err != nil {
		return err
	}
	ended := make(chan error, 2)
	documents := make(chan source)
	go func() { ended <- receiveDocuments(in, documents) }()
	go func() { ended <- answerDocuments(p, documents, out) }()
	return <-ended
}

// receiveDocuments also waits for the end of in while a document is read.
func receiveDocuments(in io.Reader, documents chan<- source) error {
	r := bufio.NewReader(in)
	for {
		task, err := readFrame[pdfTask](r, maxTask)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if task.Size < 0 || task.Size > maxSource {
			return fmt.Errorf("a document of %d bytes is announced, at most %d can be read", task.Size, maxSource)
		}
		data := make([]byte, task.Size)
		if _, err := io.ReadFull(r, data); err != nil {
			return err
		}
		documents <- source{data: data, max: task.MaxText}
	}
}

func answerDocuments(p *pdfium, documents <-chan source, out io.Writer) error {
	for s := range documents {
		w := bufio.NewWriter(out)
		d, err := p.read(s, func(page int) {
			_ = writeFrame(w, pdfAnswer{Reached: page}) // what fails here fails at the end too
			_ = w.Flush()
		})
		if err := writeAnswer(w, d, err, !p.usable()); err != nil {
			return err
		}
	}
	return nil
}

// writeAnswer sends a document page by page, or its failure.
func writeAnswer(w *bufio.Writer, d *Document, failure error, spent bool) error {
	end := &pdfEnd{Spent: spent}
	if failed, ok := errors.AsType[*config.DocumentError](failure); ok {
		end.Reason, end.Message = failed.Reason, failed.Err.Error()
	} else {
		for i := range d.Pages {
			if err := writeFrame(w, pdfAnswer{Page: &d.Pages[i]}); err != nil {
				return err
			}
		}
		end.Title, end.Warnings = d.Title, d.Warnings
	}
	if err := writeFrame(w, pdfAnswer{End: end}); err != nil {
		return err
	}
	return w.Flush()
}
