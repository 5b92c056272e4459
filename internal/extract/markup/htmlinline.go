package markup

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// rewriteInline turns below n into text what says something by its form: raised and lowered figures, formulas, boxes
// and fields of forms, readings above characters. Lists of terms get a line for each.
func (p *htmlPage) rewriteInline(n *html.Node) {
	for child := n.FirstChild; child != nil; {
		next := child.NextSibling
		if child.Type == html.ElementNode {
			p.rewriteElement(child)
		}
		child = next
	}
}

func (p *htmlPage) rewriteElement(n *html.Node) {
	if n.Data == "math" {
		replace(n, " "+plain.Fold(MathText(n, 0))+" ")
		return
	}
	if strings.Contains(attributeOf(n, "class"), "katex-html") { // the formula again, as it is drawn
		n.Parent.RemoveChild(n)
		return
	}
	if strings.Contains(attributeOf(n, "class"), "mwe-math-fallback") && n.DataAtom == atom.Img { // likewise
		n.Parent.RemoveChild(n)
		return
	}
	p.rewriteInline(n)
	markTask(n)
	switch n.DataAtom {
	case atom.Ruby:
		rewriteRuby(n)
	case atom.Sup, atom.Sub:
		rewriteScript(n)
	case atom.Script: // of math
		replace(n, " "+textOf(n)+" ")
	case atom.Input:
		replace(n, inputText(n))
	case atom.Textarea:
		replace(n, textOf(n)+" ")
	case atom.Del, atom.S, atom.Strike: // a price that no longer holds must not run into the one that does
		strike(n)
	case atom.Wbr:
		n.Parent.RemoveChild(n)
	case atom.Dl:
		rewriteTerms(n)
	case atom.Ol:
		rewriteOrdered(n)
	case atom.Img:
		switch alt := attributeOf(n, "alt"); {
		case strings.HasPrefix(strings.TrimSpace(attributeOf(n, "src")), "data:"):
			p.warnings.Add(config.PartsIgnored, 1, "data in base64")
			replace(n, alt)
		case strings.TrimSpace(alt) == "": // its file's name alone says nothing
			n.Parent.RemoveChild(n)
		}
	case atom.A:
		rewriteLink(n)
	case atom.Center, atom.Summary:
		rename(n, atom.Div)
	case atom.Button, atom.Option, atom.Legend, atom.Label:
		n.AppendChild(&html.Node{Type: html.TextNode, Data: " "})
	}
}

// taskBox are the classes of boxes that are drawn, with what they show.
var taskBox = map[string]string{"checkbox-on": plain.BoxTicked, "checkbox-off": plain.BoxEmpty}

// markTask writes the box of a task that programs draw by a class alone: Confluence on items of a list, Notion on an
// element of its own.
func markTask(n *html.Node) {
	for class := range strings.FieldsSeq(attributeOf(n, "class")) {
		if sign, ok := taskBox[class]; ok && strings.TrimSpace(textOf(n)) == "" {
			replace(n, sign+" ")
			return
		}
	}
	if n.DataAtom == atom.Li && strings.Contains(attributeOf(n.Parent, "class"), "inline-task-list") {
		sign := plain.Box(strings.Contains(attributeOf(n, "class"), "checked"))
		n.InsertBefore(&html.Node{Type: html.TextNode, Data: sign + " "}, n.FirstChild)
	}
}

// rewriteLink leaves of a link its text where it leads nowhere, and drops the sign beside a heading.
func rewriteLink(n *html.Node) {
	href := strings.TrimSpace(attributeOf(n, "href"))
	switch {
	case attributeOf(n, "role") == "doc-backlink": // back to where the note is referred to
		n.Parent.RemoveChild(n)
	case isNoteReference(n):
		rewriteNoteSign(n)
	case strings.HasPrefix(href, "#") && isSign(n):
		n.Parent.RemoveChild(n)
	case hasBlocks(n): // a card that is a link as a whole
		rename(n, atom.Div)
	case href == "", strings.HasPrefix(href, "data:"), strings.HasPrefix(href, "javascript:"),
		strings.HasPrefix(href, "#"), strings.TrimSpace(textOf(n)) == "" && find(n, atom.Img) == nil:
		rename(n, atom.Span)
	default:
		setAttribute(n, "href", plain.LinkTarget(href))
	}
}

// isNoteReference reports whether a link leads to a note, as EPUB, ARIA or pandoc's pages say.
func isNoteReference(n *html.Node) bool {
	return attributeOf(n, "epub:type") == "noteref" || attributeOf(n, "role") == "doc-noteref" ||
		slices.Contains(strings.Fields(attributeOf(n, "class")), "footnote-ref")
}

// rewriteNoteSign raises the number of a note, which would change a figure before it.
func rewriteNoteSign(n *html.Node) {
	text := strings.TrimSpace(textOf(n))
	if _, err := strconv.Atoi(text); err == nil {
		text = plain.Superscript(text)
	}
	replace(n, text)
}

func strike(n *html.Node) {
	if strings.TrimSpace(textOf(n)) != "" {
		n.InsertBefore(&html.Node{Type: html.TextNode, Data: "~~"}, n.FirstChild)
		n.AppendChild(&html.Node{Type: html.TextNode, Data: "~~ "})
	}
}

// isSign reports whether a link is the sign beside a heading that refers to it.
func isSign(n *html.Node) bool {
	switch text := strings.TrimSpace(textOf(n)); text {
	case "¶", "🔗":
		return true
	case "#", "":
		return isHeading(n.Parent) && find(n, atom.Img) == nil
	}
	return false
}

// rewriteRuby puts the readings of characters behind all of them: between them they would tear the word apart.
func rewriteRuby(n *html.Node) {
	var aside []*html.Node
	var reading strings.Builder
	for d := range n.Descendants() {
		if d.DataAtom == atom.Rt || d.DataAtom == atom.Rp {
			aside = append(aside, d)
		}
		if d.DataAtom == atom.Rt {
			reading.WriteString(strings.TrimSpace(textOf(d)))
		}
	}
	for _, d := range aside {
		if d.Parent != nil {
			d.Parent.RemoveChild(d)
		}
	}
	if reading.Len() > 0 {
		n.AppendChild(&html.Node{Type: html.TextNode, Data: "(" + reading.String() + ")"})
	}
}

// maxScript is how many bytes a power or an index has at most; what is longer is text that only stands higher.
const maxScript = 1000

func rewriteScript(n *html.Node) {
	text := textOf(n)
	switch {
	case len(text) > maxScript:
		rename(n, atom.Span)
	case n.DataAtom == atom.Sup:
		replace(n, plain.Superscript(text))
	default:
		replace(n, plain.Subscript(text))
	}
}

// inputText is what a field of a form shows.
func inputText(n *html.Node) string {
	switch strings.ToLower(attributeOf(n, "type")) {
	case "checkbox", "radio":
		return plain.Box(hasAttribute(n, "checked")) + " "
	case "hidden", "submit", "button", "reset", "image", "password", "file":
		return ""
	}
	return attributeOf(n, "value") + " "
}
