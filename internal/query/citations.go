package query

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// citations checks the [n] of an answer while it passes by: it notes which passages they cite, and
// removes those that cite none. It leaves code alone, in which [n] is an index. However an answer is
// cut into pieces, the result is the same.
type citations struct {
	passages int
	marks    []Mark
	removed  int
	written  int // counts the code points that were passed on

	held string // is what may be the beginning of a citation, with the spaces before it
	// fence is the number of backticks that opened the code being read; 0 outside of code.
	fence int
}

func newCitations(passages int) *citations {
	return &citations{passages: passages}
}

// next takes the next piece of the answer and returns what can be passed on.
func (c *citations) next(piece string) string {
	c.held += piece
	return c.pass(false)
}

// rest returns what is still held when the answer has ended.
func (c *citations) rest() string { return c.pass(true) }

// pass takes from held what can be decided.
func (c *citations) pass(ended bool) string {
	var out strings.Builder
	write := func(s string) {
		out.WriteString(s)
		c.written += utf8.RuneCountInString(s)
	}
	for c.held != "" {
		n := c.plain()
		if n < 0 {
			n = len(c.held)
			if !ended && c.fence == 0 {
				n = len(strings.TrimRight(c.held, " "))
			}
			write(c.held[:n])
			c.held = c.held[n:]
			break
		}
		gap := 0 // counts the spaces before a citation, which go with it
		if c.held[n] == '[' {
			gap = n - len(strings.TrimRight(c.held[:n], " "))
		}
		write(c.held[:n-gap])
		c.held = c.held[n-gap:]
		size, replacement := c.token(gap, ended)
		if size == 0 {
			break // undecided
		}
		write(replacement)
		c.held = c.held[size:]
	}
	return out.String()
}

// plain returns the index of the first character of held that may not be plain text, or -1.
func (c *citations) plain() int {
	switch c.fence {
	case 0:
		return strings.IndexAny(c.held, "[`")
	case 1, 2: // does not go beyond its line
		return strings.IndexAny(c.held, "`\n")
	}
	return strings.IndexByte(c.held, '`')
}

// token reads what begins after gap spaces: a citation, backticks, or the end of a line of code. It
// returns its size with the gap and what to pass on for it, or 0 if more must be known.
func (c *citations) token(gap int, ended bool) (size int, replacement string) {
	switch text := c.held[gap:]; text[0] {
	case '\n':
		c.fence = 0
		return 1, "\n"
	case '`':
		run := len(text) - len(strings.TrimLeft(text, "`"))
		if run == len(text) && !ended {
			return 0, ""
		}
		switch c.fence {
		case 0:
			c.fence = run
		case run:
			c.fence = 0
		}
		return run, text[:run]
	default:
		return c.citation(gap, ended)
	}
}

// maxCitation is how many bytes a citation such as [1, 2] may have.
const maxCitation = 64

// citation reads a citation after gap spaces. What only looks like its beginning is plain text.
func (c *citations) citation(gap int, ended bool) (size int, replacement string) {
	text := c.held[gap:]
	length := 1 + strings.IndexFunc(text[1:], func(r rune) bool { return r != ' ' && r != ',' && (r < '0' || r > '9') })
	if length == 0 && !ended && len(text) < maxCitation {
		return 0, ""
	}
	if length == 0 || text[length] != ']' {
		return gap + 1, c.held[:gap+1]
	}
	valid, found := c.numbers(text[1:length])
	size = gap + length + 1
	switch {
	case found == 0 || len(valid) == found:
		replacement = c.held[:size]
	case len(valid) > 0:
		replacement = c.held[:gap] + strings.ReplaceAll(fmt.Sprint(valid), " ", ", ")
	}
	for _, n := range valid {
		c.marks = append(c.marks, Mark{n, c.written + gap, c.written + utf8.RuneCountInString(replacement)})
	}
	c.removed += found - len(valid)
	return size, replacement
}

// numbers returns the numbers of a citation that there are passages for, and how many there are in
// all: none if a number is too long for a citation, such as a year.
func (c *citations) numbers(list string) (valid []int, found int) {
	fields := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	for _, field := range fields {
		if len(field) > 2 {
			return nil, 0
		}
	}
	for _, field := range fields {
		if n, err := strconv.Atoi(field); err == nil && n >= 1 && n <= c.passages {
			valid = append(valid, n)
		}
	}
	return valid, len(fields)
}

// report adds to the result where the answer cites which passages, and how many citations were
// removed. An answer that only says that the documents hold none cites nothing, whatever numbers are
// in it.
func (c *citations) report(r *Result) {
	if isRefusal(r.Answer) {
		c.marks = nil
	}
	r.cite(c.marks)
	if c.removed > 0 {
		r.warn(Warning{config.StageLLM, config.FalseCitations,
			fmt.Sprintf("%d citations of passages that do not exist were removed from the answer", c.removed)})
	}
}

// cite records the citations of the answer.
func (r *Result) cite(marks []Mark) {
	r.Marks, r.Cited = marks, []int{}
	for _, m := range marks {
		if !slices.Contains(r.Cited, m.Passage) {
			r.Cited = append(r.Cited, m.Passage)
		}
	}
	slices.Sort(r.Cited)
}

// A sentence that only says that the documents hold no answer, as Instructions ask for, has one of
// each: what is not done, and where.
var (
	notDone = regexp.MustCompile(`(?i)` +
		`\b(can ?not|can't|could not|couldn't|unable to|not able to) (find|answer|determine|locate)\b|` +
		`\b(do|does|did)(n't| not) (\w+ )?` +
		`(contain|hold|mention|provide|specify|state|say|include|answer|give|have|address)\b|` +
		`\bnot (\w+ )?(mentioned|specified|provided|stated|contained|given|found|available|answered|addressed)\b|` +
		`\b(is|are|was|were) no (\w+ )?(information|mention|answer)\b`)
	inDocuments = regexp.MustCompile(`(?i)\b(documents?|passages?|sources?|context|information|text|materials?)\b`)
)

// isRefusal reports whether every sentence of a short English answer is such a sentence.
func isRefusal(answer string) bool {
	const longest = 400 // bytes
	if len(answer) > longest {
		return false
	}
	found := false
	for _, sentence := range sentences(answer) {
		if !notDone.MatchString(sentence) || !inDocuments.MatchString(sentence) {
			return false
		}
		found = true
	}
	return found
}

// sentences are the sentences of an answer, without those that are citations alone.
func sentences(answer string) []string {
	var all []string
	for _, s := range sentenceEnd.Split(marker.ReplaceAllString(answer, ""), -1) {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}

var (
	sentenceEnd = regexp.MustCompile(`[.!?]+(\s+|$)|\n+`)
	marker      = regexp.MustCompile(`\s*\[[0-9, ]+\]`)
)
