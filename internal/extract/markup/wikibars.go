package markup

import (
	"regexp"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// Textile, DokuWiki and Creole.

var (
	textileTitle = regexp.MustCompile(`^h([1-6])[^.\s]*\.[ \t]+(\S.*)$`)
	creoleTitle  = regexp.MustCompile(`^(={1,6})[ \t]*([^=\s].*?)[ \t]*=*[ \t]*$`)
	wikiBar      = regexp.MustCompile(`^\s*[|^].*[|^]\s*$`)
	wikiBars     = regexp.MustCompile(`[|^]`)
	wikiHeadMark = regexp.MustCompile(`^(?:=|_[^.\s]*\.)[ \t]*`)
)

func textileHeading(r *lineScanner) bool {
	m := textileTitle.FindStringSubmatch(r.line(0))
	if m == nil {
		return false
	}
	r.heading(int(m[1][0]-'0'), m[2], 1)
	return true
}

// dokuHeading takes a heading of DokuWiki, where more signs are a higher level.
func dokuHeading(r *lineScanner) bool {
	m := wikiTitle.FindStringSubmatch(strings.TrimSpace(r.line(0)))
	if m == nil || len(m[1]) < 2 {
		return false
	}
	r.heading(7-len(m[1]), m[2], 1)
	return true
}

func creoleHeading(r *lineScanner) bool {
	m := creoleTitle.FindStringSubmatch(r.line(0))
	if m == nil {
		return false
	}
	r.heading(len(m[1]), m[2], 1)
	return true
}

// wikiBarTable takes lines of cells between bars. Names are marked: ^ name ^ in DokuWiki, |= name | in Creole,
// |_. name | in Textile. A cell of ::: goes on from the one above.
func wikiBarTable(r *lineScanner) bool {
	var rows [][]document.GridCell
	headers, n := 0, 0
	for ; wikiBar.MatchString(r.line(n)) && r.looked < maxLooked; n++ {
		r.looked++
		line := strings.TrimSpace(r.line(n))
		names := !strings.Contains(line, "|")
		var row []document.GridCell
		marked := 0
		for _, text := range wikiBars.Split(line[1:len(line)-1], -1) {
			text = strings.TrimSpace(text)
			if mark := wikiHeadMark.FindString(text); mark != "" {
				text, marked = text[len(mark):], marked+1
			}
			row = append(row, document.GridCell{Text: text, Above: text == ":::"})
		}
		if (names || marked == len(row)) && headers == len(rows) {
			headers++
		}
		rows = append(rows, row)
	}
	if len(rows) < 2 || len(rows[0]) < 2 {
		return false
	}
	if headers == 0 {
		headers = -1
	}
	return r.table(rows, headers, n)
}
