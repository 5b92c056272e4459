package extract

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ragpipeline/ragpipeline/internal/config"
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
		replace(n, " "+strings.TrimSpace(mathText(n, 0))+" ")
		return
	}
	if strings.Contains(attributeOf(n, "class"), "katex-html") { // the formula again, as it is drawn
		n.Parent.RemoveChild(n)
		return
	}
	p.rewriteInline(n)
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
	case atom.Img:
		switch alt := attributeOf(n, "alt"); {
		case strings.HasPrefix(strings.TrimSpace(attributeOf(n, "src")), "data:"):
			p.warnings.Add(config.PartsIgnored, 1, "data in base64")
			replace(n, alt)
		case strings.TrimSpace(alt) == "": // its file's name alone says nothing
			n.Parent.RemoveChild(n)
		}
	case atom.A:
		href := strings.TrimSpace(attributeOf(n, "href"))
		switch {
		case strings.HasPrefix(href, "#") && isSign(n):
			n.Parent.RemoveChild(n)
		case strings.HasPrefix(href, "data:"), strings.HasPrefix(href, "javascript:"), strings.HasPrefix(href, "#"):
			rename(n, atom.Span)
		}
	case atom.Center:
		rename(n, atom.Div)
	case atom.Button, atom.Option, atom.Legend, atom.Summary, atom.Label:
		n.AppendChild(&html.Node{Type: html.TextNode, Data: " "})
	}
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
		replace(n, superscript(text))
	default:
		replace(n, subscript(text))
	}
}

// inputText is what a field of a form shows.
func inputText(n *html.Node) string {
	switch strings.ToLower(attributeOf(n, "type")) {
	case "checkbox", "radio":
		return box(hasAttribute(n, "checked")) + " "
	case "hidden", "submit", "button", "reset", "image", "password", "file":
		return ""
	}
	return attributeOf(n, "value") + " "
}

// rewriteTerms puts each term of a list on a line with what is said of it, if that is short.
func rewriteTerms(list *html.Node) {
	var term *html.Node
	for n := range list.Descendants() {
		switch n.DataAtom {
		case atom.Dt:
			rename(n, atom.P)
			term = n
		case atom.Dd:
			text := strings.TrimSpace(textOf(n))
			if term == nil || len(text) > maxRepeat || strings.Contains(text, "\n\n") || hasBlocks(n) {
				rename(n, atom.Div)
				term = nil
				continue
			}
			separator := ": "
			if hasAttribute(term, "said") {
				separator = "; "
			} else if strings.HasSuffix(strings.TrimSpace(textOf(term)), ":") {
				separator = " "
			}
			setAttribute(term, "said", "yes")
			term.AppendChild(&html.Node{Type: html.TextNode, Data: separator})
			for c := n.FirstChild; c != nil; c = n.FirstChild {
				n.RemoveChild(c)
				term.AppendChild(c)
			}
			rename(n, atom.Div)
		}
	}
}

// hasBlocks reports whether an element holds more than a line of text.
func hasBlocks(n *html.Node) bool {
	for d := range n.Descendants() {
		switch d.DataAtom {
		case atom.P, atom.Ul, atom.Ol, atom.Table, atom.Div, atom.Pre, atom.Blockquote, atom.Dl:
			return true
		}
	}
	return false
}

// mathText is MathML on one line. The deepest parts of a formula that nests beyond reason are their text.
func mathText(n *html.Node, depth int) string {
	if n.Type == html.TextNode {
		return strings.TrimSpace(n.Data)
	}
	var parts []string
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode && strings.TrimSpace(c.Data) == "" || c.Data == "annotation" ||
			c.Data == "annotation-xml" {
			continue
		}
		if depth > 50 {
			parts = append(parts, textOf(c))
			continue
		}
		parts = append(parts, mathText(c, depth+1))
	}
	part := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	switch n.Data {
	case "mfrac":
		return fraction(part(0), part(1))
	case "msup", "mover":
		return part(0) + superscript(part(1))
	case "msub", "munder":
		return part(0) + subscript(part(1))
	case "msubsup", "munderover":
		return part(0) + subscript(part(1)) + superscript(part(2))
	case "msqrt":
		return "√" + operand(strings.Join(parts, ""))
	case "mroot":
		return superscript(part(1)) + "√" + operand(part(0))
	case "mfenced":
		return "(" + strings.Join(parts, ", ") + ")"
	case "mo":
		return mathOperator(strings.Join(parts, ""))
	case "mtr", "mtd", "mtable":
		return strings.Join(parts, " ")
	}
	return strings.Join(parts, "")
}

// mathOperator has spaces around it where it relates or adds.
func mathOperator(s string) string {
	switch s {
	case "=", "+", "-", "−", "<", ">", "≤", "≥", "≈", "≠", "±", "×", "⋅", "·":
		return " " + s + " "
	case "\u2061", "\u2062", "\u2063", "\u2064": // applied, times, comma and plus that are not written
		return ""
	}
	return s
}
