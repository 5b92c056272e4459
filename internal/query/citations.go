package query

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// citations checks the [n] of an answer while it passes by: it notes which passages they cite, and
// removes those that cite none. It makes [n] of other forms, such as 【1†source】, and leaves code alone, in
// which [n] is an index. However an answer is cut into pieces, the result is the same.
type citations struct {
	passages int
	copied   map[string]bool // has the numbers that the passages themselves hold, by numbersIn
	marks    []Mark
	removed  int
	written  int // counts the code points that were passed on
	before   tail

	held string // is what may be the beginning of a citation, with the spaces before it
	// fence is the number of backticks that opened the code being read; 0 outside of code.
	fence int

	list *ownList // gets what can be passed on
}

func newCitations(passages []Passage) *citations {
	return &citations{passages: len(passages), copied: numbersIn(passages)}
}

// next takes the next piece of the answer and returns what can be passed on.
func (c *citations) next(piece string) string {
	c.held += piece
	return c.list.next(c.pass(false))
}

// rest returns what is still held when the answer has ended.
func (c *citations) rest() string { return c.list.next(c.pass(true)) + c.list.rest() }

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
			c.before.add(c.held[:n])
			c.held = c.held[n:]
			break
		}
		gap := 0 // counts the spaces before a citation, which go with it
		if c.held[n] != '`' && c.held[n] != '\n' {
			gap = n - len(strings.TrimRight(c.held[:n], " "))
		}
		write(c.held[:n-gap])
		c.before.add(c.held[:n-gap])
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
		return strings.IndexAny(c.held, "[【［`")
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

// closing are the brackets that models put around citations.
var closing = map[rune]string{'[': "]", '【': "】", '［': "］"}

// citation reads a citation after gap spaces. What only looks like its beginning is plain text.
func (c *citations) citation(gap int, ended bool) (size int, replacement string) {
	opening, width := utf8.DecodeRuneInString(c.held[gap:])
	start := gap + width
	text := c.held[start:]
	length := strings.Index(text[:min(len(text), maxCitation+len(closing[opening]))], closing[opening])
	if length < 0 {
		if !ended && len(text) <= maxCitation && mayCite(text) {
			return 0, ""
		}
		return start, c.held[:start]
	}
	list, plain := citationIn(text[:length])
	plain = plain && opening == '['
	valid, found := c.numbers(list)
	size = start + length + len(closing[opening])
	if found == 0 || plain && gap == 0 && c.isIndex(list, len(valid) == found) {
		return start, c.held[:start]
	}
	link, decided := linkTarget(c.held[size:], ended)
	if !decided && len(c.held)-size <= maxTarget {
		return 0, ""
	}
	switch {
	case c.isCopied(list):
		valid = nil
	case plain && len(valid) == found:
		replacement = c.held[:size]
	case len(valid) > 0:
		replacement = c.held[:gap] + strings.ReplaceAll(fmt.Sprint(valid), " ", ", ")
	}
	for _, n := range valid {
		c.marks = append(c.marks, Mark{n, c.written + gap, c.written + utf8.RuneCountInString(replacement)})
	}
	c.removed += found - len(valid)
	return size + link, replacement
}

// isIndex reports whether a number that is glued to a name belongs to it, as in argv[0]: it stands so in a
// passage, or cites no passage behind a name that only code has.
func (c *citations) isIndex(list string, valid bool) bool {
	return c.before.glued() && (c.isCopied(list) || !valid && (list == "0" || c.before.isCode()))
}

// isCopied reports whether the number stands in a passage behind the same words.
func (c *citations) isCopied(list string) bool { return c.copied[c.before.key(list)] }

// numbers returns the numbers of a list that there are passages for, and how many there are in all: none
// if the list is an interval, such as [0, 1], or a range beyond the passages.
func (c *citations) numbers(list string) (valid []int, found int) {
	all := oneOrMore.FindAllStringSubmatch(list, -1)
	for _, numbers := range all {
		first, _ := strconv.Atoi(numbers[1])
		last := first
		if numbers[2] != "" {
			last, _ = strconv.Atoi(numbers[2])
			if first < 1 || last <= first || last > c.passages {
				return nil, 0
			}
		}
		if first == 0 && len(all) > 1 {
			return nil, 0
		}
		for n := first; n <= last; n++ {
			found++
			if n >= 1 && n <= c.passages {
				valid = append(valid, n)
			}
		}
	}
	return valid, found
}

// report adds to the result where the answer cites which passages, and how many citations were
// removed. An answer that only says that the documents hold none cites nothing, whatever numbers are
// in it.
func (c *citations) report(r *Result) {
	end := utf8.RuneCountInString(r.Answer)
	left := slices.IndexFunc(c.marks, func(m Mark) bool { return m.Start >= end }) // those of the LLM's own list
	var listed []Mark
	if left >= 0 {
		c.marks, listed = c.marks[:left], c.marks[left:]
	}
	switch {
	case isRefusal(r.Answer):
		c.marks = nil
	case len(c.marks) == 0 && c.removed == 0:
		c.marks = c.inParentheses(r.Answer)
	default:
		c.marks = withoutListed(r.Answer, c.marks)
	}
	r.cite(c.marks)
	if len(c.marks) == 0 && !isRefusal(r.Answer) {
		r.citeWithoutMarks(listed)
	}
	if c.removed > 0 {
		r.warn(Warning{config.StageLLM, config.FalseCitations,
			fmt.Sprintf("%d citations were removed from the answer: of passages that do not exist, or copied from a document",
				c.removed)})
	}
}

// cite records the citations of the answer.
func (r *Result) cite(marks []Mark) {
	r.Marks, r.Cited = marks, []int{}
	r.citeWithoutMarks(marks)
}

// citeWithoutMarks records what is cited in places that are not in the answer.
func (r *Result) citeWithoutMarks(marks []Mark) {
	for _, m := range marks {
		if !slices.Contains(r.Cited, m.Passage) {
			r.Cited = append(r.Cited, m.Passage)
		}
	}
	slices.Sort(r.Cited)
}
