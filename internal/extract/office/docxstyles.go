package office

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// docxStyles are the styles by id.
type docxStyles struct {
	byID             map[string]docxStyle
	defaultParagraph string
}

// docxStyle is what of a style matters here.
type docxStyle struct {
	basedOn string
	level   int // heading level, 0 for none
	title   bool
	caption bool
	prompt  bool // that of prompts for text
	list    docxList
	shaded  bool    // its paragraphs stand on a colour of their own
	run     []*node // the properties of its text, from the style that it is based on at the root
}

// paragraph is a paragraph's style; an empty id is that of paragraphs without one.
func (s docxStyles) paragraph(id string) docxStyle {
	if style, ok := s.byID[id]; ok {
		return style
	}
	return s.byID[s.defaultParagraph]
}

var headingStyle = regexp.MustCompile(`(?i)^heading ?([1-9])$`)

// readStyles reads the styles, with what they take from those that they are based on.
func (r *docxReader) readStyles() error {
	var err error
	if r.relations, err = r.relationships(r.main); err != nil {
		return err
	}
	r.story = r.relations
	root, err := r.tree(r.part("styles", "word/styles.xml"))
	own := map[string]docxStyle{}
	for e := range root.elements("style") {
		id := e.attr("styleId")
		own[id] = ownStyle(e, id)
		if e.attr("type") == "paragraph" && e.attr("default") == "1" {
			r.styles.defaultParagraph = id
		}
	}
	r.styles.byID = make(map[string]docxStyle, len(own))
	for id := range own {
		r.styles.byID[id] = inherit(own, id, 0)
	}
	return err
}

// part is the part that the main part refers to as kind, or that has the usual name.
func (r *docxReader) part(kind, usual string) string {
	if target := r.relations.first(kind); target != "" {
		return target
	}
	return usual
}

func ownStyle(e *node, id string) docxStyle {
	name, properties := e.at("name").attr("val"), e.child("pPr")
	style := docxStyle{
		basedOn: e.at("basedOn").attr("val"),
		level:   outlineLevel(properties.at("outlineLvl")),
		title:   strings.EqualFold(name, "title"),
		caption: strings.EqualFold(name, "caption"),
		prompt:  strings.EqualFold(name, "placeholder text"),
		shaded:  isShaded(properties.at("shd")),
		list:    docxList{style: id, level: unsetLevel}.override(properties.at("numPr")),
	}
	if m := headingStyle.FindStringSubmatch(name); m != nil {
		style.level, _ = strconv.Atoi(m[1])
	}
	if run := e.child("rPr"); run != nil {
		style.run = []*node{effective(run)}
	}
	return style
}

// effective are the properties of a style that matter, the last of each name: they are applied to each paragraph.
func effective(properties *node) *node {
	last := &node{name: properties.name}
	for _, p := range slices.Backward(properties.children) {
		if runProperties[p.name] && last.child(p.name) == nil {
			last.children = append(last.children, &node{name: p.name, attrs: p.known(runAttributes)})
		}
	}
	slices.Reverse(last.children)
	return last
}

// The properties that runStyle.apply knows, and their attributes.
var (
	runProperties = map[string]bool{
		"vertAlign": true, "position": true, "rFonts": true, "vanish": true, "sz": true, "color": true, "highlight": true,
		"shd": true,
	}
	runAttributes = []string{"val", "ascii", "asciiTheme", "themeColor", "fill", "themeFill"}
)

// inherit is a style with what it takes from its bases. Word allows no more than ten of them.
func inherit(own map[string]docxStyle, id string, depth int) docxStyle {
	style := own[id]
	if style.basedOn == "" || depth > 20 {
		return style
	}
	base := inherit(own, style.basedOn, depth+1)
	if style.level == 0 {
		style.level = base.level
	}
	style.caption = style.caption || base.caption
	style.shaded = style.shaded || base.shaded
	if style.list.id == "" {
		level := style.list.level
		style.list = base.list
		if level != unsetLevel {
			style.list.level = level
		}
	}
	style.run = append(slices.Clip(base.run), style.run...)
	return style
}

// outlineLevel is w:outlineLvl as a heading level: 0 is the highest there, and 9 is body text.
func outlineLevel(e *node) int {
	if n, err := strconv.Atoi(e.attr("val")); err == nil && n >= 0 && n < 9 {
		return n + 1
	}
	return 0
}

// runStyle is what of the properties of a run matters here.
type runStyle struct {
	level  baseline
	font   string
	hidden bool
	tiny   bool // of one point or less
	white  bool
	shaded bool // on a colour of its own, so that white text may be seen
}

// apply overrides a style by properties.
func (s runStyle) apply(properties *node) runStyle {
	if properties == nil {
		return s
	}
	for _, p := range properties.children {
		value := p.attr("val")
		switch p.name {
		case "vertAlign":
			s.level = map[string]baseline{"superscript": superior, "subscript": inferior}[value]
		case "position": // in half points
			if rise, err := strconv.Atoi(value); err == nil && s.level == onLine {
				s.level = shifted(rise)
			}
		case "rFonts":
			if font := p.attr("ascii"); font != "" || p.attr("asciiTheme") != "" {
				s.font = font
			}
		case "vanish":
			s.hidden = isOn(p)
		case "sz":
			halfPoints, err := strconv.Atoi(value)
			s.tiny = err == nil && halfPoints <= 2
		case "color":
			theme := p.attr("themeColor")
			s.white = strings.EqualFold(value, "FFFFFF") && (theme == "" || theme == "background1" || theme == "light1")
		case "highlight":
			s.shaded = value != "none" && value != "white"
		case "shd":
			s.shaded = isShaded(p)
		}
	}
	return s
}

// shifted is the level of text that was moved by so many half points, but not if it is only aligned.
func shifted(rise int) baseline {
	const least = 5
	switch {
	case rise >= least:
		return superior
	case rise <= -least:
		return inferior
	}
	return onLine
}

// isShaded reports whether a shading has another colour than white.
func isShaded(shading *node) bool {
	if shading == nil {
		return false
	}
	switch fill := strings.ToUpper(shading.attr("fill")); fill {
	case "", "AUTO", "FFFFFF":
		return shading.attr("themeFill") != "" || shading.attr("val") == "solid"
	}
	return true
}
