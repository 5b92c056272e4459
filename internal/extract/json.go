package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Bounds on a JSON document. The path of a value has one name for each level, of which the middle is left out when
// there are many.
const (
	maxJSONDepth  = 1_000
	maxJSONValues = 5_000_000
	maxJSONPath   = 16
)

// readJSON writes each value as a line "path.to.key: value", with a blank line before each object of an array
// and each document of JSON Lines. The title is the top-level "title" of a single document. In JSON Lines a line
// that is broken is left out.
func readJSON(ctx context.Context, s source) (*Document, error) {
	text, warnings := decode(s.data)
	if strings.Contains(text, "NaN") || strings.Contains(text, "Infinity") {
		text = quotedNumbers(text)
	}
	w := &jsonWriter{out: &flow{ctx: ctx, limit: newLimit(s.max)}}
	var err error
	if isJSONLines(s.name, text) {
		err = w.lines(text)
	} else {
		err = w.documents(text)
	}
	if err != nil {
		return nil, err
	}
	warnings.Merge(w.warnings)
	payloads(&warnings, w.payloads)
	d, err := withText(w.out.single(oneLine(w.title)), config.Malformed, "the JSON document holds no values")
	return warned(d, err, warnings)
}

// quotedNumbers is a text in which the numbers that programs write and JSON does not have are strings. No string goes
// on over a line's end.
func quotedNumbers(text string) string {
	var b strings.Builder
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			inString = false
		case c == '"':
			inString = !inString
		case inString && c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
		case !inString && (c == 'N' || c == 'I' || c == '-'):
			if word := notNumber.FindString(text[i:min(i+len("-Infinity"), len(text))]); word != "" {
				b.WriteString(`"` + word + `"`)
				i += len(word) - 1
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

var notNumber = regexp.MustCompile(`^(?:NaN|-?Infinity)`)

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

// documents reads the documents of a text, which follow each other.
func (w *jsonWriter) documents(text string) error {
	w.decoder = json.NewDecoder(strings.NewReader(text))
	w.decoder.UseNumber()
	for n := 1; ; n++ {
		token, err := w.decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			w.gap = true
			err = w.value(nil, token)
		}
		if err != nil {
			return w.failure(err, text)
		}
		if n > 1 {
			w.title = ""
		}
	}
}

// jsonWriter walks the tokens of a document.
type jsonWriter struct {
	decoder  *json.Decoder
	out      *flow
	gap      bool // the next line begins a record
	title    string
	values   int
	payloads int
	warnings config.Warnings
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
		if err := w.value(append(path, oneLine(name)), token); err != nil {
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
			err = w.value(append(path, ""), token)
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
	if w.values++; w.values > maxJSONValues {
		return config.Failf(config.TooComplex, "the JSON document holds more than %d values: split it", maxJSONValues)
	}
	value, n := withoutPayloads(value)
	w.payloads += n
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
