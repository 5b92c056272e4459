package markup

import (
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// emptyElement is an element of XHTML that its own tag ends. A parser of HTML takes what follows for its content.
var emptyElement = Lazily(`(?i)<((title|script|style|textarea|iframe|noscript|select|button|a|p|div|span|i|b|em|` +
	`strong|td|th|li|h[1-6])(\s[^<>]*)?)/>`)

// withEndTags is a page whose empty elements have an end tag each, if the page is XHTML.
func withEndTags(page string) string {
	if head := page[:min(len(page), 2048)]; !strings.Contains(head, "http://www.w3.org/1999/xhtml") {
		return page
	}
	return emptyElement().ReplaceAllString(page, "<$1></$2>")
}

// asksForScripts finds what an element tells readers whose browser runs no scripts.
var asksForScripts = regexp.MustCompile(`(?i)java\s*script|\bjs\b|enable`)

// unfold makes plain blocks of the elements whose text a browser draws although the page's tree lacks it: a shadow tree
// that the page declares, a frame that holds its document, and text for readers without scripts.
func (p *htmlPage) unfold(n *html.Node) {
	switch n.DataAtom {
	case atom.Template:
		if hasAttribute(n, "shadowrootmode") || hasAttribute(n, "shadowroot") {
			rename(n, atom.Div)
		}
	case atom.Noscript:
		const most = 2000 // bytes at the start, since these elements may stand within each other
		if text := strings.TrimSpace(textOf(n)); text != "" && !asksForScripts.MatchString(text[:min(len(text), most)]) {
			rename(n, atom.Div)
		}
	case atom.Iframe:
		if page := attributeOf(n, "srcdoc"); strings.TrimSpace(page) != "" {
			p.unfoldFrame(n, page)
		}
	}
}

// unfoldFrame puts the page that a frame holds in the frame's place. The frames of a page have no more tags together
// than a page may have, and none is read that stands in another: each level would be parsed again.
func (p *htmlPage) unfoldFrame(n *html.Node, page string) {
	ignored := func() { p.warnings.Add(config.PartsIgnored, 1, "a frame") }
	if p.framed += strings.Count(page, "<"); p.framed > MaxTags {
		ignored()
		return
	}
	framed, err := parseHTML(page)
	if err != nil {
		ignored()
		return
	}
	body := find(framed, atom.Body)
	if body == nil { // the page has other frames instead
		ignored()
		return
	}
	for d := range body.Descendants() {
		if d.DataAtom == atom.Iframe && hasAttribute(d, "srcdoc") {
			ignored()
			d.Attr = nil
		}
	}
	if err := p.sweep(body, sweepState{}, sheetsOf(framed)); err != nil { // its own sheets hide nothing else
		ignored()
		return
	}
	for d := range body.Descendants() { // the sheets of the page around it do not concern it
		for _, name := range []string{"class", "id", "style"} {
			setAttribute(d, name, "")
		}
	}
	rename(n, atom.Div)
	for c := n.FirstChild; c != nil; c = n.FirstChild {
		n.RemoveChild(c)
	}
	for c := body.FirstChild; c != nil; c = body.FirstChild {
		body.RemoveChild(c)
		n.AppendChild(c)
	}
}

// elementOfRole is what an element is to readers by its role, if that is not what its tag says.
var elementOfRole = map[string]atom.Atom{
	"rowgroup": atom.Tbody, "row": atom.Tr, "cell": atom.Td, "gridcell": atom.Td, "columnheader": atom.Th,
	"rowheader": atom.Th,
}

// applyRole makes an element the heading or the table that its role says it is.
func applyRole(n *html.Node) {
	switch role := attributeOf(n, "role"); {
	case role == "heading" && !isHeading(n):
		level, err := strconv.Atoi(attributeOf(n, "aria-level"))
		if err != nil {
			level = 2
		}
		rename(n, []atom.Atom{atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6}[min(max(level, 1), 6)-1])
	case (role == "table" || role == "grid" || role == "treegrid") && n.DataAtom != atom.Table:
		applyTableRoles(n)
	}
}

func applyTableRoles(table *html.Node) {
	rows := 0
	for d := range table.Descendants() {
		a, ok := elementOfRole[attributeOf(d, "role")]
		if !ok || d.DataAtom == a {
			continue
		}
		named := attributeOf(d, "role") == "rowheader"
		if rename(d, a); named {
			setAttribute(d, "scope", "row")
		}
		if a == atom.Tr {
			rows++
		}
	}
	if rows > 0 {
		rename(table, atom.Table)
	}
}
