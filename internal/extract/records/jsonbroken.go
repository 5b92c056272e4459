package records

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// maxJSONSearched bounds the search for the ends of broken elements in a whole document, and the brackets around them
// that are read again.
const (
	maxJSONSearched = 256 << 20 // bytes
	bytesForToken   = 64        // are searched while a token is read
)

// start makes w read a text from a place on, within the arrays and objects that are open there.
func (w *jsonWriter) start(text string, from int) error {
	var opened strings.Builder
	tokens := len(w.open)
	for _, bracket := range w.open {
		if opened.WriteByte(bracket); bracket == '{' {
			opened.WriteString(`"":`)
			tokens++
		}
	}
	if len(w.open) > 0 { // an element stands before the place
		opened.WriteByte('0')
		tokens++
	}
	w.searched += tokens * bytesForToken
	w.text, w.base = text, from-opened.Len()
	w.decoder = json.NewDecoder(io.MultiReader(strings.NewReader(opened.String()), strings.NewReader(text[from:])))
	w.decoder.UseNumber()
	for range tokens {
		if _, err := w.decoder.Token(); err != nil {
			return err
		}
	}
	return nil
}

// at is the place that was read up to.
func (w *jsonWriter) at() int { return min(w.base+int(w.decoder.InputOffset()), len(w.text)) }

// isBroken reports whether err is a fault of the document's form, behind which it can be read on.
func (w *jsonWriter) isBroken(err error) bool {
	_, own := config.ReasonOf(err)
	return err != nil && !own && w.out.Context.Err() == nil
}

// skip goes on behind the element of the innermost array that begins at a place and is broken. What of it was read
// before the fault stays.
func (w *jsonWriter) skip(err error, from int) error {
	if !w.isBroken(err) || w.searched > maxJSONSearched {
		return err
	}
	end, searched := brokenElementEnd(w.text, from, w.at())
	if w.searched += searched; end == len(w.text) {
		return err
	}
	return w.goOn(err, end)
}

// goOn reports that what the document has up to a place is broken, and reads on there.
func (w *jsonWriter) goOn(err error, end int) error {
	if w.broken == nil {
		w.broken = w.failure(err)
	}
	w.warnings.Add(config.LinesSkipped, 1, fmt.Sprintf("line %d", w.line()))
	w.skipped++
	w.gap = true
	return w.start(w.text, end)
}

// line is the line that was read up to.
func (w *jsonWriter) line() int {
	at := w.at()
	w.newlines += strings.Count(w.text[min(w.counted, at):at], "\n")
	w.counted = max(w.counted, at)
	return 1 + w.newlines
}

// objectEnd is where an object of an array ends: the next begins, or the array ends.
var objectEnd = regexp.MustCompile(`\}\s*(?:,\s*\{|\])`)

// brokenElementEnd is where an element of an array ends that begins at from and is broken at another place: in front of
// the comma or bracket behind it. Where a quote is missing, brackets tell nothing: then the next object begins before
// an array does. It also returns how far it searched.
func brokenElementEnd(text string, from, broken int) (end, searched int) {
	end = matchedEnd(text, from, broken)
	search := text[max(broken-1, from):end]
	next := objectEnd.FindStringIndex(search)
	if next != nil && (end == len(text) || !strings.Contains(search[:next[0]], "[")) {
		return end - len(search) + next[0] + 1, end - from
	}
	return end, end - from
}

// matchedEnd is where the element ends by its brackets.
func matchedEnd(text string, from, broken int) int {
	depth, inString := 0, false
	for i := from; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			inString = false
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
		case depth <= 0 && i >= broken && (c == ',' || c == ']' || c == '}'):
			return i
		case c == '}' || c == ']':
			depth--
		}
	}
	return len(text)
}
