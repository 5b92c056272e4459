package office

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// data writes elements that hold values, each as a line "path.to.element: value" without the root's name. A blank line
// stands above each of several that have the same name and hold others.
func (w *xmlWriter) data(n *node, path []string) {
	if attributes := attributesOf(n); attributes != "" {
		w.value(path, attributes)
	}
	counts := map[string]int{}
	for _, c := range n.children {
		counts[c.name]++
	}
	if n.isMixed() {
		w.value(path, w.lineOf(n))
		return
	}
	key := ""
	for _, c := range n.children {
		name := c.name
		if key != "" && name != "key" {
			name, key = key, ""
		}
		inner := append(slices.Clip(path), plain.OneLine(name))
		switch {
		case c.name == xmlComment:
			w.add(document.Block{Kind: document.LineBlock, Text: "comment: " + plain.Fold(c.content())})
		case c.name == "key" && counts["key"] > 0 && n.name == "dict": // of a property list
			key = c.content()
		case xmlSigns[c.name], c.isText(), xmlBlocks[c.name] && c.holds(xmlSigns), xmlTables[c.name] && c.holds(xmlCells):
			w.element(c, min(len(inner), 6))
		case name != c.name && len(c.children) == 0:
			w.value(inner, c.name) // true or false
		case c.isValue():
			w.leaf(c, inner)
		default:
			w.gap(counts[c.name] > 1 || len(path) == 0)
			w.data(c, inner)
			w.gap(counts[c.name] > 1 || len(path) == 0)
		}
	}
}

// isValue reports whether an element holds a text, and no elements but those that are within its lines.
func (n *node) isValue() bool {
	return n.isMixed() && !n.holds(xmlBlocks) ||
		!slices.ContainsFunc(n.children, func(c *node) bool { return c.name != "" })
}

// leaf writes the value of an element, with its attributes.
func (w *xmlWriter) leaf(n *node, path []string) {
	text, attributes := n.content(), attributesOf(n)
	if markupInText.MatchString(text) {
		w.page(text, path)
		text = ""
	} else if n.isMixed() && len(n.children) > 1 {
		text = w.lineOf(n)
	}
	switch text = strings.TrimSpace(text); {
	case attributes == "":
	case text == "":
		text = attributes
	default:
		text += " (" + attributes + ")"
	}
	w.value(path, text)
}

// value writes a line. A gap before it is that of the record that it begins.
func (w *xmlWriter) value(path []string, text string) {
	if text = plain.Normalise(text); records.IsBlank(text) {
		return
	}
	if name := records.JSONPath(path); name != "" {
		text = name + ": " + text
	}
	w.add(document.Block{Kind: document.LineBlock, Text: text})
}

// gap begins a record with the next line.
func (w *xmlWriter) gap(begins bool) {
	if last := len(w.blocks) - 1; begins && last >= 0 && w.blocks[last].Kind != document.RecordEndBlock {
		w.blocks = append(w.blocks, document.Block{Kind: document.RecordEndBlock})
	}
}

// attributesOf are an element's attributes, but those that are for programs.
func attributesOf(n *node) string {
	var told []string
	for _, a := range n.attrs {
		if value := plain.Fold(plain.Normalise(a.Value)); value != "" && a.Name.Space != "xmlns" && a.Name.Local != "xmlns" &&
			a.Name.Local != "schemaLocation" && a.Name.Local != "noNamespaceSchemaLocation" {
			told = append(told, a.Name.Local+"="+value)
		}
	}
	return strings.Join(told, ", ")
}

// markupInText is HTML in the text of an element, as feeds and exports have it.
var markupInText = regexp.MustCompile(`(?i)</?(?:p|div|br|ul|ol|li|table|h[1-6]|span|strong|em|b|i|a|img)(?:\s[^<>]*)?/?>`)

// page writes the HTML in the text of an element.
func (w *xmlWriter) page(text string, path []string) {
	w.source.Reads(document.HTML)
	d, err := markup.ReadHTMLText(w.ctx, w.source, text)
	if err != nil {
		if !document.IsMalformed(err) && w.err == nil {
			w.err = err
		}
		return
	}
	w.warnings.Merge(d.Warnings)
	if name := records.JSONPath(path); name != "" {
		w.add(document.Block{Kind: document.LineBlock, Text: name + ":"})
	}
	w.blocks = append(w.blocks, withoutHeadings(blocksOf(d))...)
}

// matter writes what tells of a text by names and values, and the texts in it, such as an abstract.
func (w *xmlWriter) matter(n *node, level int) {
	title := n.xmlTitle()
	for _, c := range n.children {
		switch {
		case c == title, xmlSilent[c.name], c.name == "", c.name == xmlComment:
		case xmlMatter[c.name], c.name == "article-meta", c.name == "title-group":
			w.matter(c, level)
		case c.holds(xmlSigns):
			w.element(c, level)
		case c.isValue():
			w.leaf(c, []string{c.name})
		default:
			w.data(c, []string{c.name})
		}
	}
	w.gap(true)
}

func isFeed(root *node) bool {
	return root.name == "rss" || root.name == "feed" && root.child("entry") != nil ||
		root.name == "RDF" && root.child("item") != nil
}

// feed writes the articles of a feed, each under its title.
func (w *xmlWriter) feed(root *node) {
	channel := root
	if inner := root.child("channel"); inner != nil {
		channel = inner
	}
	if title := channel.child("title"); title != nil {
		w.title = plain.OneLine(title.content())
		w.add(document.Block{Kind: document.HeadingBlock, Level: 1, Text: w.title})
	}
	isArticle := func(c *node) bool { return c.name == "item" || c.name == "entry" }
	w.fields(channel, isArticle)
	for _, parent := range slices.Compact([]*node{channel, root}) {
		for _, c := range parent.children {
			if isArticle(c) {
				w.add(document.Block{Kind: document.HeadingBlock, Level: 2, Text: c.child("title").content()})
				w.fields(c, func(*node) bool { return false })
			}
		}
	}
}

// fields writes the fields of a feed or of an article, but its title.
func (w *xmlWriter) fields(n *node, skip func(*node) bool) {
	w.gap(true)
	for _, c := range n.children {
		switch {
		case c.name == "", c.name == "title", c.name == xmlComment, skip(c):
		case c.isValue():
			w.leaf(c, []string{c.name})
		case c.holds(xmlBlocks):
			w.content(c, 3)
		default:
			w.data(c, []string{c.name})
		}
	}
}
