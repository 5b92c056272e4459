package extract

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// readCSV writes each row as lines of "header: value" with a blank line between rows, so that a value is found
// by its column's name wherever the table is cut.
func readCSV(ctx context.Context, s source) (*Document, error) {
	text := strings.TrimPrefix(lineEnds.Replace(decode(s.data)), "\ufeff")
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = delimiter(s.name, text)
	r.FieldsPerRecord = -1
	r.LazyQuotes = true
	r.TrimLeadingSpace = true

	out := &flow{ctx: ctx, limit: newLimit(s.max)}
	table, err := out.fields("")
	if err != nil {
		return nil, err
	}
	var header []string
	for first := true; ; first = false {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, config.Failf(config.Malformed, "the CSV table is damaged: %s", quote(err.Error()))
		}
		if first && isHeader(row) {
			header = row
			continue
		}
		if err := writeRow(table, header, row); err != nil {
			return nil, err
		}
	}
	table.end()
	if out.text.Len() == 0 && header != nil {
		if err := out.paragraph(strings.Join(header, ", ")); err != nil {
			return nil, err
		}
	}
	return withText(out.single(""), config.Malformed, "the CSV table holds no values")
}

func writeRow(table *tableFlow, header, row []string) error {
	var lines []string
	for i, value := range row {
		if value = oneLineUncut(value); value == "" {
			continue
		}
		name := fmt.Sprintf("column %d", i+1)
		if i < len(header) {
			name = oneLine(header[i])
		}
		lines = append(lines, name+": "+value)
	}
	return table.record(lines)
}

// isHeader takes the first row for the columns' names unless a cell of it is empty or a number.
func isHeader(row []string) bool {
	for _, cell := range row {
		cell = strings.TrimSpace(cell)
		if _, err := strconv.ParseFloat(cell, 64); err == nil || cell == "" {
			return false
		}
	}
	return true
}

// delimiter is the candidate of which the first lines have the most in common: the smallest count on any of
// them decides. Quoted text does not count.
func delimiter(name, text string) rune {
	best, most := ',', 0
	if strings.EqualFold(path.Ext(name), ".tsv") {
		best = '\t'
	}
	for _, candidate := range []rune{',', ';', '\t'} {
		if n := leastPerLine(text, candidate); n > most {
			best, most = candidate, n
		}
	}
	return best
}

// leastPerLine counts a delimiter outside quotes on each of the first 20 records that are not blank.
func leastPerLine(text string, delimiter rune) int {
	const records, bytes = 20, 64 << 10
	least, seen, count, quoted, blank := -1, 0, 0, false, true
	r := bufio.NewReader(strings.NewReader(text[:min(len(text), bytes)] + "\n"))
	for seen < records {
		c, _, err := r.ReadRune()
		if err != nil {
			break
		}
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == delimiter:
			count++
			blank = false
		case c == '\n':
			if !blank && (least < 0 || count < least) {
				least = count
			}
			if !blank {
				seen++
			}
			count, blank = 0, true
		default:
			blank = false
		}
	}
	return max(least, 0)
}
