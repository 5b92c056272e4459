package extract

import (
	"strconv"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Excel's own bounds of a chart's series.
const (
	maxSeries = 255
	maxPoints = 32_000
)

// maxFigures bounds a chart. One with this many draws a line for each pixel of a wall.
const maxFigures = 500_000

// chartBlocks are the title and the axes of a chart, and its figures as a table: a row for each category, a column
// for each series (ECMA-376 part 1, section 21.2; the charts of Office 2016 have a schema of their own).
func chartBlocks(pack *ooxml, part string) ([]block, error) {
	root, err := pack.tree(part)
	if err != nil || root == nil {
		return nil, err
	}
	var blocks []block
	add := func(kind blockKind, text string) {
		if text = oneLineUncut(text); text != "" {
			blocks = append(blocks, block{kind: kind, text: text})
		}
	}
	chart := root.child("chart")
	add(captionBlock, titleOf(chart.at("title")))
	var figures *officeTable
	if data := root.child("chartData"); data != nil {
		figures, err = extendedFigures(pack.limit, chart, data)
	} else {
		figures, err = figuresOf(pack.limit, chart)
	}
	if err != nil {
		return nil, err
	}
	if len(figures.rows) > 0 {
		blocks = append(blocks, block{kind: tableBlock, table: figures})
	}
	for _, axis := range []string{"catAx", "valAx", "dateAx", "serAx", "axis"} {
		for a := range chart.at("plotArea").elements(axis) {
			add(paragraphBlock, titleOf(a.child("title")))
		}
	}
	for label := range chart.at("plotArea").descendants("dLbl") {
		add(lineBlock, richText(label.at("tx", "rich")))
	}
	return blocks, nil
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
	return oneLineOf(drawingText(n, &hidden))
}

// figures are the data of a chart: a column for each series.
type figures struct {
	categories, names []string
	values            [][]string
	count             int
}

// add adds a series. Points have places, and so a few of them can make a long column.
func (f *figures) add(name string, values []string) error {
	f.names, f.values = append(f.names, name), append(f.values, values)
	if f.count += len(values); f.count > maxFigures || len(f.names) > maxSeries {
		return config.Failf(config.TooComplex, "a chart has more than %d series, or more than %d figures: split it",
			maxSeries, maxFigures)
	}
	return nil
}

// figuresOf is the data of a chart as it was last drawn.
func figuresOf(l *limit, chart *node) (*officeTable, error) {
	var f figures
	for series := range chart.at("plotArea").descendants("ser") {
		name := strings.Join(points(series.child("tx")), " ")
		if name == "" {
			name = "series " + strconv.Itoa(len(f.names)+1)
		}
		for _, part := range []string{"cat", "xVal"} {
			if own := points(series.child(part)); len(own) > len(f.categories) {
				f.categories = own
			}
		}
		for _, part := range []string{"val", "yVal", "bubbleSize"} {
			if own := points(series.child(part)); len(own) > 0 {
				if err := f.add(name, own); err != nil {
					return nil, err
				}
			}
		}
	}
	return f.table(l)
}

// extendedFigures is the data of a chart of Office 2016: a waterfall, a funnel, a tree map.
func extendedFigures(l *limit, chart, chartData *node) (*officeTable, error) {
	names := map[string]string{}
	for series := range chart.descendants("series") {
		names[series.at("dataId").attr("val")] = series.at("tx", "txData", "v").content()
	}
	var f figures
	for data := range chartData.elements("data") {
		for dimension := range data.elements("strDim") {
			f.categories = levels(dimension)
		}
		for dimension := range data.elements("numDim") {
			if err := f.add(names[data.attr("id")], levels(dimension)); err != nil {
				return nil, err
			}
		}
	}
	return f.table(l)
}

func (f *figures) table(l *limit) (*officeTable, error) {
	t := newOfficeTable(l)
	rows := len(f.categories)
	for _, v := range f.values {
		rows = max(rows, len(v))
	}
	if rows == 0 {
		return t, nil
	}
	header := []officeCell{{}}
	for _, name := range f.names {
		header = append(header, officeCell{blocks: []block{{text: name}}})
	}
	if err := t.addRow(header, true); err != nil {
		return nil, err
	}
	for i := range rows {
		row := []officeCell{{blocks: []block{{text: nth(f.categories, i)}}}}
		for _, v := range f.values {
			row = append(row, officeCell{blocks: []block{{text: nth(v, i)}}})
		}
		if err := t.addRow(row, false); err != nil {
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
	for _, name := range []string{"strCache", "numCache", "strLit", "numLit"} {
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
	for level := range n.elements("lvl") {
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
