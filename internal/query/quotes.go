package query

import "github.com/ragpipeline/ragpipeline/internal/lexical"

// The fixed sentences before the lines that a reply without an LLM quotes.
const (
	quoted     = "No answer was generated. These lines of the documents fit the question best:"
	quotedNear = "No answer was generated. No line of the documents fits the question well; these come nearest:"
	others     = "The passages that match the question:"
)

// quotes is the beginning of a reply without an LLM: what it is, and the lines of the passages that
// fit the question best, if any does. The passages follow it.
func quotes(question string, found []Passage) string {
	read := make([]lexical.Passage, len(found))
	for i := range found {
		read[i] = lexical.Passage{Label: found[i].Label(), Text: found[i].Text}
	}
	lines, fit := lexical.Quotes(question, read)
	switch {
	case lines == "":
		return notAnswered
	case fit:
		return quoted + "\n\n" + lines + "\n\n" + others
	}
	return quotedNear + "\n\n" + lines + "\n\n" + others
}
