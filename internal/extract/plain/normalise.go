// Package plain writes what documents show as plain text: normalised lines, raised and lowered figures, fractions, the
// characters of symbol fonts, the numbers of lists.
package plain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// LineEnds replaces the line ends of Windows and of the old Macintosh with \n.
var LineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// Normalise brings text to the form that Page.Text promises: valid UTF-8, \n line ends, no control character
// but \n and \t, and no blanks before a line's end or blank lines at either end. Code points are otherwise
// kept: a citation shows what the document says, so nothing is composed or folded here.
func Normalise(s string) string {
	if isPlainLine(s) {
		return s
	}
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	s = strings.Map(plain, LineEnds.Replace(s))
	return strings.TrimRight(strings.TrimLeft(trimLines(s), "\n\ufeff"), "\n")
}

// isPlainLine recognises the cells, keys and words that need nothing: printable ASCII on one line. Most are.
func isPlainLine(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return !strings.HasSuffix(s, " ")
}

// plain maps the characters that end a line to \n and drops (-1) other control characters.
func plain(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
		return r
	case r == '\v' || r == '\f' || r == '\u0085' || r == '\u2028' || r == '\u2029':
		return '\n'
	case unicode.IsControl(r):
		return -1
	}
	return r
}

// trimLines cuts the blanks at the end of each line.
func trimLines(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for line := range strings.Lines(s) {
		text, ended := strings.CutSuffix(line, "\n")
		b.WriteString(strings.TrimRightFunc(text, unicode.IsSpace))
		if ended {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// OneLine is text on a single line, as headings and titles are, cut to 200 code points.
func OneLine(s string) string {
	const limit = 200
	s = strings.Join(strings.Fields(Normalise(s)), " ")
	if utf8.RuneCountInString(s) > limit {
		s = strings.TrimSpace(string([]rune(s)[:limit]))
	}
	return s
}

// Fold is text with its white space folded.
func Fold(s string) string { return strings.Join(strings.Fields(s), " ") }

// Quote bounds what of a foreign text gets into a message.
func Quote(s string) string {
	const limit = 80
	s = strings.Join(strings.Fields(Normalise(s)), " ")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}
