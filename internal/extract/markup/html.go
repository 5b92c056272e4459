package markup

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/JohannesKaufmann/html-to-markdown/v2/converter"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/base"
	"github.com/JohannesKaufmann/html-to-markdown/v2/plugin/commonmark"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	htmlcharset "golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Bounds on a page: its tree takes some 20 times as much memory as its bytes, and the parser gives up beyond 512
// levels.
const (
	MaxHTML      = 32 << 20 // bytes
	maxHTMLDepth = 400      // of elements that are kept
	maxListDepth = 8        // of lists and quotations; deeper ones are text in the one around them
)

// toMarkdown writes text as it is: what looks like markup in a page is not markup, and backslashes would change it.
var toMarkdown = newMarkdownConverter()

func newMarkdownConverter() *converter.Converter {
	c := converter.NewConverter(
		converter.WithPlugins(base.NewBasePlugin(),
			commonmark.NewCommonmarkPlugin(commonmark.WithListEndComment(false))),
		converter.WithEscapeMode(converter.EscapeModeDisabled),
	)
	c.Register.RendererFor(writtenTable, converter.TagTypeBlock, renderWritten, converter.PriorityEarly)
	// The plugins make entities of angle brackets, which nothing turns back.
	c.Register.TextTransformer(replacing("\x01", "", "\x02", "", "<", "\x01", ">", "\x02"), converter.PriorityEarly)
	c.Register.TextTransformer(replacing("\x01", "<", "\x02", ">"), converter.PriorityLate)
	return c
}

func replacing(oldnew ...string) converter.HandleTextTransformFunc {
	replacer := strings.NewReplacer(oldnew...)
	return func(_ converter.Context, text string) string { return replacer.Replace(text) }
}

// ReadHTML turns a page into Markdown, without menus, banners and what the page hides.
func ReadHTML(ctx context.Context, s document.Source) (*document.Document, error) {
	if len(s.Data) > MaxHTML {
		return nil, config.Failf(config.TooLarge, "the HTML page has %d bytes, at most %d can be read: split it",
			len(s.Data), MaxHTML)
	}
	text, warnings := DecodeHTML(s.Data)
	d, err := ReadHTMLText(ctx, s, text)
	return document.Warned(d, err, warnings)
}

// ReadHTMLText reads a page that is decoded.
func ReadHTMLText(ctx context.Context, s document.Source, text string) (*document.Document, error) {
	page, err := parseHTML(text)
	if err != nil {
		return nil, err
	}
	p := &htmlPage{ctx: ctx, root: page, limit: document.NewLimit(s.Max)}
	title := pageTitle(page)
	metadata := p.metadata()
	if err := p.clean(); err != nil {
		return nil, err
	}
	headings := p.headings()
	body, err := markdownOf(ctx, page)
	if err != nil {
		return nil, err
	}
	body, dropped := plain.WithoutPayloads(body)
	plain.Payloads(&p.warnings, dropped)
	d, err := document.WholeText(s, title, body, htmlStructure)
	if err != nil {
		return nil, err
	}
	d.Pages[0].Headings = headings.of(d.Pages[0].Headings)
	if title == "" {
		d.Title = firstTopHeading(d.Pages[0].Headings)
	}
	document.FrontMatter(metadata).Tell(d)
	return document.Warned(d, nil, p.warnings)
}

// pageTitle is what the page calls itself; drawings in it have titles, too.
func pageTitle(page *html.Node) string {
	for n := range page.Descendants() {
		if n.DataAtom == atom.Title && n.Namespace == "" {
			return plain.OneLine(textOf(n))
		}
	}
	return ""
}

// parseHTML makes a page's tree, within bounds.
func parseHTML(text string) (*html.Node, error) {
	formats, err := checkTags(text)
	if err != nil {
		return nil, err
	}
	if formats {
		text = withoutFormatting(text)
	}
	text = withEndTags(text)
	page, err := parseWithoutScripts(text)
	if err != nil {
		if page, err = parseWithoutScripts(flattened(text)); err != nil {
			return nil, config.Failf(config.Malformed, "the HTML page cannot be parsed: %w", err)
		}
	}
	return page, checkNesting(page)
}

// parseWithoutScripts parses what is for readers without scripts, too.
func parseWithoutScripts(text string) (*html.Node, error) {
	return html.ParseWithOptions(strings.NewReader(text), html.ParseOptionEnableScripting(false))
}

// DecodeHTML is the page as UTF-8: by its byte order mark, as UTF-8 if that is what it is, by what it declares, or by
// a guess.
func DecodeHTML(data []byte) (string, config.Warnings) {
	if _, sure := charset.MarkedEncoding(data); !sure {
		if declared := declaredEncoding(data); declared != nil {
			return charset.TextEncoding{Encoding: declared}.Decode(data), nil
		}
	}
	return charset.Decode(data)
}

// Lazily compiles an expression when a document first needs it. It is for those with large counted
// repetitions, which take milliseconds and 100 kB that no process but ingestion needs.
func Lazily(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

var declaration = Lazily(`(?is)<\?xml[^>]{0,200}?encoding\s*=\s*["']?([\w:.-]+)|` +
	`<meta[^>]{0,500}?charset\s*=\s*["']?\s*([\w:.-]+)`)

// declaredEncoding is what the XML declaration or a meta element says, wherever it stands; nil when it says nothing
// that can be.
func declaredEncoding(data []byte) encoding.Encoding {
	m := declaration().FindSubmatch(data)
	if m == nil {
		return nil
	}
	switch e, name := htmlcharset.Lookup(string(m[1]) + string(m[2])); name {
	case "", "utf-8", "utf-16le", "utf-16be": // which it would have been found to be
		return nil
	default:
		return e
	}
}

// flattened is a page without the elements that are nested too deeply to be parsed. Their text is kept.
func flattened(page string) string {
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	depth, dropped := 0, map[string]int{}
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return b.String()
		}
		raw := z.Raw()
		name, _ := z.TagName()
		switch tag := string(name); {
		case voidElement[tag]:
		case kind == html.StartTagToken:
			if depth >= maxHTMLDepth {
				dropped[tag]++
				continue
			}
			depth += nestingOf(tag)
		case kind == html.EndTagToken && dropped[tag] > 0:
			dropped[tag]--
			b.WriteByte(' ')
			continue
		case kind == html.EndTagToken:
			depth = max(depth-nestingOf(tag), 0)
		}
		b.Write(raw)
	}
}

// nestingOf is how deep an element goes by itself: a table has bodies, rows and cells, and a list items, which are not
// counted.
func nestingOf(tag string) int {
	switch tag {
	case "table":
		return 4
	case "ul", "ol", "dl":
		return 2
	}
	return 1
}

// voidElement are the elements that have no end, or end where the next begins.
var voidElement = map[string]bool{
	"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true,
	"link": true, "meta": true, "source": true, "track": true, "wbr": true, "p": true, "li": true, "td": true, "tr": true,
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

// htmlPage is a page on its way to Markdown.
type htmlPage struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one extraction
	root     *html.Node
	limit    *document.Limit
	framed   int // counts the tags of the frames that were read
	warnings config.Warnings
}

// metaNames are the names of the meta elements that tell something of a document.
var metaNames = regexp.MustCompile(`(?i)^(author|description|keywords|date|(dc|dcterms|article)[.:]\w+)$`)

// metadata are what the page's meta elements tell.
func (p *htmlPage) metadata() []document.MatterField {
	var fields []document.MatterField
	for n := range p.root.Descendants() {
		if n.DataAtom != atom.Meta || len(fields) == document.MaxMatterFields {
			continue
		}
		name, content := attributeOf(n, "name")+attributeOf(n, "property"), plain.OneLine(attributeOf(n, "content"))
		if content == "" || !metaNames.MatchString(name) {
			continue
		}
		f := document.MatterField{Name: strings.ToLower(name), Text: content, Value: config.Text(content)}
		if f.Name == "keywords" {
			f.Value = document.ListOf(strings.Split(content, ","))
		}
		fields = append(fields, f)
	}
	return fields
}

// pageHeadings are the texts of a page's headings, by what is left of them as Markdown, in lower case.
type pageHeadings map[string]string

func (p *htmlPage) headings() pageHeadings {
	var found []*html.Node
	for n := range p.root.Descendants() {
		if isHeading(n) {
			found = append(found, n)
		}
	}
	headings := pageHeadings{}
	for _, n := range found {
		if md, err := p.markdownAlone(n); err == nil {
			headings[strings.ToLower(InlineText(InlineText(strings.TrimLeft(md, "# "))))] = plain.OneLine(textOf(n))
		}
	}
	return headings
}

// markdownAlone is an element as Markdown. Where the converter finds a page around it, it looks at all of that.
func (p *htmlPage) markdownAlone(n *html.Node) (string, error) {
	if parent, next := n.Parent, n.NextSibling; parent != nil { // nil where it stood in one that was converted
		parent.RemoveChild(n)
		defer parent.InsertBefore(n, next)
	}
	return markdownOf(p.ctx, n)
}

// of are the headings among lines of Markdown that look like one, with their texts as the page has them: in Markdown,
// List<String> is List.
func (p pageHeadings) of(lines []document.Heading) []document.Heading {
	var headings []document.Heading
	for _, h := range lines {
		text, ok := p[strings.ToLower(InlineText(h.Text))]
		if !ok {
			continue
		}
		if text != "" {
			h.Text = text
		}
		headings = append(headings, h)
	}
	return headings
}

func isHeading(n *html.Node) bool {
	switch n.DataAtom {
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		return n.Type == html.ElementNode
	}
	return false
}

// find returns the first element of its kind, or nil.
func find(n *html.Node, a atom.Atom) *html.Node {
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && d.DataAtom == a {
			return d
		}
	}
	return nil
}

func attributeOf(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func setAttribute(n *html.Node, name, value string) {
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
	if value != "" {
		n.Attr = append(n.Attr, html.Attribute{Key: name, Val: value})
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

// replace puts a text in the place of an element.
func replace(n *html.Node, text string) {
	if n.Parent != nil {
		n.Parent.InsertBefore(&html.Node{Type: html.TextNode, Data: text}, n)
		n.Parent.RemoveChild(n)
	}
}

// rename makes an element one of another kind, without attributes.
func rename(n *html.Node, a atom.Atom) {
	n.Data, n.DataAtom, n.Attr = a.String(), a, nil
}
