// Package markup reads texts with marks: HTML, Markdown, notebooks, and plain text by its lines.
package markup

import (
	"context"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// ReadMarkdown keeps the Markdown as it is, for models read it well, but for tables in HTML, entities and comments. The
// fields of the front matter become lines above the text. The title is the front matter's, else the first heading of
// level 1.
func ReadMarkdown(ctx context.Context, s document.Source) (*document.Document, error) {
	text, warnings := charset.Decode(s.Data)
	text, dropped := plain.WithoutPayloads(text)
	plain.Payloads(&warnings, dropped)
	matter, body := document.CutFrontMatter(plain.Normalise(text))
	body, warnings = withoutHTMLTables(ctx, s, body, warnings)
	body = withBars(ctx, s, body)
	body = shownMarkdown(body)
	var b strings.Builder
	for _, f := range matter {
		if f.Name != "title" {
			b.WriteString(f.Name + ": " + f.Text + "\n")
		}
	}
	if b.Len() > 0 && strings.TrimSpace(body) != "" {
		body = b.String() + "\n" + strings.TrimLeft(body, "\n")
	}
	d, err := wholeMarkdown(s, matter.Title(), body)
	if err == nil {
		matter.Tell(d)
	}
	return document.Warned(d, err, warnings)
}

// wholeMarkdown is a document of one text in Markdown.
func wholeMarkdown(s document.Source, title, text string) (*document.Document, error) {
	d, err := document.WholeText(s, title, text, MarkdownStructure)
	if err == nil && d.Title == "" {
		d.Title = firstTopHeading(d.Pages[0].Headings)
	}
	return d, err
}

func firstTopHeading(headings []document.Heading) string {
	for _, h := range headings {
		if h.Level == 1 {
			return h.Text
		}
	}
	return ""
}

// blocks parses the structure of Markdown without its inline markup, which headings do not depend on and which
// hostile text can make slow.
var blocks = parser.NewParser(parser.WithBlockParsers(parser.DefaultBlockParsers()...))

// MarkdownStructure finds the page's headings of level 1 to 6 and its tables. Headings in lists and quotations do not
// structure the document.
func MarkdownStructure(page *document.Page) { structureOf(page, blocks, markdownTable) }

// structureOf finds headings and tables with a parser, and with what finds a table in a paragraph.
func structureOf(page *document.Page, blocks parser.Parser, tableIn tableFinder) {
	if deeplyNested(page.Text) {
		return
	}
	source := []byte(page.Text)
	at := runeCounter{text: page.Text}
	root := blocks.Parse(text.NewReader(source))
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering || n.Type() != ast.TypeBlock || n.Lines() == nil || n.Lines().Len() == 0 {
			return ast.WalkContinue, nil
		}
		start := lineStart(page.Text, n.Lines().At(0).Start)
		switch n := n.(type) {
		case *ast.Heading:
			title := InlineText(headingAttributes.ReplaceAllString(string(n.Lines().Value(source)), ""))
			if title != "" && start >= at.bytes && n.Parent() == root {
				page.Headings = append(page.Headings, document.Heading{Offset: at.offset(start), Level: n.Level, Text: title})
			}
		case *ast.HTMLBlock:
			h, ok := htmlHeading(page.Text[start:n.Lines().At(n.Lines().Len()-1).Stop])
			if ok && start >= at.bytes && n.Parent() == root {
				h.Offset = at.offset(start)
				page.Headings = append(page.Headings, h)
			}
		case *ast.Paragraph, *ast.TextBlock:
			if t, ok := tableIn(n, page.Text, &at); ok {
				page.Tables = append(page.Tables, t)
			}
		}
		return ast.WalkSkipChildren, nil
	})
}

// headingAttributes are what some dialects write behind a heading: {#install .short}.
var headingAttributes = regexp.MustCompile(`[ \t]+\{[#.:][^{}]*\}[ \t#]*$`)

// htmlHeadingForm is a heading in HTML, alone in its block.
var htmlHeadingForm = regexp.MustCompile(`(?is)^\s*<h([1-6])(?:\s[^>]*)?>(.*)</h[1-6]>\s*$`)

// htmlHeadingEnd is the end of a heading in HTML.
var htmlHeadingEnd = regexp.MustCompile(`(?i)</h[1-6]>`)

// htmlTag is a tag of HTML.
var htmlTag = regexp.MustCompile(`<[^<>]*>`)

func htmlHeading(block string) (h document.Heading, ok bool) {
	m := htmlHeadingForm.FindStringSubmatch(block)
	if m == nil || htmlHeadingEnd.MatchString(m[2]) {
		return h, false
	}
	h = document.Heading{Level: int(m[1][0] - '0'), Text: plain.OneLine(html.UnescapeString(htmlTag.ReplaceAllString(m[2],
		" ")))}
	return h, h.Text != ""
}

// tableFinder finds the table in a paragraph of a text.
type tableFinder func(p ast.Node, text string, at *runeCounter) (document.Table, bool)

// runeCounter turns ascending offsets in bytes into offsets in code points.
type runeCounter struct {
	text         string
	bytes, runes int
}

func (c *runeCounter) offset(bytes int) int {
	c.runes += utf8.RuneCountInString(c.text[c.bytes:bytes])
	c.bytes = bytes
	return c.runes
}

func lineStart(text string, at int) int { return strings.LastIndexByte(text[:at], '\n') + 1 }

// deeplyNested reports a line inside more quotations or lists than anyone writes, or too many lines inside many: the
// parser's time and memory grow with depth times lines.
func deeplyNested(md string) bool {
	const (
		limit = 200
		deep  = 64      // bytes before a line's text
		total = 4 << 20 // bytes before such lines
	)
	sum := 0
	for line := range strings.Lines(md) {
		if len(line) <= deep {
			continue
		}
		if n := len(line) - len(strings.TrimLeft(line, "> \t-*+.)0123456789")); n > deep {
			if sum += n; n > limit || sum > total {
				return true
			}
		}
	}
	return false
}

// inlines parses a heading's markup, and takes nothing in it for a list, a quotation or any other block.
var inlines = parser.NewParser(
	parser.WithBlockParsers(util.Prioritized(parser.NewParagraphParser(), 0)),
	parser.WithInlineParsers(parser.DefaultInlineParsers()...),
)

// InlineText is a heading's text without its markup: links, emphasis, code.
func InlineText(md string) string {
	md = plain.OneLine(md)
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
	return plain.OneLine(b.String())
}
