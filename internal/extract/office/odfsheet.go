package office

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// odfSheet is one sheet of a spreadsheet.
type odfSheet struct {
	reader   *odfReader
	grid     sheetGrid
	isHidden bool
	row      int // the next one
	column   int // the next one that is described
	hidden   hiddenColumns
	beside   []document.Block // comments and drawn text
}

func (r *odfReader) newSheet(e *node) *odfSheet {
	s := &odfSheet{reader: r, grid: sheetGrid{name: e.attr("name"), limit: r.limit}}
	if r.styles[e.attr("style-name")].table.attr("display") == "false" {
		s.isHidden = true
		r.warnings.Add(config.HiddenText, 1, "sheet "+s.grid.name)
	}
	return s
}

func (s *odfSheet) part(n *node) error {
	switch {
	case s.isHidden:
		return nil
	case n.name == "table-column":
		repeated := max(number(n.attr("number-columns-repeated")), 1)
		if isCollapsed(n) {
			if err := s.hidden.hide(s.grid.name, s.column, min(s.column+repeated, document.MaxColumns)-1); err != nil {
				return err
			}
		}
		s.column = min(s.column+repeated, document.MaxColumns)
	case n.name == "table-row":
		return s.readRow(n)
	case n.name == "shapes":
		s.draw(s.reader.blocks(n))
	}
	return s.reader.err
}

// draw keeps what is drawn over the cells, but for the figures of charts, which stand in the sheets.
func (s *odfSheet) draw(blocks []document.Block) {
	s.beside = append(s.beside, slices.DeleteFunc(blocks,
		func(b document.Block) bool { return b.Kind == document.TableBlock })...)
}

func isCollapsed(n *node) bool {
	visibility := n.attr("visibility")
	return visibility == "collapse" || visibility == "filter"
}

// readRow reads a row as often as it is repeated. Rows of blanks are repeated a million times at a sheet's end.
func (s *odfSheet) readRow(n *node) error {
	first := s.row
	repeated := min(max(number(n.attr("number-rows-repeated")), 1), maxRows)
	s.row += repeated
	if n.find("p") == nil && n.find("object") == nil && !slices.ContainsFunc(n.children, holdsValue) {
		return nil
	}
	if isCollapsed(n) {
		s.reader.warnings.Add(config.HiddenText, 1, s.grid.name+" row "+strconv.Itoa(first+1))
		return nil
	}
	cells, err := s.cells(n, first)
	if err != nil {
		return err
	}
	for row := first; row < first+repeated && len(cells) > 0; row++ {
		for _, c := range cells {
			if err := s.grid.put(row, c.column, c.text); err != nil {
				return err
			}
		}
	}
	return nil
}

// shownCell is a cell with a value in a column that is shown.
type shownCell struct {
	column int
	text   string
}

// cells are those of a row, each as often as it is repeated.
func (s *odfSheet) cells(n *node, row int) ([]shownCell, error) {
	var cells []shownCell
	column := 0
	for _, c := range n.children {
		// where put refuses a value
		next := min(column+max(number(c.attr("number-columns-repeated")), 1), document.MaxColumns+1)
		if text := s.cell(c, row, column); text != "" {
			for i := column; i < next; i++ {
				if !s.isColumnHidden(i) {
					cells = append(cells, shownCell{i, text})
				}
			}
		}
		column = min(next, document.MaxColumns)
	}
	return cells, s.reader.err
}

// cell is what a cell shows; what is drawn over it goes beside the table. A covered cell shows nothing.
func (s *odfSheet) cell(c *node, row, column int) string {
	if c.name != "table-cell" {
		return ""
	}
	r := s.reader
	var shown []document.Block
	for _, child := range c.children {
		switch child.name {
		case "p":
			shown = append(shown, r.blocksOf(child)...)
		case "annotation":
			s.beside = append(s.beside, r.annotation(child)...)
		default:
			s.draw(r.blocksOf(child))
		}
	}
	text := document.OneLineOf(shown)
	if text == "" {
		text = valueOf(c)
	}
	across, below := number(c.attr("number-columns-spanned")), number(c.attr("number-rows-spanned"))
	if text != "" && (across > 1 || below > 1) {
		s.grid.merges = append(s.grid.merges, mergedCells{row, column, row + max(below, 1) - 1, column + max(across, 1) - 1})
	}
	return text
}

func holdsValue(cell *node) bool { return cell.name == "table-cell" && valueOf(cell) != "" }

// valueOf is the value of a cell that a program wrote without the text which it shows.
func valueOf(cell *node) string {
	switch cell.attr("value-type") {
	case "float", "currency":
		return strings.TrimSpace(cell.attr("value") + " " + cell.attr("currency"))
	case "percentage":
		return charted(cell.attr("value"), "0%")
	case "date":
		return cell.attr("date-value")
	case "time":
		return cell.attr("time-value")
	case "boolean":
		return cell.attr("boolean-value")
	case "string":
		return cell.attr("string-value")
	}
	return ""
}

func (s *odfSheet) isColumnHidden(column int) bool {
	hidden, first := s.hidden.at(column, true)
	if first {
		s.reader.warnings.Add(config.HiddenText, 1, s.grid.name+" column "+strconv.Itoa(column+1))
	}
	return hidden
}

func (s *odfSheet) write(out *document.Flow) error {
	if s.grid.isEmpty() && len(s.beside) == 0 {
		return s.reader.err
	}
	s.reader.warnings.Add(config.Truncated, s.grid.merge(), s.grid.name+" merged cells")
	if err := out.Heading(1, s.grid.name); err != nil {
		return err
	}
	if err := s.grid.write(out); err != nil {
		return err
	}
	w := document.BlockWriter{Out: out}
	return w.WriteLast(s.beside)
}
