package extract

import (
	"context"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// readMarkdown keeps the Markdown as it is, for models read it well, but cuts the front matter. The title is the
// front matter's, else the first heading of level 1.
func readMarkdown(_ context.Context, s source) (*Document, error) {
	text, warnings := decode(s.data)
	title, body := cutFrontMatter(normalise(text))
	d, err := wholeText(s, title, body, markdownHeadings)
	d, err = warned(d, err, warnings)
	if err != nil || d.Title != "" {
		return d, err
	}
	d.Title = firstTopHeading(d.Pages[0].Headings)
	return d, nil
}

func firstTopHeading(headings []Heading) string {
	for _, h := range headings {
		if h.Level == 1 {
			return h.Text
		}
	}
	return ""
}

var frontMatterTitle = regexp.MustCompile(`(?m)^title\s*[:=]\s*(.+)$`)

// cutFrontMatter cuts YAML between lines of --- or TOML between lines of +++ at the beginning.
func cutFrontMatter(s string) (title, body string) {
	for _, fence := range []string{"---", "+++"} {
		rest, ok := strings.CutPrefix(s, fence+"\n")
		if !ok {
			continue
		}
		matter, body, ended := strings.Cut(rest, "\n"+fence+"\n")
		if !ended {
			matter, ended = strings.CutSuffix(rest, "\n"+fence)
		}
		if !ended {
			return "", s
		}
		if m := frontMatterTitle.FindStringSubmatch(matter); m != nil {
			title = oneLine(strings.Trim(strings.TrimSpace(m[1]), `"'`))
		}
		return title, body
	}
	return "", s
}

// blocks parses the structure of Markdown without its inline markup, which headings do not depend on and which
// hostile text can make slow.
var blocks = parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...))

// markdownHeadings are the headings of level 1 to 6 outside lists and quotations, whose headings do not
// structure the document.
func markdownHeadings(md string) []Heading {
	if deeplyNested(md) {
		return nil
	}
	source := []byte(md)
	var headings []Heading
	at, offset := 0, 0 // the same place, in bytes and in code points
	for n := blocks.Parse(text.NewReader(source)).FirstChild(); n != nil; n = n.NextSibling() {
		h, ok := n.(*ast.Heading)
		if !ok || h.Lines().Len() == 0 {
			continue
		}
		title := inlineText(string(h.Lines().Value(source)))
		if title == "" {
			continue
		}
		start := strings.LastIndexByte(md[:h.Lines().At(0).Start], '\n') + 1
		if start < at {
			continue
		}
		offset += utf8.RuneCountInString(md[at:start])
		at = start
		headings = append(headings, Heading{Offset: offset, Level: h.Level, Text: title})
	}
	return headings
}

// deeplyNested reports a line inside more quotations or lists than anyone writes: the parser's time grows with
// depth times lines.
func deeplyNested(md string) bool {
	const limit = 200
	for line := range strings.Lines(md) {
		if len(line) > limit && len(line)-len(strings.TrimLeft(line, "> \t-*+.)0123456789")) > limit {
			return true
		}
	}
	return false
}

// inlines parses a heading's markup, and takes nothing in it for a list, a quotation or any other block.
var inlines = parser.NewParser(
	parser.WithBlockParsers(util.Prioritized(parser.NewParagraphParser(), 0)),
	parser.WithInlineParsers(parser.DefaultInlineParsers()...),
)

// inlineText is a heading's text without its markup: links, emphasis, code.
func inlineText(md string) string {
	md = oneLine(md)
	if !strings.ContainsAny(md, "`*_[<") {
		return md
	}
	source := []byte(md)
	var b strings.Builder
	_ = ast.Walk(inlines.Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			b.Write(n.Value(source))
			if n.SoftLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.Write(n.Value)
		case *ast.AutoLink:
			b.Write(n.Label(source))
		case *ast.RawHTML:
			return ast.WalkSkipChildren, nil
		}
		return ast.WalkContinue, nil
	})
	if b.Len() == 0 {
		return string(source)
	}
	return oneLine(b.String())
}
