package records

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Bounds on a JSON document. The path of a value has one name for each level, of which the middle is left out when
// there are many.
const (
	maxJSONDepth  = 1_000
	maxJSONValues = 5_000_000
	maxJSONPath   = 16
)

// ReadJSON writes each value as a line "path.to.key: value", with a blank line before each object of an array
// and each document of JSON Lines. The title is the top-level "title" of a single document. A line of JSON Lines that
// is broken is left out, and so is the rest of an element of an array, if most are whole. A document that is cut off
// fails: nothing tells how much of it is missing.
func ReadJSON(ctx context.Context, s document.Source) (*document.Document, error) {
	text, warnings := charset.Decode(s.Data)
	text = strictJSON(text)
	w := &jsonWriter{out: &document.Flow{Context: ctx, Limit: document.NewLimit(s.Max)}}
	var err error
	if isJSONLines(s.Name, text) {
		err = w.lines(text)
	} else {
		err = w.documents(text)
	}
	if err != nil {
		return nil, err
	}
	warnings.Merge(w.warnings)
	plain.Payloads(&warnings, w.payloads)
	d, err := document.WithText(w.out.Single(plain.OneLine(w.title)), config.Malformed,
		"the JSON document holds no values")
	return document.Warned(d, err, warnings)
}

// isJSONLines goes by the name, and by the first line, which is whole and not the only one.
func isJSONLines(name, text string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".jsonl", ".ndjson":
		return true
	}
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return strings.HasPrefix(first, "{") && strings.HasPrefix(strings.TrimSpace(rest), "{") && json.Valid([]byte(first))
}

// lines reads a document a line. Documents that take several lines each are not JSON Lines, and read as they are.
func (w *jsonWriter) lines(text string) error {
	n, good, documents := 0, 0, 0
	var bad []string
	for line := range strings.Lines(text) {
		if n++; strings.TrimSpace(line) == "" {
			continue
		}
		if documents++; !json.Valid([]byte(line)) {
			bad = append(bad, fmt.Sprintf("line %d", n))
			continue
		}
		good++
	}
	if good == 0 || len(bad) > good {
		return w.documents(text)
	}
	w.warnings.Add(config.LinesSkipped, len(bad), bad...)
	n = 0
	for line := range strings.Lines(text) {
		if n++; !json.Valid([]byte(line)) {
			continue
		}
		if err := w.documents(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if documents > 1 {
		w.title = ""
	}
	return nil
}

// documents reads the documents of a text, which follow each other. A line behind them that is not one is left out.
func (w *jsonWriter) documents(text string) error {
	w.newlines, w.counted = 0, 0
	if err := w.start(text, 0); err != nil {
		return err
	}
	for n := 1; ; n++ {
		token, err := w.decoder.Token()
		if errors.Is(err, io.EOF) {
			return w.enough()
		}
		if n > 1 && w.isBroken(err) {
			if err := w.goOn(err, lineEnd(text, w.at())); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			w.gap = true
			err = w.value(nil, token)
		}
		if err != nil {
			return w.failure(err)
		}
		if w.elements++; n > 1 {
			w.title = ""
		}
	}
}

// enough fails a document of which more elements are broken than whole.
func (w *jsonWriter) enough() error {
	if w.skipped > w.elements {
		return w.broken
	}
	return nil
}

// jsonWriter walks the tokens of a document.
type jsonWriter struct {
	decoder  *json.Decoder
	text     string
	base     int    // is where the decoder's input would begin in text
	open     []byte // are the brackets around what is read
	out      *document.Flow
	gap      bool // the next line begins a record
	title    string
	values   int
	payloads int
	warnings config.Warnings

	// What is broken.
	elements, skipped int   // of arrays, and documents
	broken            error // the first fault
	searched          int
	newlines, counted int // how many lines end in the text up to a place
}

// value writes a value, whose path each level extends in place.
func (w *jsonWriter) value(path []string, token json.Token) error {
	if len(path) > maxJSONDepth {
		return config.Failf(config.TooComplex, "the JSON document is nested deeper than %d levels", maxJSONDepth)
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return w.object(path)
		}
		return w.array(path)
	case nil:
		return nil
	case bool:
		if t {
			return w.scalar(path, "true")
		}
		return w.scalar(path, "false")
	case json.Number:
		return w.scalar(path, t.String())
	case string:
		if len(path) == 1 && path[0] == "title" && w.title == "" {
			w.title = t
		}
		return w.scalar(path, t)
	}
	return nil
}

func (w *jsonWriter) object(path []string) error {
	w.open = append(w.open, '{')
	for w.decoder.More() {
		key, err := w.decoder.Token()
		if err != nil {
			return err
		}
		token, err := w.decoder.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if err := w.value(append(path, plain.OneLine(name)), token); err != nil {
			return err
		}
	}
	return w.end()
}

// array reads the elements that are whole.
func (w *jsonWriter) array(path []string) error {
	level := len(w.open)
	w.open = append(w.open, '[')
	for w.decoder.More() {
		from := w.at()
		err := w.element(path)
		if err == nil {
			w.elements++
			continue
		}
		w.open = w.open[:level+1]
		if err := w.skip(err, from); err != nil {
			return err
		}
	}
	return w.end()
}

func (w *jsonWriter) element(path []string) error {
	token, err := w.decoder.Token()
	if err != nil {
		return err
	}
	if token == json.Delim('{') {
		w.gap = true
	}
	// Arrays directly in arrays have no name of their own, yet must count as deeper.
	if token == json.Delim('[') {
		return w.value(append(path, ""), token)
	}
	return w.value(path, token)
}

// end reads the end of the innermost array or object.
func (w *jsonWriter) end() error {
	_, err := w.decoder.Token()
	if err == nil {
		w.open = w.open[:len(w.open)-1]
	}
	return err
}

// scalar writes a line. Texts of several lines keep them.
func (w *jsonWriter) scalar(path []string, value string) error {
	if w.values++; w.values > maxJSONValues {
		return config.Failf(config.TooComplex, "the JSON document holds more than %d values: split it", maxJSONValues)
	}
	value, n := plain.WithoutPayloads(value)
	w.payloads += n
	if value = plain.Normalise(value); value == "" {
		return nil
	}
	if name := JSONPath(path); name != "" {
		value = name + ": " + value
	}
	if w.gap {
		w.gap = false
		return w.out.Paragraph(value)
	}
	return w.out.Line(value)
}

// JSONPath is the names on the way to a value, with dots between them. Of a long way the middle is left out.
func JSONPath(path []string) string {
	if half := maxJSONPath / 2; len(path) > maxJSONPath {
		path = slices.Concat(path[:half], []string{"..."}, path[len(path)-half+1:])
	}
	named := make([]string, 0, len(path))
	for _, p := range path {
		if p != "" {
			named = append(named, p)
		}
	}
	return strings.Join(named, ".")
}

// failure says on which line the JSON is broken, without quoting it.
func (w *jsonWriter) failure(err error) error {
	if !w.isBroken(err) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return config.Failf(config.Malformed, "the JSON document ends in the middle of a value, perhaps it is cut off")
	}
	return config.Failf(config.Malformed, "the JSON document is broken at line %d: %s", w.line(), plain.Quote(err.Error()))
}
