package office

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// odfStyle is what of a style matters here.
type odfStyle struct {
	parent string
	name   string // as it is displayed, or its own
	text   *node  // properties of its text
	table  *node  // properties of a table
}

// readStyles reads the styles that have names. Those of the content are read with it.
func (r *odfReader) readStyles() error {
	r.styles = map[string]odfStyle{}
	r.lists = odfLists{styles: map[string]*odfList{}}
	root, err := r.tree("styles.xml")
	for _, group := range []string{"styles", "automatic-styles"} {
		r.addStyles(root.at(group).orEmpty())
	}
	for master := range root.at("master-styles").elements("master-page") {
		r.masters[master.attr("name")] = master.children
	}
	return err
}

func (r *odfReader) addStyles(group *node) {
	for _, n := range group.children {
		switch n.name {
		case "style":
			name := n.attr("name")
			if shown := n.attr("display-name"); shown != "" {
				name = shown
			}
			style := odfStyle{parent: n.attr("parent-style-name"), name: name, table: n.child("table-properties")}
			if text := n.child("text-properties"); text != nil { // applied to each paragraph
				style.text = &node{name: text.name, attrs: text.known(odfTextAttributes)}
			}
			r.styles[n.attr("name")] = style
		case "list-style":
			r.lists.add(n.attr("name"), n)
		case "outline-style":
			r.lists.add(outlineList, n)
		}
	}
}

// odfTextAttributes are those that runStyle.applyODF knows.
var odfTextAttributes = []string{"text-position", "font-family", "font-name", "display", "font-size"}

// isA reports whether a style is, or is based on, one of a name.
func (r *odfReader) isA(id, name string) bool {
	for range 20 {
		style, ok := r.styles[id]
		if !ok {
			return false
		}
		if strings.EqualFold(style.name, name) {
			return true
		}
		id = style.parent
	}
	return false
}

// run is the look of text in a style that stands within another.
func (r *odfReader) run(outer runStyle, id string) runStyle {
	var chain []*node
	for range 20 {
		style, ok := r.styles[id]
		if !ok {
			break
		}
		chain = append(chain, style.text)
		id = style.parent
	}
	for _, properties := range slices.Backward(chain) {
		outer = outer.applyODF(properties)
	}
	return outer
}

// applyODF overrides a style by properties. White text counts as seen: what it stands on is not known here.
func (s runStyle) applyODF(properties *node) runStyle {
	if properties == nil {
		return s
	}
	for _, a := range properties.attrs {
		switch a.Name.Local {
		case "text-position":
			s.level = positionOf(a.Value)
		case "font-name", "font-family":
			s.font = strings.Trim(a.Value, `'"`)
		case "display":
			s.hidden = a.Value == "none"
		case "font-size":
			points, err := strconv.ParseFloat(strings.TrimSuffix(a.Value, "pt"), 64)
			s.tiny = err == nil && points <= 1
		}
	}
	return s
}

// positionOf is where text stands by "super 58%", or by how far it is raised: "-33% 58%".
func positionOf(value string) baseline {
	position, _, _ := strings.Cut(value, " ")
	switch {
	case position == "super":
		return superior
	case position == "sub" || strings.HasPrefix(position, "-"):
		return inferior
	case strings.Trim(position, "0.%") == "":
		return onLine
	}
	return superior
}

// outlineList is the list of the headings.
const outlineList = "\x00outline"

// odfLists counts the items of lists.
type odfLists struct {
	styles map[string]*odfList
}

type odfList struct {
	levels [listLevels]odfLevel
	counts listCounts
}

// odfLevel is how the items of a level are numbered.
type odfLevel struct {
	isBullet       bool
	format         string
	prefix, suffix string
	shown          int // levels in the number
	start          int
}

func (l *odfLists) add(name string, n *node) {
	list := &odfList{}
	for _, e := range n.children {
		i := number(e.attr("level")) - 1
		if i < 0 || i >= listLevels {
			continue
		}
		level := odfLevel{
			isBullet: e.name == "list-level-style-bullet" || e.name == "list-level-style-image",
			format:   e.attr("num-format"), prefix: e.attr("num-prefix"), suffix: e.attr("num-suffix"),
			shown: max(number(e.attr("display-levels")), 1), start: 1,
		}
		if start := e.attr("start-value"); start != "" {
			level.start = number(start)
		}
		list.levels[i] = level
	}
	l.styles[name] = list
}

// restart lets a list begin anew.
func (l *odfLists) restart(style string) {
	if list, ok := l.styles[style]; ok {
		list.counts = listCounts{}
	}
}

// next counts an item, from start if that is not 0, and returns its number or "-".
func (l *odfLists) next(style string, i, start int) string {
	list, ok := l.styles[style]
	if !ok {
		return bullet
	}
	i = min(max(i, 0), listLevels-1)
	level, c := list.levels[i], &list.counts
	switch {
	case start > 0:
		c.reached[i] = start
	case c.begun[i]:
		c.reached[i]++
	default:
		c.reached[i] = level.start
	}
	c.begun[i] = true
	for k := i + 1; k < listLevels; k++ {
		c.begun[k] = false
	}
	if level.isBullet {
		return bullet
	}
	return list.label(i)
}

func (list *odfList) label(i int) string {
	level := list.levels[i]
	if level.format == "" {
		return strings.TrimSpace(level.prefix + level.suffix)
	}
	var numbers []string
	for k := max(i+1-level.shown, 0); k <= i; k++ {
		if list.levels[k].format == "" {
			continue
		}
		n := list.counts.reached[k]
		if !list.counts.begun[k] {
			n = list.levels[k].start
		}
		numbers = append(numbers, plain.FormatNumber(n, odfFormat(list.levels[k].format), 0))
	}
	return strings.TrimSpace(level.prefix + strings.Join(numbers, ".") + level.suffix)
}

// odfFormat is a number's format by its first number, as OpenDocument names it.
func odfFormat(first string) string {
	known := map[string]string{
		"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman", "一": "chineseCounting",
		"①": "decimalEnclosedCircle", "ア": "aiueo", "イ": "iroha", "甲": "ideographTraditional",
	}
	if format, ok := known[first]; ok {
		return format
	}
	return "decimal"
}
