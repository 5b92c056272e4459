package office

import (
	"slices"
	"strings"
)

// showFigures writes the figures of a chart as it shows them: as dates and percentages by the formats of its axis and
// its series, and the places of points along the axis in the first column.
func showFigures(chart *node) {
	plot, table := chart.find("plot-area"), chart.find("table")
	if plot == nil || table == nil {
		return
	}
	known, formats, places := chartFormats(chart), map[int]string{}, 0
	for axis := range plot.elements("axis") {
		if axis.attr("dimension") == "x" {
			formats[0] = known[axis.attr("style-name")]
		}
	}
	for series := range plot.elements("series") {
		formats[columnOf(series.attr("values-cell-range-address"))] = known[series.attr("style-name")]
		if domain := series.child("domain"); domain != nil {
			places = columnOf(domain.attr("cell-range-address"))
		}
	}
	for row := range table.descendants("table-row") {
		cells := slices.Collect(row.elements("table-cell"))
		for i, c := range cells {
			if p := c.child("p"); p != nil && c.attr("value-type") == "float" {
				p.children = []*node{{text: charted(p.content(), formats[i])}}
			}
		}
		if places > 0 && places < len(cells) {
			cells[0] = cells[places] // in the place of the empty name of the point
			row.children = slices.Delete(cells, places, places+1)
		}
	}
}

// chartFormats are the number formats that charted knows, by the styles of a chart.
func chartFormats(chart *node) map[string]string {
	numbers, formats := map[string]string{}, map[string]string{}
	for _, n := range chart.child("automatic-styles").orEmpty().children {
		switch n.name {
		case "percentage-style":
			numbers[n.attr("name")] = "%"
		case "date-style":
			numbers[n.attr("name")] = "yyyy"
		case "style":
			formats[n.attr("name")] = numbers[n.attr("data-style-name")]
		}
	}
	return formats
}

// columnOf is the column in which a range such as local-table.$B$2:.$B$3 begins.
func columnOf(address string) int {
	_, cells, _ := strings.Cut(address, ".")
	first, _, _ := strings.Cut(cells, ":")
	column, _, _ := cellPlace(first)
	return column
}
