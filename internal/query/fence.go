package query

import (
	"strconv"
	"strings"
	"unicode"
)

// passageBlock is a passage as the LLM sees it:
//
//	[n]
//	```
//	Source: title, heading or page
//
//	text
//	```
//
// Everything that a document's author wrote stands within the fence, which is longer than any run of
// backticks there, so that no text can close it. Marks of chat templates are broken up.
func passageBlock(n int, p *Passage) string {
	data := neutral("Source: " + p.Label() + "\n\n" + p.Text)
	fence := strings.Repeat("`", max(3, longestRun(data, '`')+1))
	return "[" + strconv.Itoa(n) + "]\n" + fence + "\n" + data + "\n" + fence + "\n\n"
}

// Label is the passage's title and its heading or else its page, on one line.
func (p *Passage) Label() string {
	switch {
	case p.Heading != "":
		return oneLine(p.Title + ", " + p.Heading)
	case p.Page > 0:
		return oneLine(p.Title) + ", " + p.PageName()
	}
	return oneLine(p.Title)
}

// PageName is the passage's page or slide with its number; empty where the format has neither.
func (p *Passage) PageName() string {
	switch {
	case p.Page == 0:
		return ""
	case p.Layout.Slide:
		return "slide " + strconv.Itoa(p.Page)
	}
	return "page " + strconv.Itoa(p.Page)
}

// oneLine makes every run of white space and control characters a single space: a title comes from
// a document.
func oneLine(s string) string {
	words := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	return strings.Join(words, " ")
}

func longestRun(s string, of byte) int {
	longest, run := 0, 0
	for i := range len(s) {
		if s[i] != of {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	return longest
}
