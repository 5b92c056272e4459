package query

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// citations checks the [n] of an answer while it passes by: it notes which passages they cite, and
// removes those that cite none. It leaves code alone, in which [n] is an index. However an answer is
// cut into pieces, the result is the same.
type citations struct {
	passages int
	cited    []bool // is by passage
	removed  int

	held string // is what may be the beginning of a citation, with the spaces before it
	// fence is the number of backticks that opened the code being read; 0 outside of code.
	fence int
}

func newCitations(passages int) *citations {
	return &citations{passages: passages, cited: make([]bool, passages)}
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
	for c.held != "" {
		n := c.plain()
		if n < 0 {
			n = len(c.held)
			if !ended && c.fence == 0 {
				n = len(strings.TrimRight(c.held, " "))
			}
			out.WriteString(c.held[:n])
			c.held = c.held[n:]
			break
		}
		gap := 0 // counts the spaces before a citation, which go with it
		if c.held[n] == '[' {
			gap = n - len(strings.TrimRight(c.held[:n], " "))
		}
		out.WriteString(c.held[:n-gap])
		c.held = c.held[n-gap:]
		size, replacement := c.token(gap, ended)
		if size == 0 {
			break // undecided
		}
		out.WriteString(replacement)
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
		replacement = c.held[:gap] + "[" + strings.Join(valid, ", ") + "]"
	}
	c.removed += found - len(valid)
	return size, replacement
}

// numbers notes the numbers of a citation, and returns those that there are passages for and how
// many there are in all: none if a number is too long for a citation, such as a year.
func (c *citations) numbers(list string) (valid []string, found int) {
	fields := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	for _, field := range fields {
		if len(field) > 2 {
			return nil, 0
		}
	}
	for _, field := range fields {
		if n, err := strconv.Atoi(field); err == nil && n >= 1 && n <= c.passages {
			c.cited[n-1] = true
			valid = append(valid, field)
		}
	}
	return valid, len(fields)
}

// report adds to the result which passages were cited and how many citations were removed.
func (c *citations) report(r *Result) {
	r.Cited = []int{}
	for i, cited := range c.cited {
		if cited {
			r.Cited = append(r.Cited, i+1)
		}
	}
	if c.removed > 0 {
		r.warn(Warning{config.StageLLM, config.FalseCitations,
			fmt.Sprintf("%d citations of passages that do not exist were removed from the answer", c.removed)})
	}
}
