package plain

import (
	"regexp"
	"strings"
	"unicode"
)

// notTitles are what programs and forms leave in the title field, all of it in lower case.
var notTitles = []*regexp.Regexp{
	regexp.MustCompile(`^(untitled|title|document|presentation|slide|sheet|page|print|layout|blank|scan|draft|template|book|new document|microsoft word document|powerpoint-präsentation|powerpoint presentation)[ _-]*\d*$`),
	regexp.MustCompile(`^\(?(anonymous|unspecified|unknown title)\)?$`),
	regexp.MustCompile(`^(microsoft|ms) (word|powerpoint|excel|office)\b`),
	regexp.MustCompile(`\.(docx?|dotx?|pptx?|xlsx?|pdf|tex|dvi|ps|eps|indd|qxd|fm|html?|rtf|txt|odt|odp|md|cdr|ai|tmp)$`),
	regexp.MustCompile(`^form\s+\S+$`),
	regexp.MustCompile(`^(file|https?|ftp)://`),
	regexp.MustCompile(`^([a-z]:)?[\\/]\S*$`),
	regexp.MustCompile(`\\`),
}

// PlausibleTitle is a title from a document's properties, or empty if the title is a file name, a path, a
// program's placeholder, an identifier. The file's own name says more than those.
func PlausibleTitle(s string) string {
	s = OneLine(s)
	lower := strings.ToLower(s)
	for _, no := range notTitles {
		if no.MatchString(lower) {
			return ""
		}
	}
	letters, others := 0, 0
	for _, r := range s {
		switch {
		case unicode.IsLetter(r):
			letters++
		case r == unicode.ReplacementChar:
			return ""
		case !unicode.IsSpace(r):
			others++
		}
	}
	if letters < 2 || letters < others || isIdentifier(lower) {
		return ""
	}
	return s
}

// isIdentifier recognises single words that a machine or a file system made: with digits, underscores or hyphens in
// them.
func isIdentifier(s string) bool {
	return !strings.ContainsRune(s, ' ') && strings.ContainsAny(s, "0123456789_-./")
}
