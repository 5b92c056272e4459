package extract

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// sheets is what a page's own style sheets and scripts tell of what is seen: the classes and ids that are hidden, and
// the ids of what something shows when asked to.
type sheets struct {
	hidden   map[string]bool // ".class" or "#id"
	shown    map[string]bool // ids that a tab, a button or a link refers to
	external bool            // a style sheet elsewhere, or here a background, may set white text on dark
}

var (
	styleRule = regexp.MustCompile(`([^{}]{1,300})\{([^{}]{0,1000})\}`)
	mediaRule = regexp.MustCompile(`@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}`)
	oneName   = regexp.MustCompile(`^[.#][\w-]+$`)
	invisible = regexp.MustCompile(`(?i)(^|[;\s])(display\s*:\s*none|visibility\s*:\s*hidden|` +
		`opacity\s*:\s*0?\.?0+\s*(;|!|$)|` +
		`font-size\s*:\s*(0(px|pt|em|rem|%)?|(0?\.\d+|1)(px|pt)|0?\.0\d*(em|rem)|1%)\s*(;|!|$)|` +
		`(left|top|text-indent)\s*:\s*-\d{4,}px)`)
	white = regexp.MustCompile(`(?i)(^|[;\s])color\s*:\s*(#fff(fff)?|white|transparent|` +
		`rgb\(\s*255\s*,\s*255\s*,\s*255\s*\)|rgba\([^)]*,\s*0\s*\))\s*(;|!|$)`)
	expandable = regexp.MustCompile(`(?i)(tab|pane|panel|accordion|collaps|toggle|expand|faq|answer|detail|slide|carousel|` +
		`step|more|content|spoiler|section)`)
	referringIDs = []string{"aria-controls", "data-target", "data-bs-target", "href", "aria-owns", "data-tab", "for"}
)

// sheets reads the page's style elements, and what refers to what.
func (p *htmlPage) sheets() sheets {
	s := sheets{hidden: map[string]bool{}, shown: map[string]bool{}}
	for n := range p.root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.DataAtom {
		case atom.Style:
			css := mediaRule.ReplaceAllString(textOf(n), "")
			s.external = s.external || strings.Contains(css, "background")
			for _, rule := range styleRule.FindAllStringSubmatch(css, -1) {
				if !invisible.MatchString(rule[2]) {
					continue
				}
				for selector := range strings.SplitSeq(rule[1], ",") {
					if selector = strings.TrimSpace(selector); oneName.MatchString(selector) {
						s.hidden[selector] = true
					}
				}
			}
		case atom.Link:
			s.external = s.external || strings.Contains(strings.ToLower(attributeOf(n, "rel")), "stylesheet")
		}
		for _, name := range referringIDs {
			for id := range strings.FieldsSeq(attributeOf(n, name)) {
				s.shown[strings.TrimPrefix(id, "#")] = true
			}
		}
	}
	return s
}

// hides reports whether a page's readers never see an element. Tabs, panels and answers that a click opens are seen.
func (s sheets) hides(n *html.Node, background bool) bool {
	style, id := attributeOf(n, "style"), attributeOf(n, "id")
	if white.MatchString(style) && !background && !s.external && !strings.Contains(style, "background") {
		return true
	}
	hidden := hasAttribute(n, "hidden")
	hidden = hidden || invisible.MatchString(style) || s.hidden["#"+id] && id != ""
	for class := range strings.FieldsSeq(attributeOf(n, "class")) {
		hidden = hidden || s.hidden["."+class]
	}
	return hidden && !s.opens(n, id)
}

// opens reports whether something of the page opens the element.
func (s sheets) opens(n *html.Node, id string) bool {
	if id != "" && s.shown[id] || attributeOf(n, "role") == "tabpanel" || attributeOf(n, "aria-labelledby") != "" {
		return true
	}
	if n.Parent != nil && n.Parent.DataAtom == atom.Details {
		return true
	}
	return expandable.MatchString(attributeOf(n, "class")+" "+id) ||
		hasAttribute(n, "data-tab") || hasAttribute(n, "data-panel")
}

func hasAttribute(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}
