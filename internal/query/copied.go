package query

import (
	"regexp"
	"strings"
	"unicode"
)

// Documents have [3] of their own: references, footnotes, indices of code, or what an attacker wrote there to
// have a passage cited. An LLM that quotes such a line copies its number, which is no citation of passage 3.

// copiedLetters is how many letters before a number must be the same in an answer and in a passage.
const copiedLetters = 16

// bracketed finds what may be a citation in a passage.
var bracketed = regexp.MustCompile(`[\[【［][^\[\]【】［］\n]{1,64}[\]】］]`)

// tail is the last letters and digits of a text, in lower case.
type tail struct {
	letters []rune
	last    rune // is the text's last code point
}

// add appends a text.
func (t *tail) add(s string) {
	for _, r := range s {
		t.last = r
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

// numbersIn are the keys of all numbers in the texts of passages that look like citations.
func numbersIn(passages []Passage) map[string]bool {
	found := map[string]bool{}
	for i := range passages {
		text, done := passages[i].Text, 0
		var before tail
		for _, at := range bracketed.FindAllStringIndex(text, -1) {
			inner := []rune(text[at[0]:at[1]])
			list, _ := citationIn(inner[0], string(inner[1:len(inner)-1]))
			if list == "" {
				continue
			}
			before.add(text[done:at[0]])
			done = at[1]
			if key := before.key(list); key != "" {
				found[key] = true
			}
		}
	}
	return found
}
