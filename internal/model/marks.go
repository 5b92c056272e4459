package model

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is a pair of marks between which a model reasons.
type span struct{ open, close string }

// spans are the marks that the chat templates of models have, as they come from servers that do not
// separate reasoning themselves. Case does not matter.
var spans = []span{
	{"<think>", "</think>"}, // DeepSeek, Qwen, Nemotron, GLM, Phi and most others
	{"<thinking>", "</thinking>"},
	{"<reasoning>", "</reasoning>"},
	{"<reason>", "</reason>"},
	{"<thought>", "</thought>"}, // EXAONE, Gemini
	{"<thoughts>", "</thoughts>"},
	{"<seed:think>", "</seed:think>"}, // Seed-OSS
	{"<mm:think>", "</mm:think>"},     // MiniMax
	{"<longcat_think>", "</longcat_think>"},
	{"<reasoning_content>", "</reasoning_content>"}, // proxies that have one text for both
	{"<antThinking>", "</antThinking>"},             // Claude
	{"[THINK]", "[/THINK]"},                         // Magistral
	{"◁think▷", "◁/think▷"},                         // Kimi
	{"<|begin_of_thought|>", "<|end_of_thought|>"},  // Sky-T1, OpenThinker
	{"<|START_THINKING|>", "<|END_THINKING|>"},      // Command A
	{"<|inner_prefix|>", "<|inner_suffix|>"},        // Apertus
	{"<|start_of_thinking|>", "<|end_of_thinking|>"},
	{"<|thinking|>", "<|/thinking|>"},
	{"<|think|>", "<|end|>"},                         // Solar
	{"<|channel>thought", "<channel|>"},              // Gemma 4
	{"<unused94>thought", "<unused95>"},              // MedGemma
	{"<|channel|>analysis", harmonyFinal},            // gpt-oss
	{"<|channel|>commentary", harmonyFinal},          // gpt-oss, before a call of a tool
	{"|channel|analysis", "|channel|final|message|"}, // the same, by servers that drop angle brackets
	{"[unused16]", "[unused17]"},                     // openPangu
	{"<|im_start|>think", "<|im_start|>answer"},      // s1
	{`<details type="reasoning"`, "</details>"},      // Open WebUI, as a server of models
}

// harmonyFinal is followed by <|message|>, or by <|constrain|>json<|message|> where the answer is JSON.
const harmonyFinal = "<|channel|>final"

const aprielFinal = "[BEGIN FINAL RESPONSE]"

// ambiguous are the ends of blocks that also are something else, unless they end one.
var ambiguous = []string{harmonyFinal, "<|end|>", "</details>"}

// preludes are marks that are words. They count at the beginning of an answer only, and if it has their ends.
var preludes = []span{
	// gpt-oss, by servers that drop special tokens: the next word is glued to it.
	{"analysis", "assistantfinal"},
	{"Here is my thought process:", "Here is my response:"}, // Granite
	{"Here's my thought process:", "Here's my response:"},
	{"Here are my reasoning steps:", aprielFinal}, // Apriel
	{"## Thinking", "## Final Response"},          // HuatuoGPT-o1
	// Hermes, and models that were taught to reason by a prompt. In a text, these may be anybody's tags.
	{"<scratchpad>", "</scratchpad>"},
	{"<inner_monologue>", "</inner_monologue>"},
	{"<monologue>", "</monologue>"},
	{"<reflection>", "</reflection>"},
	{"<brainstorm>", "</brainstorm>"},
	{"<plan>", "</plan>"},
	{"<planning>", "</planning>"},
	{"<analysis>", "</analysis>"},
	{"<internal>", "</internal>"},
	{"<internal_thoughts>", "</internal_thoughts>"},
	{"<internal_reasoning>", "</internal_reasoning>"},
	{"<reflect>", "</reflect>"},
	{"<thought_process>", "</thought_process>"},
	{"<chain_of_thought>", "</chain_of_thought>"},
	{"<cot>", "</cot>"},
}

// wrappers enclose the answer that follows the reasoning. They go, and what is between them stays.
var wrappers = []span{
	{"<answer>", "</answer>"},     // Hunyuan
	{"<response>", "</response>"}, // ERNIE
	{"<output>", "</output>"},     // Marco-o1, Reflection
	{"<final>", "</final>"},
	{"<final_answer>", "</final_answer>"},
	{"<|begin_of_box|>", "<|end_of_box|>"}, // GLM-V
	{aprielFinal, "[END FINAL RESPONSE]"},  // Apriel
	{"<|START_RESPONSE|>", "<|END_RESPONSE|>"},
	{"<|begin_of_solution|>", "<|end_of_solution|>"},
	{"<|start|>assistant", "<|return|>"},
	{harmonyFinal, "<|end|>"},
	{"<|message|>", "<|return|>"},
	{"<|constrain|>json<|message|>", "<|return|>"},
	{"<|begin|>assistant", "<|end|>"},
	{"<|content|>", "<|end|>"},
}

// markKind is the use of a mark.
type markKind int

const (
	noMark markKind = iota
	opens
	closes
	wraps
	unwraps
)

// mark is one that stands in an answer.
type mark struct {
	kind markKind
	text string
	span *span
	// prelude reports whether it is one of preludes.
	prelude bool
	tag     bool // reports whether it is a tag, which may have attributes
}

// marks has each mark once, for the first span that has it.
var marks = func() []mark {
	var all []mark
	seen := map[string]bool{}
	add := func(m mark) {
		m.tag = isTag(m.text)
		if !seen[m.text] || m.kind == wraps {
			all, seen[m.text] = append(all, m), true
		}
	}
	for i := range spans {
		add(mark{kind: opens, text: spans[i].open, span: &spans[i]})
	}
	for i := range spans {
		if !slices.Contains(ambiguous, spans[i].close) {
			add(mark{kind: closes, text: spans[i].close, span: &spans[i]})
		}
	}
	for i := range preludes {
		add(mark{kind: opens, text: preludes[i].open, span: &preludes[i], prelude: true})
	}
	for i := range wrappers {
		add(mark{kind: wraps, text: wrappers[i].open, span: &wrappers[i]})
	}
	for i := range wrappers {
		add(mark{kind: unwraps, text: wrappers[i].close, span: &wrappers[i]})
	}
	return all
}()

// marksFrom has the marks by their first byte, in the order of marks.
var marksFrom = func() (from [256][]mark) {
	for _, m := range marks {
		small, large := lower(m.text[0]), upper(m.text[0])
		from[small] = append(from[small], m)
		if large != small {
			from[large] = append(from[large], m)
		}
	}
	return from
}()

// isTag reports whether a mark is a tag as in XML.
func isTag(mark string) bool {
	name := strings.TrimPrefix(strings.TrimPrefix(mark, "<"), "/")
	return mark[0] == '<' && mark[len(mark)-1] == '>' && 'a' <= lower(name[0]) && lower(name[0]) <= 'z'
}

// maxAttributes is how many bytes a tag may have behind its name.
const maxAttributes = 256

// matchMark returns how many bytes of b are the mark: a tag may have attributes, as in <think x="1">. The
// size is 0 if b does not begin with it; part reports whether b ends within it.
func matchMark(b []byte, mark string, tag bool) (size int, part bool) {
	if !tag {
		whole, part := matchFold(b, mark)
		if !whole {
			return 0, part
		}
		return len(mark), false
	}
	name := mark[:len(mark)-1]
	if whole, part := matchFold(b, name); !whole {
		return 0, part
	}
	rest := b[len(name):min(len(b), len(name)+maxAttributes)]
	end := bytes.IndexAny(rest, "<>\n")
	switch {
	case len(rest) > 0 && strings.IndexByte(" \t/>", rest[0]) < 0, end >= 0 && rest[end] != '>':
		return 0, false
	case end < 0:
		return 0, len(rest) < maxAttributes
	case mark[1] == '/' && len(bytes.TrimSpace(rest[:end])) > 0: // the end of a block has none
		return 0, false
	}
	return len(name) + end + 1, false
}

// matchFold reports whether b begins with the text, and whether it ends within it.
func matchFold(b []byte, text string) (whole, part bool) {
	for i := range len(text) {
		if i == len(b) {
			return false, true
		}
		if lower(b[i]) != lower(text[i]) {
			return false, false
		}
	}
	return true, false
}

// indexMark returns the first of the marks in b, where it begins, and its size, which is 0 if b ends within it.
// Without any, it returns -1.
func indexMark(b []byte, marks ...string) (mark string, at, size int) {
	for i := range b {
		for _, m := range marks {
			if lower(b[i]) != lower(m[0]) {
				continue
			}
			if size, part := matchMark(b[i:], m, isTag(m)); size > 0 || part {
				return m, i, size
			}
		}
	}
	return "", -1, 0
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}

func upper(b byte) byte {
	if 'a' <= b && b <= 'z' {
		return b - ('a' - 'A')
	}
	return b
}

// neighbour is the kind of what follows a mark.
type neighbour int

const (
	undecided neighbour = iota
	theEnd
	lineEnd
	spaced      // blanks, then text on the same line
	punctuation // of a sentence
	quotation
	glued // text without a blank between
)

// standsForText finds an ellipsis, or what a regular expression has in its place before another mark.
var standsForText = regexp.MustCompile(`^\.(\.|\*[?<[])`)

// following returns the kind of what follows a mark. It is undecided where more must come.
func following(rest []byte, ended bool) neighbour {
	blanks := 0
	for blanks < len(rest) && (rest[blanks] == ' ' || rest[blanks] == '\t') {
		blanks++
	}
	next := rest[blanks:]
	switch {
	case !utf8.FullRune(next) && !ended:
		return undecided
	case len(next) == 0:
		return theEnd
	}
	r, _ := utf8.DecodeRune(next)
	switch {
	case r == '\n' || r == '\r':
		return lineEnd
	case blanks > 0:
		return spaced
	case isQuotation(r):
		return quotation
	case !ended && (string(next) == "." || string(next) == ".*"):
		return undecided
	case standsForText.Match(next):
		return glued
	case strings.ContainsRune(".,;:!?。、，", r):
		return punctuation
	}
	return glued
}

// isQuotation reports whether people put r around a mark that they speak of.
func isQuotation(r rune) bool {
	switch r {
	case '"', '\'', '`', '“', '”', '„', '‘', '’', '«', '»', '(', ')', '*', '_', '「', '」':
		return true
	}
	return false
}

// before is what stands before a mark.
type before struct {
	last  rune // is 0 at the beginning
	first rune // precedes last
	blank bool // reports whether the line has nothing but blanks so far
	text  bool // reports whether there has been text
}

// see takes the next code point.
func (b *before) see(r rune) {
	switch {
	case r == '\n' || r == '\r':
		b.blank = true
	case !unicode.IsSpace(r):
		b.blank, b.text = false, true
	}
	b.first, b.last = b.last, r
}

// judgement says whether a mark marks, or is spoken of.
type judgement int

const (
	spoken  judgement = iota
	perhaps           // looks like a word of a sentence
	meant
)

// judge decides on a mark by what stands around it. A template puts marks on lines of their own or
// glues them to the text; who speaks of one writes it as a word of a sentence or between quotation
// marks.
func (b *before) judge(kind markKind, next neighbour) judgement {
	asWord := next == spaced || next == punctuation || next == quotation
	switch {
	case b.quotes() && next == quotation:
		return spoken
	case kind == opens && b.text && (asWord || !b.blank && next == theEnd):
		return spoken
	case kind == opens:
		return meant
	case !b.text && asWord:
		return perhaps
	case !b.blank && unicode.IsSpace(b.last) && (asWord || next == theEnd):
		return perhaps
	}
	return meant
}

// quotes reports whether a quotation begins here. One that ends follows a word.
func (b *before) quotes() bool {
	return isQuotation(b.last) && !unicode.IsLetter(b.first) && (b.first == b.last || !unicode.IsPunct(b.first))
}
