package extract

import (
	"regexp"
	"strings"
)

// startsJSON reports whether a text that is named as JSON begins as such: behind comments, or the sign above each
// document of a sequence (RFC 7464).
func startsJSON(start string) bool {
	start = start[blankJSON(start, 0, lastCommentEnd(start)):]
	return strings.HasPrefix(start, "{") || strings.HasPrefix(start, "[")
}

// strictJSON is a text without what people and programs write beyond the standard: comments, commas behind the last
// element, and signs between documents become blanks, and the numbers that JSON does not have become strings.
// Backslashes that take no sign its meaning, as in paths of Windows, are doubled. No string goes on over a line's end.
// Lines stay where they are.
func strictJSON(text string) string {
	e := textEdits{text: text}
	lastEnd := lastCommentEnd(text)
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n':
			inString = false
		case c == '"':
			inString = !inString
		case !inString:
			i = e.strict(i, lastEnd)
		case c == '\\' && i+1 < len(text):
			if strings.IndexByte(`"\/bfnrtu`, text[i+1]) < 0 && text[i+1] > ' ' {
				e.replace(i, i, `\`)
			}
			i++
		}
	}
	return e.edited()
}

// strict replaces what stands at a place outside of strings, and returns the last place of it.
func (e *textEdits) strict(i, lastEnd int) int {
	switch c := e.text[i]; c {
	case '/', '#', '\x1e':
		if end := blankJSON(e.text, i, lastEnd); end > i {
			e.replace(i, end, strings.Repeat("\n", strings.Count(e.text[i:end], "\n"))+" ")
			return end - 1
		}
	case ',':
		next := blankJSON(e.text, i+1, lastEnd)
		if next < len(e.text) && (e.text[next] == ']' || e.text[next] == '}') {
			e.replace(i, i+1, " ")
		}
	case 'N', 'I', '-':
		if word := notNumber.FindString(e.text[i:min(i+len("-Infinity"), len(e.text))]); word != "" {
			e.replace(i, i+len(word), `"`+word+`"`)
			return i + len(word) - 1
		}
	}
	return i
}

var notNumber = regexp.MustCompile(`^(?:NaN|-?Infinity)`)

// lastCommentEnd is the place of a text's last */, or -1: no comment behind it is searched for its end.
func lastCommentEnd(text string) int { return strings.LastIndex(text, "*/") }

// blankJSON is where blanks, comments and signs between documents end that stand at a place.
func blankJSON(text string, at, lastEnd int) int {
	for at < len(text) {
		rest := text[at:]
		end := 0
		switch {
		case strings.IndexByte(" \t\r\n\x1e", rest[0]) >= 0:
			end = 1
		case rest[0] == '#' || strings.HasPrefix(rest, "//"):
			if end = strings.IndexByte(rest, '\n'); end < 0 {
				end = len(rest)
			}
		case strings.HasPrefix(rest, "/*") && at+len("/*") <= lastEnd:
			end = len("/*") + strings.Index(rest[len("/*"):], "*/") + len("*/")
		}
		if end == 0 {
			return at
		}
		at += end
	}
	return at
}

// textEdits is a text of which places are replaced, in their order. It is copied only if there are any.
type textEdits struct {
	text string
	done int
	b    strings.Builder
}

func (e *textEdits) replace(from, to int, by string) {
	if e.b.Len() == 0 {
		e.b.Grow(len(e.text) + len(by))
	}
	e.b.WriteString(e.text[e.done:from])
	e.b.WriteString(by)
	e.done = to
}

func (e *textEdits) edited() string {
	if e.b.Len() == 0 {
		return e.text
	}
	e.b.WriteString(e.text[e.done:])
	return e.b.String()
}
