package extract

import (
	"context"
	"regexp"
	"strings"

	"codeberg.org/readeck/go-readability/v2"
	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/table"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// maxHTML bounds a page's bytes: its tree takes some 20 times as much memory.
const maxHTML = 32 << 20

var toMarkdown = converter.NewConverter(converter.WithPlugins(base.NewBasePlugin(), commonmark.NewCommonmarkPlugin(), table.NewTablePlugin()))

// readHTML turns a page into Markdown: its article, without navigation and footers, or the whole body when
// what was taken for the article is a small part of it.
func readHTML(ctx context.Context, s source) (*Document, error) {
	if len(s.data) > maxHTML {
		return nil, config.Failf(config.TooLarge, "the HTML page has %d bytes, at most %d can be read: split it", len(s.data), maxHTML)
	}
	page, warnings := decodeHTML(s.data)
	whole, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil, config.Failf(config.Malformed, "the HTML page cannot be parsed: %w", err)
	}
	title := oneLine(textOf(find(whole, atom.Title)))
	removeAll(whole, atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Iframe)
	body, err := markdownOf(ctx, whole)
	if err != nil {
		return nil, err
	}
	article, err := articleOf(ctx, page)
	if err != nil {
		return nil, err
	}
	if isMost(article, body) {
		body = article
	}
	d, err := wholeMarkdown(s, title, body)
	return warned(d, err, warnings)
}

// decodeHTML is the page as UTF-8: by its byte order mark, as UTF-8 if that is what it is, by what it declares, or by
// a guess.
func decodeHTML(data []byte) (string, config.Warnings) {
	if _, sure := markedEncoding(data); !sure {
		if declared := declaredEncoding(data); declared != nil {
			return textEncoding{encoding: declared}.decode(data), nil
		}
	}
	return decode(data)
}

var declaration = regexp.MustCompile(`(?is)<\?xml[^>]{0,200}?encoding\s*=\s*["']?([\w:.-]+)|<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w:.-]+)`)

// declaredEncoding is what the XML declaration or a meta element says, wherever it stands; nil when it says nothing
// that can be.
func declaredEncoding(data []byte) encoding.Encoding {
	m := declaration.FindSubmatch(data)
	if m == nil {
		return nil
	}
	switch e, name := charset.Lookup(string(m[1]) + string(m[2])); name {
	case "", "utf-8", "utf-16le", "utf-16be": // which it would have been found to be
		return nil
	default:
		return e
	}
}

// articleOf is the page's article as Markdown, empty when none is found. readability changes the tree that it
// is given, so it gets one of its own.
func articleOf(ctx context.Context, page string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return "", nil //nolint:nilerr // without an article the whole page is taken
	}
	found, err := readability.FromDocument(doc, nil)
	if err != nil || found.Node == nil {
		return "", nil //nolint:nilerr // likewise
	}
	return markdownOf(ctx, found.Node)
}

func markdownOf(ctx context.Context, n *html.Node) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	md, err := toMarkdown.ConvertNode(n, converter.WithContext(ctx))
	if err != nil {
		return "", config.Failf(config.Malformed, "the HTML page cannot be converted: %w", err)
	}
	return string(md), nil
}

// isMost reports whether the article holds enough of the body to stand for it: readability is made for news and
// blogs, and drops much of other pages.
func isMost(article, body string) bool {
	return len(article) >= 500 && len(article)*4 >= len(body)
}

// find is the first element of its kind, nil when there is none.
func find(n *html.Node, a atom.Atom) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.DataAtom == a {
			return d
		}
	}
	return nil
}

func removeAll(n *html.Node, atoms ...atom.Atom) {
	var gone []*html.Node
	for d := range n.Descendants() {
		for _, a := range atoms {
			if d.Type == html.ElementNode && d.DataAtom == a {
				gone = append(gone, d)
			}
		}
	}
	for _, d := range gone {
		d.Parent.RemoveChild(d)
	}
}

func textOf(n *html.Node) string {
	if n == nil {
		return ""
	}
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}
