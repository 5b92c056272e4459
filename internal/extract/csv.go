package extract

import (
	"context"
	"fmt"
	"slices"
	"strconv"
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
	preamble, header := csvHead(records.peek())
	table, err := csvTable(out, preamble)
	if err != nil {
		return nil, err
	}
	skip := len(preamble)
	if header != nil {
		skip++
	}
	for n := 0; ; n++ {
		row, more, err := records.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		if n < skip {
			continue
		}
		lines, dropped := csvLines(header, row)
		payloads(&warnings, dropped)
		if err := table.record(lines); err != nil {
			return nil, err
		}
	}
	table.end()
	if out.text.Len() == 0 && header != nil {
		if err := out.paragraph(strings.Join(header, ", ")); err != nil {
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

// csvHead finds the rows above the header, and the header, among a table's first rows; nil where there is none. What
// stands above has fewer cells filled than half of the columns.
func csvHead(rows [][]string) (preamble [][]string, header []string) {
	width := csvWidth(rows)
	if width < 2 {
		if len(rows) > 0 && isCSVHeader(rows[0], rows[1:]) {
			return nil, rows[0]
		}
		return nil, nil
	}
	n := 0
	for n < len(rows)-1 && isCSVTitle(rows[n], width) {
		n++
	}
	if n == len(rows) || !isCSVHeader(rows[n], rows[n+1:]) {
		return rows[:n], nil
	}
	header = slices.Clone(rows[n])
	header[0] = strings.TrimSpace(strings.TrimPrefix(header[0], "#"))
	return rows[:n], header
}

// isCSVTitle reports whether a row above the header is a title, a comment, or blank.
func isCSVTitle(row []string, width int) bool {
	filled := 0
	for _, cell := range row {
		if strings.TrimSpace(cell) != "" {
			filled++
		}
	}
	comment := strings.HasPrefix(strings.TrimSpace(row[0]), "#") && len(row) != width
	return comment || filled <= 1 && width > 1 || filled*2 < width
}

// csvWidth is the number of columns that most rows have.
func csvWidth(rows [][]string) int {
	counts := map[int]int{}
	width := 0
	for _, row := range rows {
		n := len(row)
		if counts[n]++; counts[n] > counts[width] || counts[n] == counts[width] && n > width {
			width = n
		}
	}
	return width
}

// isCSVHeader reports whether a row names the columns of those that follow. Cells of names are neither empty, but for
// the first, over an index, nor numbers, but for years and for numbers that count from 0 or 1.
func isCSVHeader(row []string, body [][]string) bool {
	var numbers []int
	for i, cell := range row {
		cell = strings.TrimSpace(cell)
		n, isInteger := strconv.Atoi(cell)
		switch {
		case cell == "" && (i > 0 && i < len(row)-1 || len(row) == 1):
			return false
		case isInteger == nil:
			numbers = append(numbers, n)
		case isCSVNumber(cell):
			return false
		}
	}
	if isNameAndValue(row, body) {
		return false
	}
	if len(numbers) == 0 {
		return !allEmpty(row)
	}
	if len(numbers) == len(row) {
		return false
	}
	return areYears(numbers) && !yearsBelow(row, body) || len(numbers) > 2 && areCounted(numbers)
}

func allEmpty(row []string) bool {
	return !slices.ContainsFunc(row, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

func isCSVNumber(cell string) bool {
	_, err := strconv.ParseFloat(strings.ReplaceAll(cell, ",", "."), 64)
	return err == nil
}

func areYears(numbers []int) bool {
	before := 0
	for _, n := range numbers {
		if n < 1800 || n > 2200 || n == before {
			return false
		}
		before = n
	}
	return true
}

// yearsBelow reports whether years stand below the years of a row, so that they are values like those.
func yearsBelow(row []string, body [][]string) bool {
	for i, cell := range row {
		if _, err := strconv.Atoi(strings.TrimSpace(cell)); err != nil {
			continue
		}
		for _, below := range body {
			if i >= len(below) {
				continue
			}
			if n, err := strconv.Atoi(strings.TrimSpace(below[i])); err == nil && areYears([]int{n}) {
				return true
			}
		}
	}
	return false
}

func areCounted(numbers []int) bool {
	for i, n := range numbers {
		if n != numbers[0]+i {
			return false
		}
	}
	return numbers[0] == 0 || numbers[0] == 1
}
