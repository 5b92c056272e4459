package extract

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// maxJSONDepth bounds nesting; the path of a value has one name for each level.
const maxJSONDepth = 100

// readJSON writes each value as a line "path.to.key: value", with a blank line before each object of an array
// and each document of JSON Lines. The title is the top-level "title" of a single document.
func readJSON(ctx context.Context, s source) (*Document, error) {
	text, warnings := decode(s.data)
	w := &jsonWriter{
		decoder: json.NewDecoder(strings.NewReader(text)),
		out:     &flow{ctx: ctx, limit: newLimit(s.max)},
	}
	w.decoder.UseNumber()
	documents := 0
	for {
		token, err := w.decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			documents++
			w.gap = true
			err = w.value(nil, token)
		}
		if err != nil {
			return nil, w.failure(err, text)
		}
	}
	if documents > 1 {
		w.title = ""
	}
	d, err := withText(w.out.single(oneLine(w.title)), config.Malformed, "the JSON document holds no values")
	return warned(d, err, warnings)
}

// jsonWriter walks the tokens of a document.
type jsonWriter struct {
	decoder *json.Decoder
	out     *flow
	gap     bool // the next line begins a record
	title   string
}

func (w *jsonWriter) value(path []string, token json.Token) error {
	if len(path) > maxJSONDepth {
		return config.Failf(config.Malformed, "the JSON document is nested deeper than %d levels", maxJSONDepth)
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
		if err := w.value(append(slices.Clip(path), oneLine(name)), token); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token() // the end of the object
	return err
}

func (w *jsonWriter) array(path []string) error {
	for w.decoder.More() {
		token, err := w.decoder.Token()
		if err != nil {
			return err
		}
		if token == json.Delim('{') {
			w.gap = true
		}
		// Arrays directly in arrays have no name of their own, yet must count as deeper.
		if token == json.Delim('[') {
			err = w.value(append(slices.Clip(path), ""), token)
		} else {
			err = w.value(path, token)
		}
		if err != nil {
			return err
		}
	}
	_, err := w.decoder.Token() // the end of the array
	return err
}

// scalar writes a line. Texts of several lines keep them.
func (w *jsonWriter) scalar(path []string, value string) error {
	if value = normalise(value); value == "" {
		return nil
	}
	if name := jsonPath(path); name != "" {
		value = name + ": " + value
	}
	if w.gap {
		w.gap = false
		return w.out.paragraph(value)
	}
	return w.out.line(value)
}

func jsonPath(path []string) string {
	named := make([]string, 0, len(path))
	for _, p := range path {
		if p != "" {
			named = append(named, p)
		}
	}
	return strings.Join(named, ".")
}

// failure says on which line the JSON is broken, without quoting it.
func (w *jsonWriter) failure(err error, text string) error {
	if _, ok := config.ReasonOf(err); ok || w.out.ctx.Err() != nil {
		return err
	}
	line := 1 + strings.Count(text[:min(int(w.decoder.InputOffset()), len(text))], "\n")
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return config.Failf(config.Malformed, "the JSON document ends in the middle of a value, perhaps it is cut off")
	}
	return config.Failf(config.Malformed, "the JSON document is broken at line %d: %s", line, quote(err.Error()))
}
