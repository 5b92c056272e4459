package query

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// templateMark is a mark by which a chat template separates turns, at the begin of a text. A server's
// tokenizer may make of it the same token as of the template's own: then a document would write turns
// of the conversation. The marks are those of ChatML, Harmony, Llama 2 to 4, Mistral, Gemma, Phi, Command R,
// DeepSeek (whose bars are U+FF5C), Qwen, GLM, Granite, Kimi, and Nemotron.
var templateMark = regexp.MustCompile(`(?i)^(?:` +
	`<\|[^<>|\s]{1,64}\|>` +
	`|<\|/?[a-z_]{1,32}>|</?[a-z_]{1,32}\|>` +
	`|</?(?:start_of_turn|end_of_turn|start_of_image|end_of_image|image_soft_token` +
	`|extra_id_\d{1,3}|unused\d{1,3}|s|bos|eos|pad|unk|sop|eop|think|tool_call|tool_response|tools)>` +
	`|<</?SYS>>` +
	`|\[/?(?:INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|SYSTEM_PROMPT|ARGS|CALL_ID|IMG|THINK` +
	`|gMASK|sMASK)\]` +
	`|\[(?:SYSTEM|MODEL)_SETTINGS\])`)

// longestMark is how many signs templateMark looks at.
const longestMark = 72

// neutral puts a space behind the first sign of each mark of a chat template. A reader still sees which
// mark stood there; a tokenizer does not take it for one. A mark whose signs only look like those of one, or
// have invisible ones between them, is a mark, too: some tokenizers normalise texts before they read them.
func neutral(s string) string {
	var b strings.Builder
	done := 0
	for i, r := range s {
		if !beginsMark(r) || !templateMark.MatchString(folded(s[i:])) {
			continue
		}
		end := i + utf8.RuneLen(r)
		b.WriteString(s[done:end])
		b.WriteByte(' ')
		done = end
	}
	if done == 0 {
		return s
	}
	return b.String() + s[done:]
}

// beginsMark reports whether fold makes < or [ of a code point.
func beginsMark(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '<' || r == '['
	}
	switch r {
	case '＜', '﹤', '‹', '〈', '⟨', '❮', '［', '﹇':
		return true
	}
	return false
}

// folded returns the beginning of a text as a tokenizer may see it.
func folded(s string) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() >= longestMark || r == '\n' {
			break
		}
		b.WriteString(fold(r))
	}
	return b.String()
}

// fold returns the ASCII that stands for a code point in compatible forms (NFKC) and in the marks of chat
// templates. It returns nothing for one that nobody sees.
func fold(r rune) string {
	switch {
	case r < utf8.RuneSelf:
		return string(r)
	case isInvisible(r):
		return ""
	case strings.ContainsRune("‹〈⟨❮", r):
		return "<"
	case strings.ContainsRune("›〉⟩❯", r):
		return ">"
	case strings.ContainsRune("¦ǀ│┃❘∣⏐", r):
		return "|"
	case r == '▁': // is DeepSeek's blank, and SentencePiece's
		return "_"
	}
	return norm.NFKC.String(string(r))
}

// isInvisible reports whether a code point has no form and no width: those of the category Cf, among them
// tags, and fillers, joiners and selectors of variants.
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// neutral returns the conversation without marks of chat templates, as the LLM gets it: nobody who asks may
// write the turns of others.
func (c *conversation) neutral() *conversation {
	n := &conversation{question: neutral(c.question), system: slices.Clone(c.system)}
	for i := range n.system {
		n.system[i] = neutral(n.system[i])
	}
	for _, turn := range c.turns {
		turn = slices.Clone(turn)
		for i := range turn {
			turn[i].Content = neutral(turn[i].Content)
		}
		n.turns = append(n.turns, turn)
	}
	return n
}
