package office

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// docxList is a paragraph's place in a list: w:numPr.
type docxList struct {
	id    string // of the numbering; 0 takes a paragraph out of its style's list
	level int
	style string // that the list comes from; it may be bound to a level
}

const (
	unsetLevel = -1
	listLevels = 9
	bullet     = "-"
)

// override is the list with what a w:numPr says.
func (l docxList) override(properties *node) docxList {
	if id := properties.at("numId").attr("val"); id != "" {
		l = docxList{id: id, level: unsetLevel, style: l.style}
	}
	if level, err := strconv.Atoi(properties.at("ilvl").attr("val")); err == nil && level >= 0 && level < listLevels {
		l.level = level
	}
	return l
}

// docxNumbering counts the paragraphs of lists (ECMA-376 part 1, section 17.9).
type docxNumbering struct {
	lists map[string]*numberedList // by numId
}

// numberedList is a w:num.
type numberedList struct {
	levels    [listLevels]listLevel
	overrides [listLevels]int // where this list begins anew; 0 where it goes on
	counts    *listCounts     // shared by the lists of one w:abstractNum
}

// listCounts are the numbers reached; 0 is a level that has not begun since it was reset.
type listCounts struct {
	reached [listLevels]int
	begun   [listLevels]bool
}

// listLevel is a w:lvl.
type listLevel struct {
	format  string
	padding int // of numbers with leading zeros
	text    string
	start   int
	restart int // the level, from 1, after which it begins anew; unsetLevel for any higher one
	legal   bool
	style   string
}

func (r *docxReader) readNumbering() error {
	root, err := r.tree(r.part("numbering", "word/numbering.xml"))
	abstract, byStyle := map[string]*node{}, map[string]*node{}
	for a := range root.elements("abstractNum") {
		abstract[a.attr("abstractNumId")] = a
		if name := a.at("styleLink").attr("val"); name != "" {
			byStyle[name] = a
		}
	}
	counts := map[*node]*listCounts{}
	r.numbering.lists = map[string]*numberedList{}
	for num := range root.elements("num") {
		a := abstract[num.at("abstractNumId").attr("val")]
		if linked, ok := byStyle[a.at("numStyleLink").attr("val")]; ok {
			a = linked
		}
		if counts[a] == nil {
			counts[a] = &listCounts{}
		}
		r.numbering.lists[num.attr("numId")] = newNumberedList(a, num, counts[a])
	}
	return err
}

func newNumberedList(abstract, num *node, counts *listCounts) *numberedList {
	list := &numberedList{counts: counts}
	for i := range list.levels {
		list.levels[i] = listLevel{format: "none", start: 1, restart: unsetLevel}
	}
	for level := range abstract.elements("lvl") {
		list.define(level)
	}
	for override := range num.elements("lvlOverride") {
		level := override.child("lvl")
		list.define(level)
		i := levelOf(override)
		if i < 0 {
			continue
		}
		if start, err := strconv.Atoi(override.at("startOverride").attr("val")); err == nil {
			list.overrides[i] = max(start, 0) + 1
		} else if level != nil {
			list.overrides[i] = list.levels[i].start + 1
		}
	}
	return list
}

func levelOf(e *node) int {
	i, err := strconv.Atoi(e.attr("ilvl"))
	if err != nil || i < 0 || i >= listLevels {
		return -1
	}
	return i
}

func (l *numberedList) define(e *node) {
	i := levelOf(e)
	if i < 0 {
		return
	}
	format := e.find("numFmt") // of a format with leading zeros in the Choice of an AlternateContent
	level := listLevel{
		format: format.attr("val"), text: e.at("lvlText").attr("val"), start: 1, restart: unsetLevel,
		legal: isOn(e.at("isLgl")), style: e.at("pStyle").attr("val"),
	}
	if level.format == "custom" {
		first, _, _ := strings.Cut(format.attr("format"), ",")
		level.padding = len(first)
	}
	if start, err := strconv.Atoi(e.at("start").attr("val")); err == nil {
		level.start = start
	}
	if restart, err := strconv.Atoi(e.at("lvlRestart").attr("val")); err == nil {
		level.restart = restart
	}
	l.levels[i] = level
}

// next counts a paragraph, and returns what is drawn before it; "-" stands for every bullet but a box.
func (n *docxNumbering) next(place docxList) string {
	list, ok := n.lists[place.id]
	if !ok {
		return bullet
	}
	i := list.levelFor(place)
	list.count(i)
	if level := list.levels[i]; level.format == "bullet" {
		return level.sign()
	}
	return list.label(i)
}

// sign is what a bullet says: a box tells whether its line is ticked.
func (l listLevel) sign() string {
	if l.text == plain.BoxTicked || l.text == plain.BoxEmpty || l.text == "☑" {
		return bullet + " " + l.text
	}
	return bullet
}

// levelFor is the level of a paragraph, which may be given by its style alone.
func (l *numberedList) levelFor(place docxList) int {
	if place.level != unsetLevel {
		return place.level
	}
	for i, level := range l.levels {
		if level.style != "" && level.style == place.style {
			return i
		}
	}
	return 0
}

// count takes the next number of a level, and lets the lower ones begin anew.
func (l *numberedList) count(i int) {
	c := l.counts
	switch {
	case l.overrides[i] > 0:
		c.reached[i] = l.overrides[i] - 1
		l.overrides[i] = 0
	case c.begun[i]:
		c.reached[i]++
	default:
		c.reached[i] = l.levels[i].start
	}
	c.begun[i] = true
	for k := i + 1; k < listLevels; k++ {
		if restart := l.levels[k].restart; restart == unsetLevel || i < restart {
			c.begun[k] = false
		}
	}
}

var levelReference = regexp.MustCompile(`%[1-9]`)

// label fills the numbers of a level and those above it into the level's text.
func (l *numberedList) label(i int) string {
	level := l.levels[i]
	return strings.TrimSpace(levelReference.ReplaceAllStringFunc(level.text, func(reference string) string {
		k := int(reference[1] - '1')
		number, shown := l.counts.reached[k], l.levels[k]
		if !l.counts.begun[k] {
			number = shown.start
		}
		if level.legal {
			return strconv.Itoa(number)
		}
		return plain.FormatNumber(number, shown.format, shown.padding)
	}))
}
