package markup

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// clean leaves of the page what its readers see and look for. Menus and banners go; where it is not sure that
// something is one, it stays.
func (p *htmlPage) clean() error {
	s := sheetsOf(p.root)
	if err := p.sweep(p.root, sweepState{}, s); err != nil {
		return err
	}
	if p.framed > 0 {
		if err := checkNesting(p.root); err != nil {
			return err
		}
	}
	p.rewriteInline(p.root)
	return p.rewriteTables(p.root)
}

// sweepState is what an element inherits.
type sweepState struct {
	lists, tables int
	checks        int  // how many elements around it were looked at as a whole
	inContent     bool // in an article, a section or a table, where headers and footers are of the content
	background    bool // something sets a background, so that white text may be seen
}

// gone are elements without text for readers.
var gone = map[atom.Atom]bool{
	atom.Style: true, atom.Noscript: true, atom.Template: true, atom.Iframe: true, atom.Canvas: true,
	atom.Link: true, atom.Meta: true, atom.Audio: true, atom.Video: true, atom.Datalist: true,
}

// sweep removes what is not for readers below n.
func (p *htmlPage) sweep(n *html.Node, state sweepState, s sheets) error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	for child := n.FirstChild; child != nil; {
		next := child.NextSibling
		p.unfold(child)
		switch {
		case child.Type == html.CommentNode:
			n.RemoveChild(child)
		case child.Type != html.ElementNode:
		case gone[child.DataAtom], signName.MatchString(attributeOf(child, "class")),
			child.DataAtom == atom.Script && !strings.HasPrefix(attributeOf(child, "type"), "math/"):
			n.RemoveChild(child)
		case child.DataAtom == atom.Svg:
			replace(child, drawnText(child))
		case s.hides(child, state.background):
			if strings.TrimSpace(textOf(child)) != "" {
				p.warnings.Add(config.HiddenText, 1, strings.TrimSpace("<"+child.Data+"> "+plain.Quote(attributeOf(child, "id"))))
			}
			n.RemoveChild(child)
		case mayBeFurniture(child) && state.checks < maxChecks && isFurniture(child, state):
			n.RemoveChild(child)
		default:
			if err := p.sweep(child, state.below(child), s); err != nil {
				return err
			}
			unwrapDeep(child, state)
			applyRole(child)
			if script := s.script(child); script != 0 {
				rename(child, script)
			}
		}
		child = next
	}
	return nil
}

// drawnText is the text in a drawing, piece by piece, and that of the HTML in it.
func drawnText(drawing *html.Node) string {
	var pieces []string
	var visit func(n *html.Node)
	visit = func(n *html.Node) {
		for c := range n.ChildNodes() {
			if c.Type != html.ElementNode || c.Data != "text" && c.Data != "foreignObject" {
				visit(c)
			} else if piece := plain.Fold(textOf(c)); piece != "" {
				pieces = append(pieces, piece)
			}
		}
	}
	visit(drawing)
	return " " + strings.Join(pieces, " ") + " "
}

func (s sweepState) below(n *html.Node) sweepState {
	switch n.DataAtom {
	case atom.Article, atom.Section, atom.Table, atom.Li, atom.Blockquote:
		s.inContent = true
	}
	switch n.DataAtom {
	case atom.Ul, atom.Ol, atom.Blockquote:
		s.lists++
	case atom.Table:
		s.tables++
	}
	if mayBeFurniture(n) {
		s.checks++
	}
	s.background = s.background || backdrop.MatchString(attributeOf(n, "style")) ||
		attributeOf(n, "bgcolor")+attributeOf(n, "background") != ""
	return s
}

// unwrapDeep makes lists, quotations and tables that are nested too deeply plain blocks: each level is written before
// each line of what is in it.
func unwrapDeep(n *html.Node, state sweepState) {
	switch n.DataAtom {
	case atom.Ul, atom.Ol, atom.Blockquote, atom.Li:
		if state.lists >= maxListDepth {
			rename(n, atom.Div)
		}
	case atom.Table:
		if state.tables >= maxListDepth {
			unwrapTable(n)
		}
	}
}

var (
	menuName = regexp.MustCompile(`(?i)(^|[\s_-])(nav|navbar|navigation|menu|menubar|breadcrumbs?|sidenav|` +
		`skip-?links?|skip|pagination|pager|share|social|sharing)([\s_-]|$)`)
	// signName is what signs beside headings and lines are called: a link to the heading, a link to edit it, the
	// numbers of lines of code.
	signName = regexp.MustCompile(`(^|\s)(headerlink|hash-link|permalink|anchorjs-link|mw-editsection|linenos|linenodiv|` +
		`rouge-gutter|blob-num)(\s|$)`)
	bannerName = regexp.MustCompile(`(?i)(cookie|consent|gdpr|privacy-?banner)`)
)

// maxChecks is how many elements within each other are looked at as a whole.
const maxChecks = 8

// namesOf is what an element's author calls it.
func namesOf(n *html.Node) string {
	return attributeOf(n, "class") + " " + attributeOf(n, "id") + " " + attributeOf(n, "aria-label")
}

// mayBeFurniture reports whether an element's kind or names are those of a menu, a banner or a footer.
func mayBeFurniture(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Html, atom.Head, atom.Body, atom.Main, atom.Article:
		return false
	case atom.Nav, atom.Footer:
		return true
	}
	names := namesOf(n)
	return attributeOf(n, "role") != "" || bannerName.MatchString(names) || isBlock(n) && menuName.MatchString(names)
}

// isFurniture reports whether an element is a menu, a banner that asks for consent, or the like.
func isFurniture(n *html.Node, state sweepState) bool {
	names, role := namesOf(n), attributeOf(n, "role")
	switch {
	case bannerName.MatchString(names):
		text := textOf(n)
		return len(text) < 3000 && find(n, atom.H1) == nil && find(n, atom.Table) == nil && !state.inContent &&
			regexpCookies.MatchString(text)
	case n.DataAtom == atom.Nav, role == "navigation", role == "menu", role == "menubar", role == "search",
		isBlock(n) && menuName.MatchString(names):
		return isMostlyLinks(n) && find(n, atom.Table) == nil
	case n.DataAtom == atom.Footer, role == "contentinfo":
		text := strings.TrimSpace(textOf(n))
		return !state.inContent && (isMostlyLinks(n) || len(strings.Fields(text)) < 3 &&
			!strings.ContainsFunc(text, unicode.IsDigit))
	}
	return false
}

var regexpCookies = regexp.MustCompile(`(?i)cookie|consent|privacy|datenschutz|einwillig|cookies|隐私|동의|クッキー`)

func isBlock(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Div, atom.Ul, atom.Ol, atom.Aside, atom.Header, atom.Footer, atom.Section:
		return true
	}
	return false
}

// isMostlyLinks reports whether links and buttons hold at least half of an element's text, headings aside. An element
// without text counts as mostly links.
func isMostlyLinks(n *html.Node) bool {
	all, links, headings := 0, 0, 0
	var count func(n *html.Node, inLink, inHeading bool)
	count = func(n *html.Node, inLink, inHeading bool) {
		if n.Type == html.TextNode {
			switch size := len(strings.TrimSpace(n.Data)); {
			case inLink:
				all, links = all+size, links+size
			case inHeading:
				headings += size
			default:
				all += size
			}
		}
		inLink = inLink || n.DataAtom == atom.A || n.DataAtom == atom.Button || n.DataAtom == atom.Label
		inHeading = inHeading || isHeading(n)
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			count(c, inLink, inHeading)
		}
	}
	count(n, false, false)
	return links*2 >= all && (links > 0 || headings == 0)
}
