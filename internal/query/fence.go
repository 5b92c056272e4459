package query

import (
	"regexp"
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

// templateMark is a mark by which a chat template separates turns, at the begin of a text. A server's
// tokenizer may make of it the same token as of the template's own: then a document would write turns
// of the conversation. The marks are those of ChatML, Llama 2 to 4, Mistral, Gemma, Phi, Command R,
// DeepSeek (whose bars are U+FF5C), GLM, and Nemotron.
var templateMark = regexp.MustCompile(`(?i)^(?:` +
	`<[|｜][^<>|｜\s]{1,64}[|｜]>` +
	`|<\|/?[a-z_]{1,32}>|</?[a-z_]{1,32}\|>` +
	`|</?(?:start_of_turn|end_of_turn|start_of_image|end_of_image|image_soft_token` +
	`|extra_id_\d{1,3}|s|bos|eos|pad|unk|sop|eop|think|tool_call|tool_response|tools)>` +
	`|<</?SYS>>` +
	`|\[/?(?:INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|SYSTEM_PROMPT|ARGS|CALL_ID|IMG|THINK` +
	`|gMASK|sMASK)\])`)

// neutral puts a space behind the first sign of each mark of a chat template. A reader still sees which
// mark stood there; a tokenizer does not take it for one.
func neutral(s string) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(s); {
		next := strings.IndexAny(s[i:], "<[")
		if next < 0 {
			break
		}
		i += next + 1
		if templateMark.MatchString(s[i-1:]) {
			b.WriteString(s[done:i])
			b.WriteByte(' ')
			done = i
		}
	}
	if done == 0 {
		return s
	}
	return b.String() + s[done:]
}
