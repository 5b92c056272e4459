package query

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Documents have [3] of their own: references, footnotes, indices of code, or what an attacker wrote there to
// have a passage cited. An LLM that quotes such a line copies its number, which does not cite passage 3.

// copiedLetters is how many letters before a number must be the same in an answer and in a passage.
const copiedLetters = 16

// tail is the last letters and digits of a text, in lower case.
type tail struct {
	letters []rune
	last    rune // is the text's last code point
	// name is the end of the text that may be a name in code, up to maxName code points.
	name []rune
}

// maxName is how much of a name is looked at.
const maxName = 32

// add appends a text.
func (t *tail) add(s string) {
	for _, r := range s {
		t.last = r
		switch {
		case unicode.IsSpace(r):
			t.name = t.name[:0]
		case len(t.name) < maxName:
			t.name = append(t.name, r)
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			t.letters = append(t.letters, unicode.ToLower(r))
		}
	}
	if n := len(t.letters) - copiedLetters; n > 0 {
		t.letters = append(t.letters[:0], t.letters[n:]...)
	}
}

// key tells a number in this place; empty if the text is too short to tell. The form of the brackets does not
// count.
func (t *tail) key(list string) string {
	if len(t.letters) < copiedLetters {
		return ""
	}
	return string(t.letters) + "|" + strings.Join(strings.Fields(list), "")
}

// glued reports whether what follows belongs to a name, as the index of an array does.
func (t *tail) glued() bool {
	return unicode.IsLetter(t.last) || unicode.IsDigit(t.last) || t.last == ']' || t.last == ')' || t.last == '_'
}

// codeName finds names that only code has: with an underscore or a capital inside, or after a period.
var codeName = regexp.MustCompile(`[a-z0-9]_[a-z0-9]|[a-z][A-Z]|[a-z]{2}\.[a-z]{2}`)

// isCode reports whether the text ends in such a name.
func (t *tail) isCode() bool { return codeName.MatchString(string(t.name)) }

// numbersIn are the keys of all numbers in the texts of passages that look like citations. It looks at each code point
// once: a question waits for it.
func numbersIn(passages []Passage) map[string]bool {
	found := map[string]bool{}
	for i := range passages {
		text, done := passages[i].Text, 0
		var before tail
		for at, opening := range text {
			if opening != '[' && opening != '【' && opening != '［' {
				continue
			}
			start, closed := at+utf8.RuneLen(opening), closing[opening]
			length := strings.Index(text[start:min(len(text), start+maxCitation+len(closed))], closed)
			if length < 0 || strings.ContainsAny(text[start:start+length], "[【［") { // the innermost brackets count
				continue
			}
			list, _ := citationIn(text[start : start+length])
			if list == "" {
				continue
			}
			before.add(text[done:at])
			done = start + length + len(closed)
			if key := before.key(list); key != "" {
				found[key] = true
			}
		}
	}
	return found
}
