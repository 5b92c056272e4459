package document

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// HeaderRows is how many rows at the top name the columns: those that the document calls so, or else the first if
// its cells could be names, with the rows that its merged cells have their parts in.
func HeaderRows(rows [][]string, declared int) int {
	if declared > 0 || len(rows) < 2 {
		return min(declared, len(rows)-1)
	}
	if !AreNames(rows[0]) || IsNameAndValue(rows[0], rows[1:]) {
		return 0
	}
	n := 1
	for n < len(rows)-1 && n < 3 && isMerged(rows[n-1]) && AreNames(rows[n]) {
		n++
	}
	return n
}

// AreNames reports whether cells could name columns: none is a number, but years are names.
func AreNames(row []string) bool {
	named := false
	for _, text := range row {
		if _, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64); err == nil && !isYear(text) {
			return false
		}
		named = named || text != ""
	}
	return named && len(row) > 1
}

// isMerged reports whether a cell of a row covers several columns.
func isMerged(row []string) bool {
	for i := 1; i < len(row); i++ {
		if row[i] != "" && row[i] == row[i-1] {
			return true
		}
	}
	return false
}

// IsNameAndValue reports whether the first row of a table is a name and its value, as those below it: 812 l/min is the
// name of no column.
func IsNameAndValue(row []string, body [][]string) bool {
	is := func(row []string) bool { return len(row) == 2 && Quantity.MatchString(strings.TrimSpace(row[1])) }
	return is(row) && slices.ContainsFunc(body, is)
}

// Quantity is a number with a unit.
var Quantity = regexp.MustCompile(`^[-+]?\d[\d.,]*\s*(%|°|[\pL\p{Sc}/°µ²³]{1,8})$`)

func isYear(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n >= 1800 && n < 2200
}
