package office

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Excel's own bounds of a chart's series.
const (
	maxSeries = 255
	maxPoints = 32_000
)

// maxLevels bounds the levels of a chart's categories, of which a chart shows few.
const maxLevels = 16

// maxFigures bounds a chart. One with this many draws a line for each pixel of a wall.
const maxFigures = 500_000

// chartBlocks are the title and the axes of a chart, and its figures as a table: a row for each category, a column
// for each series (ECMA-376 part 1, section 21.2; the charts of Office 2016 have a schema of their own).
func chartBlocks(pack *ooxml, part string) ([]document.Block, error) {
	root, err := pack.tree(part)
	if err != nil || root == nil {
		return nil, err
	}
	var blocks []document.Block
	add := func(kind document.BlockKind, text string) {
		if text = plain.Fold(text); text != "" {
			blocks = append(blocks, document.Block{Kind: kind, Text: text})
		}
	}
	chart := root.child("chart")
	add(document.CaptionBlock, titleOf(chart.at("title")))
	figures, err := figuresOf(pack, part, root)
	if err != nil {
		return nil, err
	}
	blocks = append(blocks, figures...)
	for _, axis := range []string{"catAx", "valAx", "dateAx", "serAx", "axis"} {
		for a := range chart.at("plotArea").elements(axis) {
			add(document.ParagraphBlock, titleOf(a.child("title")))
		}
	}
	for label := range chart.at("plotArea").descendants("dLbl") {
		add(document.LineBlock, richText(label.at("tx", "rich")))
	}
	drawn, err := drawnOver(pack, part)
	return append(blocks, drawn...), err
}

// drawnOver are the texts that stand over a chart as shapes of their own.
func drawnOver(pack *ooxml, part string) ([]document.Block, error) {
	relations, err := pack.relationships(part)
	if err != nil {
		return nil, err
	}
	shapes, err := pack.tree(relations.first("chartUserShapes"))
	if err != nil && !document.IsMalformed(err) {
		return nil, err
	}
	var blocks []document.Block
	hidden := 0
	for body := range shapes.descendants("txBody") {
		blocks = append(blocks, drawingText(body, &hidden)...)
	}
	return blocks, nil
}

// figuresOf are the figures of a chart as it was last drawn, or if it never was, those of the workbook that it holds.
func figuresOf(pack *ooxml, part string, root *node) ([]document.Block, error) {
	var f figures
	var err error
	if data := root.child("chartData"); data != nil {
		err = f.readExtended(root.child("chart"), data)
	} else {
		err = f.read(root.child("chart"))
	}
	if err != nil {
		return nil, err
	}
	blocks, err := f.tables(pack.limit)
	if err != nil || len(blocks) > 0 {
		return blocks, err
	}
	relations, err := pack.relationships(part)
	if workbook := relations.first("package"); workbook != "" && err == nil {
		blocks, err = importPart(pack.archive, pack.imports, workbook)
	}
	return withoutHeadings(blocks), err
}

// titleOf is a title that was typed, or that a cell of the chart's data holds.
func titleOf(title *node) string {
	tx := title.at("tx")
	if text := richText(tx.at("rich")); text != "" {
		return text
	}
	if cached := points(tx); len(cached) > 0 {
		return cached[0]
	}
	return tx.at("txData", "v").content()
}

func richText(n *node) string {
	hidden := 0
	return document.OneLineOf(drawingText(n, &hidden))
}

// figures are the data of a chart. Series of the same categories stand side by side.
type figures struct {
	groups []*seriesGroup
	series int
	count  int
}

// seriesGroup are series of the same categories: a column for each.
type seriesGroup struct {
	categories, names []string
	values            [][]string
}

// add adds a series. Points have places, and so a few of them can make a long column.
func (f *figures) add(name string, categories, values []string) error {
	f.series++
	if f.count += len(values) + len(categories); f.count > maxFigures || f.series > maxSeries {
		return config.Failf(config.TooComplex, "a chart has more than %d series, or more than %d figures: split it",
			maxSeries, maxFigures)
	}
	g := f.group(categories)
	g.names, g.values = append(g.names, name), append(g.values, values)
	return nil
}

// group is the one of these categories. A series may have fewer of them, or none of its own.
func (f *figures) group(categories []string) *seriesGroup {
	for _, g := range f.groups {
		n := min(len(g.categories), len(categories))
		if slices.Equal(g.categories[:n], categories[:n]) {
			if len(categories) > n {
				g.categories = categories
			}
			return g
		}
	}
	g := &seriesGroup{categories: categories}
	f.groups = append(f.groups, g)
	return g
}

// read reads the series of a chart.
func (f *figures) read(chart *node) error {
	for series := range chart.at("plotArea").descendants("ser") {
		name := strings.Join(points(series.child("tx")), " ")
		if name == "" {
			name = "series " + strconv.Itoa(f.series+1)
		}
		categories := points(series.child("cat"))
		if own := points(series.child("xVal")); len(own) > len(categories) {
			categories = own
		}
		columns := []struct {
			name   string
			values []string
		}{
			{name, points(series.child("val"))}, {name, points(series.child("yVal"))},
			{name + " (size)", points(series.child("bubbleSize"))},
			{name + " (label)", points(series.find("datalabelsRange"))},
		}
		for _, c := range columns {
			if len(c.values) == 0 {
				continue
			}
			if err := f.add(c.name, categories, c.values); err != nil {
				return err
			}
		}
	}
	return nil
}

// readExtended reads the data of a chart of Office 2016: a waterfall, a funnel, a tree map.
func (f *figures) readExtended(chart, chartData *node) error {
	names := map[string]string{}
	for series := range chart.descendants("series") {
		names[series.at("dataId").attr("val")] = series.at("tx", "txData", "v").content()
	}
	for data := range chartData.elements("data") {
		var categories []string
		for dimension := range data.elements("strDim") {
			categories = levels(dimension)
		}
		for dimension := range data.elements("numDim") {
			if err := f.add(names[data.attr("id")], categories, levels(dimension)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *figures) tables(l *document.Limit) ([]document.Block, error) {
	var blocks []document.Block
	for _, g := range f.groups {
		t, err := g.table(l)
		if err != nil {
			return nil, err
		}
		if len(t.Rows) > 0 {
			blocks = append(blocks, document.Block{Kind: document.TableBlock, Table: t})
		}
	}
	return blocks, nil
}

func (g *seriesGroup) table(l *document.Limit) (*document.BlockTable, error) {
	t := document.NewBlockTable(l)
	rows := len(g.categories)
	for _, v := range g.values {
		rows = max(rows, len(v))
	}
	header := []document.BlockCell{{}}
	for _, name := range g.names {
		header = append(header, document.BlockCell{Blocks: []document.Block{{Text: name}}})
	}
	if err := t.AddRow(header, true); err != nil {
		return nil, err
	}
	for i := range rows {
		row := []document.BlockCell{{Blocks: []document.Block{{Text: nth(g.categories, i)}}}}
		for _, v := range g.values {
			row = append(row, document.BlockCell{Blocks: []document.Block{{Text: nth(v, i)}}})
		}
		if err := t.AddRow(row, false); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func nth(texts []string, i int) string {
	if i < len(texts) {
		return texts[i]
	}
	return ""
}

// points are the cached values of a reference to cells, or literal ones. Categories of several levels become one,
// outermost first.
func points(n *node) []string {
	if n == nil {
		return nil
	}
	if multi := n.find("multiLvlStrCache"); multi != nil {
		return levels(multi)
	}
	for _, name := range []string{"strCache", "numCache", "strLit", "numLit", "dlblRangeCache"} {
		if cache := n.find(name); cache != nil {
			return inPlaces(cache, cache.at("formatCode").content())
		}
	}
	if v := n.child("v"); v != nil {
		return []string{v.content()}
	}
	return nil
}

// levels joins the levels of categories. An outer level names only the first category of each group.
func levels(n *node) []string {
	var joined []string
	read := 0
	for level := range n.elements("lvl") {
		if read++; read > maxLevels {
			break
		}
		own := inPlaces(level, level.attr("formatCode"))
		for len(joined) < len(own) {
			joined = append(joined, "")
		}
		group := ""
		for i := range joined {
			if text := nth(own, i); text != "" {
				group = text
			}
			joined[i] = strings.TrimSpace(group + " " + joined[i])
		}
	}
	return joined
}

// inPlaces are the points of a cache at their indices; gaps stay empty.
func inPlaces(cache *node, format string) []string {
	var texts []string
	for pt := range cache.elements("pt") {
		i, err := strconv.Atoi(pt.attr("idx"))
		if err != nil || i < 0 || i >= maxPoints {
			continue
		}
		for len(texts) <= i {
			texts = append(texts, "")
		}
		text := pt.content()
		if v := pt.child("v"); v != nil {
			text = v.content()
		}
		texts[i] = charted(text, format)
	}
	return texts
}

// charted is a number as a chart shows it: without the noise of its binary form, and as a percentage or a date where
// its format says so.
func charted(text, format string) string {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	if strings.ContainsAny(format, "yY") && value > 0 && value < 3e6 { // days, as Excel counts them
		return time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(value)).Format(time.DateOnly)
	}
	unit := ""
	if strings.HasSuffix(format, "%") {
		value, unit = value*100, "%"
	}
	return strconv.FormatFloat(rounded(value), 'f', -1, 64) + unit
}

// rounded keeps 12 digits of a number.
func rounded(value float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 12, 64), 64)
	if err != nil {
		return value
	}
	return short
}
