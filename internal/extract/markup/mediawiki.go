package markup

import (
	"html"
	"regexp"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// MediaWiki.

// maxWikiDepth is how deep links and templates are read within each other; deeper ones stay as they are written.
const maxWikiDepth = 20

var (
	wikiComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	wikiRef     = regexp.MustCompile(`(?is)<ref\b[^>/]*/>|<ref\b[^>]*>(.*?)</ref>`)
	wikiTag     = regexp.MustCompile(`(?i)</?(?:div|span|small|big|center|font|u|s|b|i|em|strong|p|br|hr|nowiki|noinclude|` +
		`includeonly|onlyinclude|gallery|poem|blockquote|references|code|tt|kbd|samp|abbr|time|var|section|` +
		`templatestyles)\b[^>]*>`)
	wikiBreak   = regexp.MustCompile(`(?i)<(?:br|hr|p)\b[^>]*>`)
	wikiPower   = regexp.MustCompile(`(?i)<sup[^>]*>([^<]*)</sup>|<sub[^>]*>([^<]*)</sub>`)
	wikiBare    = regexp.MustCompile(`\[((?:https?:|ftp:|mailto:)?//[^\s\]]+|mailto:[^\s\]]+)(?:[ \t]+([^\]\n]*))?\]`)
	wikiSwitch  = regexp.MustCompile(`__[A-Z]+__`)
	wikiTitle   = regexp.MustCompile(`^(={1,6})[ \t]*(.+?)[ \t]*={1,6}[ \t]*$`)
	wikiName    = regexp.MustCompile(`^[ \t\n]*([^=\[\]{}<>|\n]{1,60}?)[ \t]*=`)
	wikiSpan    = regexp.MustCompile(`(?i)\b(rowspan|colspan)[ \t]*=[ \t]*["']?(\d{1,4})`)
	wikiFile    = regexp.MustCompile(`(?i)^(?:file|image|datei|bild|fichier|archivo|файл):`)
	wikiDisplay = regexp.MustCompile(`(?i)^(?:thumb|thumbnail|mini|frame|frameless|border|left|right|center|none|upright.*|` +
		`\d*x?\d+px|(?:alt|link|lang|page)=.*)$`)
)

// wikiText is a page of MediaWiki with its inline markup read: links, templates, references, tags and signs of bold.
// Headings, lists and tables stay.
func wikiText(text string) string {
	text = wikiComment.ReplaceAllString(text, "")
	text = wikiRef.ReplaceAllStringFunc(text, func(ref string) string {
		if note := wikiRef.FindStringSubmatch(ref)[1]; note != "" {
			return " (" + note + ")"
		}
		return ""
	})
	text = wikiPower.ReplaceAllStringFunc(text, func(raised string) string {
		m := wikiPower.FindStringSubmatch(raised)
		return plain.Superscript(m[1]) + plain.Subscript(m[2])
	})
	text = wikiBreak.ReplaceAllString(text, " ")
	text = wikiTag.ReplaceAllString(text, "")
	text, _ = (&wikiReader{text: text}).read("", 0)
	text = wikiBare.ReplaceAllStringFunc(text, func(link string) string {
		m := wikiBare.FindStringSubmatch(link)
		if m[2] == "" {
			return m[1]
		}
		return m[2] + " (" + m[1] + ")"
	})
	text = wikiSwitch.ReplaceAllString(text, "")
	text = strings.NewReplacer("'''''", "", "'''", "", "''", "").Replace(text)
	return strings.ReplaceAll(html.UnescapeString(text), "\u00a0", " ")
}

// wikiReader reads links and templates, which stand within each other.
type wikiReader struct {
	text string
	at   int
}

// read is the text up to an end, with what stands in brackets and braces in it, and reports whether the end is there.
// A link ends within its paragraph.
func (r *wikiReader) read(end string, depth int) (text string, closed bool) {
	var b strings.Builder
	for r.at < len(r.text) {
		rest := r.text[r.at:]
		switch {
		case end != "" && strings.HasPrefix(rest, end):
			r.at += len(end)
			return b.String(), true
		case end == "]]" && strings.HasPrefix(rest, "\n\n"):
			return b.String(), false
		case depth < maxWikiDepth && strings.HasPrefix(rest, "[["):
			b.WriteString(r.within("[[", "]]", depth, wikiLink))
		case depth < maxWikiDepth && strings.HasPrefix(rest, "{{") && !strings.HasPrefix(rest, "{{{|"):
			b.WriteString(r.within("{{", "}}", depth, wikiTemplate))
		default:
			next := strings.IndexAny(rest[1:], "[]{}\n") + 1
			if next == 0 {
				next = len(rest)
			}
			b.WriteString(rest[:next])
			r.at += next
		}
	}
	return b.String(), end == ""
}

// within is what a link or a template shows. One that nothing closes stays as it is written.
func (r *wikiReader) within(begin, end string, depth int, shown func(string) string) string {
	r.at += len(begin)
	inner, closed := r.read(end, depth+1)
	if !closed {
		return begin + inner
	}
	return shown(inner)
}

// wikiLink is what a link shows.
func wikiLink(inner string) string {
	target, shown, has := strings.Cut(inner, "|")
	if wikiFile.MatchString(target) {
		last := shown[strings.LastIndexByte(shown, '|')+1:]
		if wikiDisplay.MatchString(strings.TrimSpace(last)) {
			return ""
		}
		return last
	}
	if !has || shown == "" {
		return strings.TrimPrefix(target, ":")
	}
	return shown
}

// wikiTemplate is what the arguments of a template say: those with names on lines of their own, the others in a row.
// One without arguments says nothing that stands in the page.
func wikiTemplate(inner string) string {
	name, rest, has := strings.Cut(inner, "|")
	if strings.TrimSpace(name) == "!" {
		return "|"
	}
	if !has {
		if function, value, is := strings.Cut(name, ":"); is && strings.HasPrefix(function, "#") {
			return value
		}
		return ""
	}
	var values, named []string
	for part := range strings.SplitSeq(rest, "|") {
		if m := wikiName.FindStringSubmatchIndex(part); m != nil {
			key, value := strings.TrimSpace(part[m[2]:m[3]]), strings.TrimSpace(part[m[1]:])
			if _, err := strconv.Atoi(key); err == nil {
				values = append(values, value)
			} else if value != "" {
				named = append(named, strings.ReplaceAll(key, "_", " ")+": "+value)
			}
		} else if part = strings.TrimSpace(part); part != "" {
			values = append(values, part)
		}
	}
	if len(named) == 0 || !strings.Contains(inner, "\n") {
		return strings.Join(append(values, named...), " ")
	}
	return strings.TrimSpace(name) + "\n" + strings.Join(append(values, named...), "\n")
}

func wikiHeading(r *lineScanner) bool {
	m := wikiTitle.FindStringSubmatch(r.line(0))
	if m == nil {
		return false
	}
	r.heading(len(m[1]), m[2], 1)
	return true
}

// wikiTable takes a table between {| and |}. Tables within its cells are part of their text.
func wikiTable(r *lineScanner) bool {
	if !strings.HasPrefix(strings.TrimSpace(r.line(0)), "{|") {
		return false
	}
	t := wikiRows{}
	n := 1
	for depth := 1; depth > 0; n++ {
		if r.looked++; r.at+n >= len(r.lines) || r.looked > maxLooked {
			return false
		}
		line := strings.TrimSpace(r.line(n))
		switch {
		case strings.HasPrefix(line, "{|"):
			depth++
		case strings.HasPrefix(line, "|}"):
			depth--
		case depth == 1:
			t.line(line)
		default:
			t.goOn(strings.TrimLeft(line, "|!+-"))
		}
	}
	if t.join(); len(t.rows) == 0 {
		return false
	}
	r.caption = t.caption
	return r.table(t.rows, t.headers(), n)
}

// wikiRows are the rows of a table that is being read.
type wikiRows struct {
	rows      [][]document.GridCell
	heads     []int // by row: how many of its cells are names
	caption   string
	inCaption bool
	begins    bool     // the next cell begins a row
	more      []string // lines that go on with the last cell, or with the caption
}

func (t *wikiRows) line(line string) {
	switch {
	case strings.HasPrefix(line, "|+"):
		t.join()
		t.caption, t.inCaption = wikiCell(line[2:]).Text, true
	case strings.HasPrefix(line, "|-"):
		t.join()
		t.begins, t.inCaption = true, false
	case strings.HasPrefix(line, "!"):
		t.cells(strings.ReplaceAll(line[1:], "!!", "||"), true)
	case strings.HasPrefix(line, "|"):
		t.cells(line[1:], false)
	default:
		t.goOn(line)
	}
}

func (t *wikiRows) cells(line string, names bool) {
	t.join()
	if t.begins || len(t.rows) == 0 {
		t.rows, t.heads = append(t.rows, nil), append(t.heads, 0)
	}
	t.begins, t.inCaption = false, false
	last := len(t.rows) - 1
	for cell := range strings.SplitSeq(line, "||") {
		t.rows[last] = append(t.rows[last], wikiCell(cell))
		if names {
			t.heads[last]++
		}
	}
}

// goOn adds a line to the last cell, or to the caption.
func (t *wikiRows) goOn(line string) {
	if line = strings.TrimSpace(line); line != "" {
		t.more = append(t.more, line)
	}
}

// join puts the lines that go on where they belong.
func (t *wikiRows) join() {
	lines := t.more
	t.more = nil
	switch {
	case len(lines) == 0:
	case t.inCaption:
		t.caption = strings.TrimSpace(t.caption + " " + strings.Join(lines, " "))
	case len(t.rows) > 0:
		row := t.rows[len(t.rows)-1]
		cell := &row[len(row)-1]
		cell.Text = strings.TrimSpace(cell.Text + " " + strings.Join(lines, " "))
	}
}

// headers is how many rows hold names alone.
func (t *wikiRows) headers() int {
	n := 0
	for n < len(t.rows) && t.heads[n] > 0 && t.heads[n] == len(t.rows[n]) {
		n++
	}
	if n == len(t.rows) {
		return min(n, 1)
	}
	return n
}

// wikiCell is a cell, before whose text attributes may stand.
func wikiCell(text string) document.GridCell {
	var cell document.GridCell
	attributes, rest, has := strings.Cut(text, "|")
	if has && (strings.Contains(attributes, "=") || records.IsBlank(attributes)) {
		for _, m := range wikiSpan.FindAllStringSubmatch(attributes, -1) {
			n, _ := strconv.Atoi(m[2])
			if n = min(n, document.MaxSpan); strings.EqualFold(m[1], "rowspan") {
				cell.Rows = n
			} else {
				cell.Cols = n
			}
		}
		text = rest
	}
	cell.Text = strings.TrimSpace(text)
	return cell
}
