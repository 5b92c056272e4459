package standin

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// statement is a piece of a passage that can be quoted by itself.
type statement struct {
	text    string
	heading string // it stands below, within its passage
	row     bool   // of a table: it stands on a line of its own
}

// statements cuts a passage into sentences and table rows. A PDF's text breaks its lines anywhere, so lines
// are joined unless they are rows or begin a list item. A Markdown heading states nothing by itself.
func statements(text string) []statement {
	var out []statement
	var above string
	var paragraph []string
	flush := func() {
		for _, s := range sentences(strings.Join(paragraph, " ")) {
			out = append(out, statement{text: s, heading: above})
		}
		paragraph = paragraph[:0]
	}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case heading(line):
			flush()
			above = strings.TrimLeft(line, "# ")
		case line == "", fence(line), ruler(line):
			flush()
		case tableRow(line):
			paragraph = finished(paragraph) // what stands over a table is its head
			flush()
			out = append(out, statement{text: cells(line), heading: above, row: true})
		default:
			if item := listItem.FindString(line); item != "" {
				flush()
				line = line[len(item):]
			}
			paragraph = append(paragraph, line)
			if strings.HasSuffix(line, ":") {
				flush()
			}
		}
	}
	flush()
	return out
}

// finished is the beginning of a paragraph up to its last line that ends a sentence.
func finished(paragraph []string) []string {
	for n := len(paragraph); n > 0; n-- {
		if strings.ContainsAny(paragraph[n-1][len(paragraph[n-1])-1:], ".!?:") {
			return paragraph[:n]
		}
	}
	return nil
}

var listItem = regexp.MustCompile(`^([-*+•▪◦>]|\d{1,2}[.)])\s+`)

func heading(line string) bool { return strings.HasPrefix(line, "#") }

// ruler reports whether a line has neither letter nor digit.
func ruler(line string) bool {
	return strings.IndexFunc(line, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) < 0
}

// tableRow reports whether a line is a row of a Markdown table, or words and then two figures or more.
func tableRow(line string) bool {
	if strings.HasPrefix(line, "|") && strings.HasSuffix(line, "|") {
		return true
	}
	fields := strings.Fields(line)
	figures := 0
	for i := len(fields) - 1; i > 0; i-- {
		switch f := strings.Trim(fields[i], "$€£()%*—–-"); {
		case f == "": // a sign by itself
		case digit(f[0]) && digit(f[len(f)-1]):
			figures++
		default:
			return figures >= 2
		}
	}
	return figures >= 2
}

// cells is a row without the bars of Markdown.
func cells(line string) string {
	if !strings.HasPrefix(line, "|") {
		return line
	}
	parts := strings.Split(strings.Trim(line, "| "), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, ", ")
}

// sentences cuts a paragraph behind each full stop, question or exclamation mark that ends a sentence.
func sentences(paragraph string) []string {
	var out []string
	start := 0
	for i, r := range paragraph {
		end := i + utf8.RuneLen(r)
		if strings.ContainsRune("。！？", r) || strings.ContainsRune(".!?", r) && ends(paragraph[start:i], paragraph[end:]) {
			out = appendPieces(out, paragraph[start:end])
			start = end
		}
	}
	return appendPieces(out, paragraph[start:])
}

// ends reports whether a mark between before and after ends a sentence: a space and no small letter follow, and
// no abbreviation comes before.
func ends(before, after string) bool {
	if after == "" {
		return true
	}
	first, size := utf8.DecodeRuneInString(after)
	if !unicode.IsSpace(first) {
		return false
	}
	if next, _ := utf8.DecodeRuneInString(after[size:]); unicode.IsLower(next) {
		return false
	}
	last := before[strings.LastIndexFunc(before, unicode.IsSpace)+1:]
	return !abbreviations[strings.ToLower(strings.TrimLeft(last, "([\"“"))] && !initial(last)
}

var abbreviations = map[string]bool{
	"e.g": true, "i.e": true, "cf": true, "al": true, "vs": true, "fig": true, "figs": true, "no": true, "nos": true,
	"eq": true, "sec": true, "mr": true, "mrs": true, "ms": true, "dr": true, "prof": true, "st": true, "jr": true,
	"sr": true, "approx": true, "u.s": true, "u.k": true,
}

// initial reports whether a word is a single capital, as in a name.
func initial(word string) bool {
	return len(word) == 1 && word[0] >= 'A' && word[0] <= 'Z'
}

// maxStatement is the length in bytes past which text that never ends a sentence is cut between words.
const maxStatement = 500

func appendPieces(out []string, s string) []string {
	s = strings.TrimSpace(s)
	for len(s) > maxStatement {
		piece := head(s, maxStatement)
		if space := strings.LastIndexByte(piece, ' '); space > 0 {
			piece = piece[:space]
		}
		out = append(out, piece)
		s = strings.TrimSpace(s[len(piece):])
	}
	if s == "" {
		return out
	}
	return append(out, s)
}
