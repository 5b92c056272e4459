package records

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

// StartsJSON reports whether a text that is named as JSON begins as such: behind comments, or the sign above each
// document of a sequence (RFC 7464).
func StartsJSON(start string) bool {
	start = withoutWrapper(start)
	start = start[blankJSON(start, 0, lastCommentEnd(start)):]
	return strings.HasPrefix(start, "{") || strings.HasPrefix(start, "[")
}

// jsonWrapper is what servers write in front of JSON, so that no page can run it, or a call of it.
var jsonWrapper = regexp.MustCompile(`^\s*(?:\)\]\}',?|while\s*\(1\);|for\s*\(;;\);|(?:/\*\*/\s*)?[\w$.]{1,100}\()\s*([\[{])`)

// withoutWrapper is a text without that, and without the end of the call.
func withoutWrapper(text string) string {
	m := jsonWrapper.FindStringSubmatchIndex(text[:min(len(text), 1024)])
	if m == nil {
		return text
	}
	lines := strings.Repeat("\n", strings.Count(text[:m[2]], "\n"))
	return lines + strings.TrimSuffix(strings.TrimRight(text[m[2]:], "; \t\r\n"), ")")
}

// strictJSON is a text without what people and programs write beyond the standard: comments, commas behind the last
// element, and signs between documents become blanks; names without quotes, strings in single ones and the numbers of
// JSON5 become what JSON has, and so do the words of Python. The numbers that JSON does not have become strings.
// Backslashes that take no sign its meaning, as in paths of Windows, are doubled. No string goes on over a line's end,
// but behind a backslash.
func strictJSON(text string) string {
	e := textEdits{text: withoutWrapper(text)}
	text = e.text
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
			i = e.escape(i)
		}
	}
	return e.edited()
}

// escape makes a backslash in a string and the sign behind it what JSON has, and returns the place of that sign.
func (e *textEdits) escape(i int) int {
	switch next := e.text[i+1]; {
	case next == '\n':
		e.replace(i, i+2, "")
	case next == '\r' && strings.HasPrefix(e.text[i+2:], "\n"):
		e.replace(i, i+3, "")
		return i + 2
	case next == '\'':
		e.replace(i, i+1, "")
	case strings.IndexByte(`"\/bfnrtu`, next) < 0 && next > ' ':
		e.replace(i, i, `\`)
	}
	return i + 1
}

// strict replaces what stands at a place outside of strings, and returns the last place of it.
func (e *textEdits) strict(i, lastEnd int) int {
	switch c := e.text[i]; {
	case c == '/', c == '#', c == '\x1e':
		if end := blankJSON(e.text, i, lastEnd); end > i {
			e.replace(i, end, strings.Repeat("\n", strings.Count(e.text[i:end], "\n"))+" ")
			return end - 1
		}
	case c == ',':
		next := blankJSON(e.text, i+1, lastEnd)
		if next < len(e.text) && (e.text[next] == ']' || e.text[next] == '}') {
			e.replace(i, i+1, " ")
		}
	case c == '\'':
		return e.singleQuoted(i)
	case isDigit(c), c == '-', c == '+', c == '.':
		return e.number(i)
	case isLetterOfName(c):
		return e.word(i, lastEnd)
	}
	return i
}

// singleQuoted makes a string in single quotes one of JSON.
func (e *textEdits) singleQuoted(i int) int {
	if i < e.unclosed {
		return i
	}
	var b strings.Builder
	at := i + 1
	for ; at < len(e.text) && e.text[at] != '\n'; at++ {
		switch c := e.text[at]; {
		case c == '\'':
			quoted, _ := json.Marshal(b.String()) // of a string it cannot fail
			e.replace(i, at+1, string(quoted))
			return at
		case c == '\\' && at+1 < len(e.text):
			at++
			if escaped := strings.IndexByte("nrt", e.text[at]); escaped >= 0 {
				b.WriteByte("\n\r\t"[escaped])
			} else if e.text[at] != '\n' {
				b.WriteByte(e.text[at])
			}
		default:
			b.WriteByte(c)
		}
	}
	e.unclosed = at
	return i
}

// jsonNumber is a number of JSON5.
var jsonNumber = regexp.MustCompile(`^[-+]?(?:0[xX][0-9a-fA-F]{1,16}|Infinity|NaN|\d*\.?\d*(?:[eE][-+]?\d+)?)`)

// number makes a number one of JSON. Those that JSON does not have become strings.
func (e *textEdits) number(i int) int {
	const longest = 400 // bytes
	if end := plainNumber(e.text, i); end > i {
		return end - 1
	}
	word := jsonNumber.FindString(e.text[i:min(i+longest, len(e.text))])
	if len(word) == 0 || len(word) == longest {
		return i
	}
	number := strings.TrimPrefix(word, "+")
	bare := strings.TrimPrefix(number, "-")
	switch {
	case bare == "Infinity" || bare == "NaN":
		number = strconv.Quote(number)
	case len(bare) > 2 && (bare[1] == 'x' || bare[1] == 'X'):
		if n, err := strconv.ParseUint(bare[2:], 16, 64); err == nil {
			number = strings.TrimSuffix(number, bare) + strconv.FormatUint(n, 10)
		}
	case strings.HasPrefix(bare, ".") && len(bare) > 1:
		number = strings.TrimSuffix(number, bare) + "0" + bare
	case strings.HasSuffix(bare, ".") && len(bare) > 1:
		number = strings.TrimSuffix(number, ".")
	}
	if number != word {
		e.replace(i, i+len(word), number)
	}
	return i + len(word) - 1
}

// plainNumber is where a number of digits ends, with a point between them perhaps, or i: nearly all are such.
func plainNumber(text string, i int) int {
	end := i
	for ; end < len(text); end++ {
		isPoint := text[end] == '.' && end > i && end+1 < len(text) && isDigit(text[end+1])
		if !isDigit(text[end]) && !isPoint {
			break
		}
	}
	if end < len(text) && strings.IndexByte(".xXeE", text[end]) >= 0 {
		return i
	}
	return end
}

// jsonWords are the words of JavaScript and Python for what JSON has.
var jsonWords = map[string]string{
	"True": "true", "False": "false", "None": "null", "undefined": "null", "NaN": `"NaN"`, "Infinity": `"Infinity"`,
}

// word puts a name without quotes into quotes, and makes a word for a value one of JSON.
func (e *textEdits) word(i, lastEnd int) int {
	end := i
	for end < len(e.text) && (isLetterOfName(e.text[end]) || isDigit(e.text[end]) || e.text[end] == '-') {
		end++
	}
	word := e.text[i:end]
	switch next := blankJSON(e.text, end, lastEnd); {
	case next < len(e.text) && e.text[next] == ':':
		e.replace(i, end, `"`+word+`"`)
	case jsonWords[word] != "":
		e.replace(i, end, jsonWords[word])
	}
	return end - 1
}

func isLetterOfName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$' || c >= 0x80
}

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
	// unclosed is the end of the last line of which a single quote opens a string that nothing closes: the quotes
	// behind that one, which backslashes precede, open none either.
	unclosed int
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
