// Package records reads tables and records as text: CSV and JSON.
package records

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// csvPeek is how many records are looked at for the shape of a table: its delimiter, its width and its header.
const csvPeek = 50

// maxCSV bounds a table, whose text has the columns' names in each row and so is longer.
const maxCSV = 64 << 20 // bytes

// ReadCSV writes each row as lines of "header: value" with a blank line between rows, so that a value is found
// by its column's name wherever the table is cut. Lines above the header are the table's caption.
func ReadCSV(ctx context.Context, s document.Source) (*document.Document, error) {
	if len(s.Data) > maxCSV {
		return nil, config.Failf(config.TooLarge, "the CSV table has %d bytes, at most %d can be read: split it", len(s.Data),
			maxCSV)
	}
	text, warnings := charset.Decode(s.Data)
	records := newCSVRecords(s.Name, plain.LineEnds.Replace(text))
	out := &document.Flow{Context: ctx, Limit: document.NewLimit(s.Max)}
	t := &csvTables{out: out, records: records, warnings: &warnings}
	head := csvHead(records.peek())
	if records.pairsAbove() {
		head = csvHeader{pairs: true}
	}
	if err := t.begin(head); err != nil {
		return nil, err
	}
	if err := t.rows(); err != nil {
		return nil, err
	}
	head = t.head
	if out.Text.Len() == 0 && head.names != nil {
		if err := out.Paragraph(strings.Join(head.names, ", ")); err != nil {
			return nil, err
		}
	}
	warnings.Merge(records.warnings)
	d, err := document.WithText(out.Single(""), config.Malformed, "the CSV table holds no values")
	return document.Warned(d, err, warnings)
}

// csvTables writes the tables of a file, each under its own names.
type csvTables struct {
	out      *document.Flow
	records  *csvRecords
	warnings *config.Warnings
	head     csvHeader
	left     int // rows of the head that are yet to come
	table    *document.TableFlow
}

// begin begins a table whose head follows.
func (t *csvTables) begin(head csvHeader) (err error) {
	t.head, t.left = head, len(head.preamble)+head.rows
	t.table, err = csvTable(t.out, head.preamble)
	return err
}

// rows writes all rows. A table may follow another after a blank row.
func (t *csvTables) rows() error {
	blank := false
	for {
		before := *t.records
		row, more, err := t.records.next()
		if err != nil {
			return err
		}
		if !more {
			t.table.End()
			return nil
		}
		if (blank || t.records.gap) && t.left == 0 {
			if head, found := t.next(before); found {
				t.table.End()
				if err := t.begin(head); err != nil {
					return err
				}
			}
		}
		blank = document.AllEmpty(row)
		if t.left > 0 {
			t.left--
			continue
		}
		if slices.Equal(row, t.head.names) { // the names again, of the next file
			continue
		}
		lines, dropped := csvLines(t.head.names, row)
		if t.head.pairs {
			lines, dropped = csvPair(row)
		}
		plain.Payloads(t.warnings, dropped)
		if err := t.table.Record(lines); err != nil {
			return err
		}
	}
}

// next is the head of the table that the next records are, if they are one of its own.
func (t *csvTables) next(records csvRecords) (csvHeader, bool) {
	width := records.width
	if t.head.pairs {
		width = 2
	} else if t.head.names != nil {
		width = len(t.head.names)
	}
	head, found := nextTable(records, t.head.names, width)
	if !found && !t.head.pairs && pairsBelow(records, width) {
		return csvHeader{pairs: true}, true
	}
	return head, found
}

// nextTable is the head of the table that the next records are, if they are one of its own: a title stands above it,
// or it has another width, and it has names of columns that are not those of the table before. A title also stands
// above a section of the table before: under one of the same width, only figures tell names from values.
func nextTable(records csvRecords, names []string, width int) (csvHeader, bool) {
	records.warnings = nil // of records that are read again
	start := records
	first, more, err := records.next()
	filled := FilledCells(first)
	if !more || err != nil || filled == 0 || filled > 1 && len(first) == width {
		return csvHeader{}, false
	}
	rows := records.untilBlank(first)
	head := csvHead(rows)
	body := len(head.preamble) + head.rows
	own := len(head.preamble) > 0 || filled > 1
	if !own || head.names == nil || body >= len(rows) || slices.Equal(head.names, names) {
		return csvHeader{}, false
	}
	if len(head.names) == 2 && pairsBelow(start, width) {
		return csvHeader{}, false
	}
	return head, len(head.names) != width || names != nil && slices.ContainsFunc(rows[body], isCSVNumber)
}

// untilBlank are the first of the rows up to a blank one, which may stand right behind the first.
func (r *csvRecords) untilBlank(first []string) [][]string {
	rows := [][]string{first}
	for len(rows) < csvPeek {
		row, more, err := r.next()
		if !more || err != nil || document.AllEmpty(row) || r.gap && len(rows) > 1 {
			break
		}
		rows = append(rows, row)
	}
	return rows
}

// csvTable begins the table under the lines that stand above its header: as its caption if they are short.
func csvTable(out *document.Flow, preamble [][]string) (*document.TableFlow, error) {
	lines := make([]string, 0, len(preamble))
	for _, row := range preamble {
		if title := csvTitle(row); title != "" {
			lines = append(lines, title)
		}
	}
	caption := strings.Join(lines, "; ")
	if plain.OneLine(caption) == plain.Fold(plain.Normalise(caption)) {
		return out.Fields(caption)
	}
	for _, line := range lines {
		if err := out.Paragraph(line); err != nil {
			return nil, err
		}
	}
	return out.Fields("")
}

// csvTitle is the text of a line above the header. Programs mark some of them as comments.
func csvTitle(row []string) string {
	cells := slices.DeleteFunc(slices.Clone(row), func(cell string) bool { return strings.TrimSpace(cell) == "" })
	return strings.TrimSpace(strings.TrimLeft(strings.Join(cells, " "), "#"))
}

// csvLines are the lines of a row, and how many payloads were dropped from it.
func csvLines(header, row []string) (lines []string, dropped int) {
	for i, value := range row {
		value, n := plain.WithoutPayloads(value)
		dropped += n
		if value = plain.Fold(value); value == "" {
			continue
		}
		name := ""
		if i < len(header) {
			name = strings.ReplaceAll(plain.OneLine(header[i]), ": ", ":")
		}
		if name == "" {
			name = fmt.Sprintf("column %d", i+1)
		}
		lines = append(lines, name+": "+value)
	}
	return lines, dropped
}
