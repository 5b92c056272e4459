package markup

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// listStyles are the formats of numbers by the type of a list, and by the name that style sheets have for it.
var listStyles = map[string]string{
	"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman",
	"lower-alpha": "lowerLetter", "lower-latin": "lowerLetter", "upper-alpha": "upperLetter", "upper-latin": "upperLetter",
	"lower-roman": "lowerRoman", "upper-roman": "upperRoman", "decimal-leading-zero": "decimalZero",
}

var listStyleType = regexp.MustCompile(`(?i)list-style(?:-type)?\s*:\s*([a-z-]+)`)

// rewriteOrdered writes the numbers of a list as text where Markdown has no such numbers: letters, Roman figures,
// items with a number of their own, lists that count down.
func rewriteOrdered(list *html.Node) {
	style := listStyles[attributeOf(list, "type")]
	if m := listStyleType.FindStringSubmatch(attributeOf(list, "style")); m != nil {
		style = listStyles[strings.ToLower(m[1])]
	}
	own := hasAttribute(list, "reversed")
	for c := range list.ChildNodes() {
		own = own || c.DataAtom == atom.Li && hasAttribute(c, "value")
	}
	if style != "" || own {
		writeNumbers(list, style)
	}
}

// writeNumbers puts the number of each item before its text, and makes the list one without numbers.
func writeNumbers(list *html.Node, style string) {
	n, step := 1, 1
	if hasAttribute(list, "reversed") {
		n, step = 0, -1
		for c := range list.ChildNodes() {
			if c.DataAtom == atom.Li {
				n++
			}
		}
	}
	if start, err := strconv.Atoi(strings.TrimSpace(attributeOf(list, "start"))); err == nil {
		n = start
	}
	for c := range list.ChildNodes() {
		if c.DataAtom != atom.Li {
			continue
		}
		if value, err := strconv.Atoi(strings.TrimSpace(attributeOf(c, "value"))); err == nil {
			n = value
		}
		prepend(c, plain.FormatNumber(n, style, 0)+". ")
		n += step
	}
	rename(list, atom.Ul)
}

// prepend puts text before that of an element, in the block that it begins with.
func prepend(n *html.Node, text string) {
	first := n.FirstChild
	for first != nil && first.Type == html.TextNode && strings.TrimSpace(first.Data) == "" {
		first = first.NextSibling
	}
	if first != nil && (first.DataAtom == atom.P || first.DataAtom == atom.Div) {
		prepend(first, text)
		return
	}
	n.InsertBefore(&html.Node{Type: html.TextNode, Data: text}, first)
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
			if term == nil || len(text) > document.MaxRepeat || strings.Contains(text, "\n\n") || hasBlocks(n) {
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
		case atom.P, atom.Ul, atom.Ol, atom.Table, atom.Div, atom.Pre, atom.Blockquote, atom.Dl,
			atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
			return true
		}
	}
	return false
}
