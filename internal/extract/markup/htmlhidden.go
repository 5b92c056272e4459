package markup

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// sheets is what a page's own style sheets and scripts tell of what is seen: the classes and ids that are hidden, and
// the ids of what something shows when asked to.
type sheets struct {
	hidden   map[string]bool      // ".class" or "#id"
	shown    map[string]bool      // ids that a tab, a button or a link refers to
	scripts  map[string]atom.Atom // sup or sub by ".class"
	external bool                 // a style sheet elsewhere, or here a background, may set white text on dark
}

var (
	// StyleRule is a rule of a style sheet: its selectors, and what it sets.
	StyleRule  = Lazily(`([^{}]{1,300})\{([^{}]{0,1000})\}`)
	cssComment = regexp.MustCompile(`(?s)/\*.*?\*/`)
	// MediaRule is a block of rules that hold under a condition, as in print.
	MediaRule = regexp.MustCompile(`@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}`)
	oneName   = regexp.MustCompile(`^[.#][\w-]+$`)
	invisible = regexp.MustCompile(`(?i)(^|[;\s])(display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*hidden|` +
		`opacity\s*:\s*0?\.?0+\s*(;|!|$)|` +
		`font-size\s*:\s*(0(px|pt|em|rem|%)?|(0?\.\d+|1)(px|pt)|0?\.0\d*(em|rem)|1%)\s*(;|!|$)|` +
		`(left|top|text-indent)\s*:\s*-\d{4,}px)`)
	white = regexp.MustCompile(`(?i)(^|[;\s])color\s*:\s*(#fff(fff)?|white|transparent|` +
		`rgb\(\s*255\s*,\s*255\s*,\s*255\s*\)|rgba\([^)]*,\s*0\s*\))\s*(;|!|$)`)
	backdrop    = regexp.MustCompile(`(?i)(^|[;{\s])background(-color|-image)?\s*:`)
	raisedStyle = regexp.MustCompile(`(?i)(^|[;\s])(vertical-align\s*:\s*super|` +
		`position\s*:\s*relative\s*;\s*top\s*:\s*-0?\.\d+em)\s*(;|!|$)`)
	loweredStyle = regexp.MustCompile(`(?i)(^|[;\s])(vertical-align\s*:\s*sub|` +
		`position\s*:\s*relative\s*;\s*top\s*:\s*0?\.\d+em)\s*(;|!|$)`)
	expandable = regexp.MustCompile(`(?i)(tab|pane|panel|accordion|collaps|toggle|expand|faq|answer|detail|slide|carousel|` +
		`step|more|content|spoiler|section)`)
	openingAttributes = []string{"data-tab", "data-panel", "x-show", "v-show", "ng-show"}
	referringIDs      = []string{"aria-controls", "data-target", "data-bs-target", "href", "aria-owns", "data-tab", "for"}
)

// sheetsOf reads a page's style elements, and what refers to what.
func sheetsOf(page *html.Node) sheets {
	s := sheets{hidden: map[string]bool{}, shown: map[string]bool{}, scripts: map[string]atom.Atom{}}
	for n := range page.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.DataAtom {
		case atom.Style:
			if n.Parent.DataAtom == atom.Noscript { // it hides from few what the others see
				continue
			}
			s.read(MediaRule.ReplaceAllString(cssComment.ReplaceAllString(textOf(n), ""), ""))
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

// read adds the rules of a style sheet for single classes and ids.
func (s *sheets) read(css string) {
	s.external = s.external || backdrop.MatchString(css)
	for _, rule := range StyleRule().FindAllStringSubmatch(css, -1) {
		hides, script := invisible.MatchString(rule[2]), ScriptIn(rule[2])
		if !hides && script == 0 {
			continue
		}
		for selector := range strings.SplitSeq(rule[1], ",") {
			if selector = strings.TrimSpace(selector); !oneName.MatchString(selector) {
				continue
			}
			if hides {
				s.hidden[selector] = true
			}
			if script != 0 {
				s.scripts[selector] = script
			}
		}
	}
}

// ScriptIn is the element that a style makes of another: sup, sub, or none.
func ScriptIn(style string) atom.Atom {
	switch {
	case raisedStyle.MatchString(style):
		return atom.Sup
	case loweredStyle.MatchString(style):
		return atom.Sub
	}
	return 0
}

// script is what an element within a line is by its style: sup, sub, or none.
func (s sheets) script(n *html.Node) atom.Atom {
	if n.DataAtom != atom.Span && n.DataAtom != atom.Font {
		return 0
	}
	script := ScriptIn(attributeOf(n, "style"))
	for class := range strings.FieldsSeq(attributeOf(n, "class")) {
		script = cmp.Or(script, s.scripts["."+class])
	}
	return script
}

// hides reports whether a page's readers never see an element. Tabs, panels and answers that a click opens are seen.
func (s sheets) hides(n *html.Node, background bool) bool {
	style, id := attributeOf(n, "style"), attributeOf(n, "id")
	if n.DataAtom == atom.Font {
		style += ";color:" + attributeOf(n, "color")
	}
	if white.MatchString(style) && !background && !s.external && !backdrop.MatchString(style) {
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
	return expandable.MatchString(attributeOf(n, "class")+" "+id) || attributeOf(n, "hidden") == "until-found" ||
		slices.ContainsFunc(openingAttributes, func(name string) bool { return hasAttribute(n, name) })
}

func hasAttribute(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}
