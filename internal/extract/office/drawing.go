package office

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// drawingText is the text of a shape in DrawingML (ECMA-376 part 1, section 21.1.2), with the numbers of its lists.
// hidden counts runs that are too small to be seen.
func drawingText(body *node, hidden *int) []document.Block {
	return drawingReading{hidden: hidden}.blocks(body)
}

// drawingReading is how the text of a shape is read. Its functions may be nil.
type drawingReading struct {
	hidden *int                        // counts runs that are not seen
	unseen func(properties *node) bool // reports whether a run is not seen by its properties
	linked func(id string) string      // returns the address that a link leads to
}

func (d drawingReading) blocks(body *node) []document.Block {
	var blocks []document.Block
	var lists drawingLists
	for p := range body.elements("p") {
		w := drawingInline{drawingReading: d}
		w.children(p)
		w.follow(nil)
		text := w.String()
		label := lists.next(p.child("pPr"), text)
		if strings.TrimSpace(text) == "" || isSlideNumber(text, w.numbers) {
			continue
		}
		text += w.addresses()
		b := document.Block{Text: text}
		if label != "" {
			b.Text = label + " " + text
		}
		if len(blocks) > 0 {
			b.Kind = document.LineBlock
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// drawingInline is the text of a paragraph of DrawingML.
type drawingInline struct {
	inline
	drawingReading
	numbers []string // of the slide, in fields
	link    string   // that the last run is part of
	begin   int      // bytes of the paragraph where it begins
}

func (w *drawingInline) children(n *node) {
	if n == nil {
		return
	}
	for _, c := range n.children {
		switch c.name {
		case "r", "fld":
			w.run(c)
		case "br":
			w.write("\n", onLine)
		case "oMath", "oMathPara":
			w.write(formula(c), onLine)
		case "m":
			w.children(c)
		case "AlternateContent":
			w.children(c.alternative(func(n *node) bool { return n.find("t") != nil }))
		}
	}
}

func (w *drawingInline) run(n *node) {
	properties := n.child("rPr")
	text := drawingFont(properties, controlEscape.ReplaceAllString(n.at("t").content(), "\n"))
	if hundredths, err := strconv.Atoi(properties.attr("sz")); text != "" && (err == nil && hundredths <= 100 ||
		strings.TrimSpace(text) != "" && w.unseen != nil && w.unseen(properties)) {
		*w.hidden++
		return
	}
	if n.attr("type") == "slidenum" {
		w.numbers = append(w.numbers, text)
	}
	w.follow(properties.at("hlinkClick"))
	level := onLine
	switch offset := properties.attr("baseline"); {
	case strings.Trim(offset, "0%") == "":
	case offset[0] == '-':
		level = inferior
	default:
		level = superior
	}
	w.write(text, level)
}

// controlEscape is a control character, mostly a line break, as Office writes it in XML.
var controlEscape = regexp.MustCompile(`_x00[01][0-9A-Fa-f]_`)

// follow takes note of the link of a run.
func (w *drawingInline) follow(click *node) {
	link := ""
	if w.linked != nil {
		link = w.linked(click.relationshipID("id"))
	}
	if link != w.link {
		if w.link != "" {
			w.endLink(w.begin, w.link)
		}
		w.flush()
		w.link, w.begin = link, w.text.Len()
	}
}

// drawingFont is text in the font of a run. PowerPoint takes characters beyond ASCII from the font for symbols.
func drawingFont(properties *node, text string) string {
	if latin := properties.at("latin").attr("typeface"); plain.IsPictorial(latin) {
		return plain.InFont(latin, text)
	}
	if strings.IndexFunc(text, func(r rune) bool { return r < 0x80 }) < 0 {
		return plain.InFont(properties.at("sym").attr("typeface"), text)
	}
	return plain.InFont("", text)
}

// drawingLists counts the numbered paragraphs of a shape, level by level.
type drawingLists struct {
	levels [listLevels]struct {
		scheme string
		number int
	}
}

// next is the number that is drawn before a paragraph, or "".
func (l *drawingLists) next(properties *node, text string) string {
	i, _ := strconv.Atoi(properties.attr("lvl"))
	i = min(max(i, 0), listLevels-1)
	for k := i + 1; k < listLevels; k++ {
		l.levels[k].scheme = ""
	}
	numbering := properties.at("buAutoNum")
	if numbering == nil || strings.TrimSpace(text) == "" {
		if numbering == nil {
			l.levels[i].scheme = ""
		}
		return ""
	}
	level := &l.levels[i]
	if scheme := numbering.attr("type"); level.scheme != scheme {
		level.scheme, level.number = scheme, 0
		if start, err := strconv.Atoi(numbering.attr("startAt")); err == nil {
			level.number = start - 1
		}
	}
	level.number++
	return schemeLabel(level.scheme, level.number)
}

// schemeLabel writes a number in one of the schemes of ST_TextAutonumberScheme: arabicPeriod, alphaLcParenBoth.
func schemeLabel(scheme string, n int) string {
	format := "decimal"
	for prefix, known := range map[string]string{
		"alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman", "romanUc": "upperRoman",
		"circleNum": "decimalEnclosedCircle", "ea1Ch": "chineseCounting", "ea1Jpn": "japaneseCounting",
	} {
		if strings.HasPrefix(scheme, prefix) {
			format = known
		}
	}
	label := plain.FormatNumber(n, format, 0)
	switch {
	case strings.HasSuffix(scheme, "ParenBoth"):
		return "(" + label + ")"
	case strings.HasSuffix(scheme, "ParenR"):
		return label + ")"
	case strings.HasSuffix(scheme, "Period"):
		return label + "."
	}
	return label
}

// diagramBlocks are the texts of a SmartArt diagram, or if its data have none those of the drawing that was made of
// them.
func diagramBlocks(pack *ooxml, part string) ([]document.Block, error) {
	blocks, err := diagramPoints(pack, part)
	if len(blocks) > 0 || err != nil && !document.IsMalformed(err) {
		return blocks, err
	}
	dir, name := path.Split(part)
	drawing, damaged := pack.tree(dir + strings.Replace(name, "data", "drawing", 1))
	hidden := 0
	for shape := range drawing.descendants("txBody") {
		blocks = append(blocks, drawingText(shape, &hidden)...)
	}
	if len(blocks) > 0 {
		return blocks, damaged
	}
	return nil, err
}

// diagramPoints are the points of a diagram in their order, those below others as a list.
func diagramPoints(pack *ooxml, part string) ([]document.Block, error) {
	root, err := pack.tree(part)
	if err != nil {
		return nil, err
	}
	d := diagram{points: map[string]*node{}, below: map[string][]*node{}}
	for pt := range root.at("ptLst").elements("pt") {
		d.points[pt.attr("modelId")] = pt
	}
	for connection := range root.at("cxnLst").elements("cxn") {
		if kind := connection.attr("type"); kind == "" || kind == "parOf" {
			from := connection.attr("srcId")
			d.below[from] = append(d.below[from], connection)
		}
	}
	for pt := range root.at("ptLst").elements("pt") {
		if pt.attr("type") == "doc" {
			d.add(pt, 0)
		}
	}
	for pt := range root.at("ptLst").elements("pt") { // labels of arrows, and points that nothing connects
		d.add(pt, 1)
	}
	return d.blocks, nil
}

// diagram is the data model of a SmartArt (ECMA-376 part 1, section 21.4.2).
type diagram struct {
	points map[string]*node
	below  map[string][]*node // connections, by the id of the upper point
	blocks []document.Block
}

// add writes a point and those below it, once.
func (d *diagram) add(pt *node, depth int) {
	id := pt.attr("modelId")
	if d.points[id] != pt || depth > maxDepth {
		return
	}
	delete(d.points, id)
	hidden := 0
	if text := document.OneLineOf(drawingText(pt.child("t"), &hidden)); text != "" && pt.attr("type") != "pres" {
		b := document.Block{Kind: document.LineBlock, Text: text}
		if depth > 1 {
			b.Text = bullet + " " + text
		}
		if len(d.blocks) == 0 {
			b.Kind = document.ParagraphBlock
		}
		d.blocks = append(d.blocks, b)
	}
	connections := d.below[id]
	slices.SortStableFunc(connections, func(a, b *node) int { return order(a) - order(b) })
	for _, connection := range connections {
		if next, ok := d.points[connection.attr("destId")]; ok {
			d.add(next, depth+1)
		}
	}
}

func order(connection *node) int {
	n, _ := strconv.Atoi(connection.attr("srcOrd"))
	return n
}
