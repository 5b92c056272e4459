package extract

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// csvPeek is how many records are looked at for the shape of a table: its delimiter, its width and its header.
const csvPeek = 50

// maxCSV bounds a table, whose text has the columns' names in each row and so is longer.
const maxCSV = 64 << 20 // bytes

// readCSV writes each row as lines of "header: value" with a blank line between rows, so that a value is found
// by its column's name wherever the table is cut. Lines above the header are the table's caption.
func readCSV(ctx context.Context, s source) (*Document, error) {
	if len(s.data) > maxCSV {
		return nil, config.Failf(config.TooLarge, "the CSV table has %d bytes, at most %d can be read: split it", len(s.data),
			maxCSV)
	}
	text, warnings := decode(s.data)
	records := newCSVRecords(s.name, lineEnds.Replace(text))
	out := &flow{ctx: ctx, limit: newLimit(s.max)}
	head := csvHead(records.peek())
	table, err := csvTable(out, head.preamble)
	if err != nil {
		return nil, err
	}
	for n := 0; ; n++ {
		row, more, err := records.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if n < len(head.preamble)+head.rows || slices.Equal(row, head.names) { // the names again, of the next file
			continue
		}
		lines, dropped := csvLines(head.names, row)
		payloads(&warnings, dropped)
		if err := table.record(lines); err != nil {
			return nil, err
		}
	}
	table.end()
	if out.text.Len() == 0 && head.names != nil {
		if err := out.paragraph(strings.Join(head.names, ", ")); err != nil {
			return nil, err
		}
	}
	warnings.Merge(records.warnings)
	d, err := withText(out.single(""), config.Malformed, "the CSV table holds no values")
	return warned(d, err, warnings)
}

// csvTable begins the table under the lines that stand above its header: as its caption if they are short.
func csvTable(out *flow, preamble [][]string) (*tableFlow, error) {
	lines := make([]string, 0, len(preamble))
	for _, row := range preamble {
		if title := csvTitle(row); title != "" {
			lines = append(lines, title)
		}
	}
	caption := strings.Join(lines, "; ")
	if oneLine(caption) == oneLineUncut(normalise(caption)) {
		return out.fields(caption)
	}
	for _, line := range lines {
		if err := out.paragraph(line); err != nil {
			return nil, err
		}
	}
	return out.fields("")
}

// csvTitle is the text of a line above the header. Programs mark some of them as comments.
func csvTitle(row []string) string {
	cells := slices.DeleteFunc(slices.Clone(row), func(cell string) bool { return strings.TrimSpace(cell) == "" })
	return strings.TrimSpace(strings.TrimLeft(strings.Join(cells, " "), "#"))
}

// csvLines are the lines of a row, and how many payloads were dropped from it.
func csvLines(header, row []string) (lines []string, dropped int) {
	for i, value := range row {
		value, n := withoutPayloads(value)
		dropped += n
		if value = oneLineUncut(value); value == "" {
			continue
		}
		name := ""
		if i < len(header) {
			name = strings.ReplaceAll(oneLine(header[i]), ": ", ":")
		}
		if name == "" {
			name = fmt.Sprintf("column %d", i+1)
		}
		lines = append(lines, name+": "+value)
	}
	return lines, dropped
}
