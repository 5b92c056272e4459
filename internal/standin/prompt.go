package standin

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/lexical"
)

// readPrompt finds the passages and the question in a user's message. Passage n begins with the line
// "[n] label" or "[n]"; its text follows, between two equal fence lines or up to whatever comes next. In
// the latter case the text may begin with the label, in a line "Source: label". The question comes last,
// below "Question:" if that is there, else as the last paragraph.
func readPrompt(prompt string) (passages []lexical.Passage, question string) {
	lines := strings.Split(strings.ReplaceAll(prompt, "\r\n", "\n"), "\n")
	rest := lines
	for i := 0; i < len(lines); {
		label, found := header(lines[i], len(passages)+1)
		if !found {
			i++
			continue
		}
		text, end := passageText(lines, i+1, len(passages)+2)
		if source, after, ok := strings.Cut(text, "\n"); ok && label == "" && strings.HasPrefix(source, sourcePrefix) {
			label, text = strings.TrimPrefix(source, sourcePrefix), strings.TrimPrefix(after, "\n")
		}
		passages = append(passages, lexical.Passage{Label: label, Text: text})
		i, rest = end, lines[end:]
	}
	return passages, readQuestion(rest)
}

const sourcePrefix = "Source: "

var headerLine = regexp.MustCompile(`^\[(\d{1,4})\]\s*(.*)$`)

// header is the label of passage n, if line begins it. Another number is a reference within some text.
func header(line string, n int) (label string, found bool) {
	m := headerLine.FindStringSubmatch(line)
	if m == nil || m[1] != strconv.Itoa(n) {
		return "", false
	}
	return strings.TrimSpace(m[2]), true
}

// passageText is the text from line i on, and the line after it. next is the number that the next passage
// would have.
func passageText(lines []string, i, next int) (text string, end int) {
	if i < len(lines) && fence(lines[i]) {
		for end = i + 1; end < len(lines); end++ {
			if lines[end] == lines[i] {
				return strings.Join(lines[i+1:end], "\n"), end + 1
			}
		}
	}
	for end = i; end < len(lines); end++ {
		if _, found := header(lines[end], next); found || questionLine(lines[end]) {
			return strings.Join(lines[i:end], "\n"), end
		}
	}
	for end = max(i, len(lines)-1); end > i && strings.TrimSpace(lines[end]) != ""; end-- {
	}
	return strings.Join(lines[i:end], "\n"), end
}

// fence reports whether a line is a Markdown fence without a language.
func fence(line string) bool {
	return len(line) >= 3 && (strings.Trim(line, "`") == "" || strings.Trim(line, "~") == "")
}

const questionPrefix = "question:"

func questionLine(line string) bool {
	return len(line) >= len(questionPrefix) && strings.EqualFold(line[:len(questionPrefix)], questionPrefix)
}

func readQuestion(lines []string) string {
	for i, line := range lines {
		if questionLine(line) {
			return strings.TrimSpace(line[len(questionPrefix):] + "\n" + strings.Join(lines[i+1:], "\n"))
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// What is said before the quotes, and when there is nothing to quote.
const (
	quoting    = "No LLM wrote this. These lines of the documents fit the question best:\n\n"
	nearest    = "No LLM wrote this. No line of the documents fits the question well; these come nearest:\n\n"
	noPassages = "I am a stand-in for a language model: I quote the passages that come with a question, and none came."
	noAnswer   = "The passages do not answer this question."
)

// answer quotes the statements of a prompt's passages that fit its question best.
func answer(prompt string) string {
	passages, question := readPrompt(prompt)
	if len(passages) == 0 {
		return noPassages
	}
	quotes, fit := lexical.Quotes(question, passages)
	switch {
	case quotes == "":
		return noAnswer
	case fit:
		return quoting + quotes
	}
	return nearest + quotes
}
