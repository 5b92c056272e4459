package markup

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

var (
	numberedTitle = regexp.MustCompile(`^(?:(?i:chapter|section|part|article|appendix|annex|kapitel|abschnitt)[ \t]+)?` +
		`((?:\d{1,3}|[A-Z]|[IVX]{1,5})(?:\.\d{1,3})*)[.):]?[ \t]+\pL`)
	hashTitle = regexp.MustCompile(`^(#{1,6})[ \t]+(\S.*?)[ \t#]*$`)
)

// plainHeading takes a line that heads what follows: it is underlined, has the signs of Markdown, or stands alone in
// capitals or under a number.
func plainHeading(r *lineScanner) bool {
	title := strings.TrimSpace(r.line(0))
	above := r.at == 0 || records.IsBlank(r.line(-1))
	if !above || utf8.RuneCountInString(title) > 100 {
		return false
	}
	if level := underlined(title, r.line(1)); level > 0 {
		r.heading(level, title, 2)
		return true
	}
	if !records.IsBlank(r.line(1)) || strings.HasPrefix(r.line(0), "\t") {
		return false
	}
	if m := hashTitle.FindStringSubmatch(title); m != nil {
		if r.hashes {
			r.heading(len(m[1]), m[2], 1)
		}
		return r.hashes
	}
	level := r.aloneLevel(title)
	if level > 0 {
		r.heading(level, title, 1)
	}
	return level > 0
}

// underlined is the level of a title with a line of signs below it, or 0.
func underlined(title, line string) int {
	first, _ := utf8.DecodeRuneInString(title)
	if len(line) < 3 || !isUnderlined(title, line) || !plain.IsFigure(first) && !strings.ContainsRune(`"'“«(¿¡`, first) {
		return 0
	}
	switch underlineOf(line) {
	case "=", "*":
		return 1
	case "-", "~":
		return 2
	}
	return 0
}

// aloneLevel returns the heading level of a line that stands alone: 1 for a line in capitals, the depth of its number
// for a numbered line outside a list, and 0 for a line that is not a heading.
func (r *lineScanner) aloneLevel(title string) int {
	next := r.nextText()
	if next == "" || strings.ContainsAny(title[len(title)-1:], ".,;!?") || len(strings.Fields(title)) > 12 {
		return 0
	}
	m := numberedTitle.FindStringSubmatch(title)
	switch {
	case m == nil && isCapital(title) && !isCapital(next):
		return 1
	case m == nil || follows(m[1], next) || r.inList(m[1]):
		return 0
	}
	return 1 + strings.Count(m[1], ".")
}

// inList reports whether the line with a number follows an item of the same list, with nothing between them.
func (r *lineScanner) inList(number string) bool {
	i := -1
	for r.at+i >= 0 && records.IsBlank(r.line(i)) && r.looked < maxLooked {
		r.looked++
		i--
	}
	m := numberedTitle.FindStringSubmatch(strings.TrimSpace(r.line(i)))
	return m != nil && follows(m[1], number+" x")
}

// nextText is the next line behind this one that is not blank.
func (r *lineScanner) nextText() string {
	for i := 1; r.at+i < len(r.lines); i++ {
		if line := strings.TrimSpace(r.line(i)); line != "" {
			return line
		}
	}
	return ""
}

// follows reports whether a line is the item behind one with a number, in the same list.
func follows(number, line string) bool {
	m := numberedTitle.FindStringSubmatch(line)
	if m == nil || strings.Count(m[1], ".") != strings.Count(number, ".") {
		return false
	}
	last := func(number string) (int, error) { return strconv.Atoi(number[strings.LastIndexByte(number, '.')+1:]) }
	n, err := last(number)
	next, nextErr := last(m[1])
	return err != nil || nextErr != nil || next == n+1
}

// isCapital reports whether a line is words in capitals.
func isCapital(line string) bool {
	letters := 0
	for _, c := range line {
		switch {
		case unicode.IsLower(c), unicode.IsLetter(c) && !unicode.IsUpper(c):
			return false
		case unicode.IsUpper(c):
			letters++
		}
	}
	return letters > 3 && !strings.ContainsAny(line, "=|{}<>\\_")
}

// Settings.

var (
	yamlKey = regexp.MustCompile(`^( *)((?:- )?)("[^"]+"|'[^']+'|[\w][\w ./$-]*):` +
		`(?:[ \t]+([|>&!][^#]*))?[ \t]*(?:#.*)?$`)
	sectionName = regexp.MustCompile(`^[ \t]*\[{1,2}([^\[\]]+)\]{1,2}[ \t]*(?:[#;].*)?$`)
)

// yamlStructure makes headings of the keys under which others stand, so that each chunk tells where it is.
func yamlStructure(page *document.Page) {
	var open []int // the indents of keys
	quoted, offset := -1, 0
	for line := range strings.Lines(page.Text) {
		at := offset
		offset += utf8.RuneCountInString(line)
		line = strings.TrimRight(line, "\n")
		indent := len(line) - len(strings.TrimLeft(line, " "))
		if records.IsBlank(line) || quoted >= 0 && indent > quoted {
			continue
		}
		quoted = -1
		if strings.HasPrefix(line, "---") {
			open = nil
		}
		m := yamlKey.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		indent += len(m[2])
		for len(open) > 0 && open[len(open)-1] >= indent {
			open = open[:len(open)-1]
		}
		open = append(open, indent)
		if strings.HasPrefix(m[4], "|") || strings.HasPrefix(m[4], ">") {
			quoted = indent
		}
		if len(open) <= 6 {
			page.Headings = append(page.Headings, document.Heading{Offset: at, Level: len(open),
				Text: plain.OneLine(strings.Trim(m[3], `"'`))})
		}
	}
}

// sectionStructure makes headings of the names of sections, as INI and TOML have them.
func sectionStructure(page *document.Page) {
	offset := 0
	for line := range strings.Lines(page.Text) {
		if m := sectionName.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			if name := plain.OneLine(m[1]); name != "" {
				page.Headings = append(page.Headings, document.Heading{Offset: offset, Level: 1, Text: name})
			}
		}
		offset += utf8.RuneCountInString(line)
	}
}

// escapedCharacters are characters of Java's properties by their numbers, and lines that go on.
var escapedCharacters = regexp.MustCompile(`(?:\\u[0-9a-fA-F]{4})+|\\\r?\n[ \t]*`)

// unescaped are properties as people read them.
func unescaped(text string) string {
	return escapedCharacters.ReplaceAllStringFunc(text, func(escape string) string {
		if escape[1] != 'u' {
			return ""
		}
		var shown string
		if json.Unmarshal([]byte(`"`+escape+`"`), &shown) != nil {
			return escape
		}
		return shown
	})
}
