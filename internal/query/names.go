package query

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// "How is that one cleaned?" means a machine that only the answer before it has named. All words of that answer would
// drown the question; its names are what a follow-up refers to.

const (
	maxNames      = 8    // of an answer
	maxNamedBytes = 2000 // of an answer that are searched for names
)

// wordOf finds words, and what stands before one that begins a sentence or a line.
var wordOf = regexp.MustCompile(`(^|[.!?:]\s+|\n[\s*#>-]*)?([\p{L}\p{N}][\p{L}\p{M}\p{N}_-]*)`)

// namesIn returns the names in an answer that the questions do not have: words with a capital inside a sentence, and
// words with letters and digits. Languages without capitals have only the latter.
func namesIn(answer, questions string) string {
	seen := map[string]bool{}
	for _, found := range wordOf.FindAllStringSubmatch(questions, -1) {
		seen[strings.ToLower(found[2])] = true
	}
	var names []string
	answer = beginning(answer, maxNamedBytes)
	for _, at := range wordOf.FindAllStringSubmatchIndex(answer, -1) {
		name, begins := answer[at[4]:at[5]], at[2] >= 0
		if lower := strings.ToLower(name); isName(name, begins) && !seen[lower] && len(names) < maxNames {
			seen[lower] = true
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// isName reports whether a word looks like a name. begins reports whether a sentence begins with it.
func isName(word string, begins bool) bool {
	first, _ := utf8.DecodeRuneInString(word)
	letters := strings.ContainsFunc(word, unicode.IsLetter)
	return letters && (unicode.IsUpper(first) && !begins || strings.ContainsFunc(word, unicode.IsDigit))
}
