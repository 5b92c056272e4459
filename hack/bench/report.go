package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// report is the tables so far.
type report struct{ sections []section }

type section struct {
	title string
	rows  []row
}

// row is one figure. At most one of the aims is set.
type row struct {
	what    string
	value   float64
	unit    string
	atMost  float64
	atLeast float64
}

// add puts rows under the title, which may be there already.
func (r *report) add(title string, rows ...row) {
	for i := range r.sections {
		if r.sections[i].title == title {
			r.sections[i].rows = append(r.sections[i].rows, rows...)
			return
		}
	}
	r.sections = append(r.sections, section{title, rows})
}

func (r *report) markdown() string {
	var b strings.Builder
	for _, s := range r.sections {
		fmt.Fprintf(&b, "\n### %s\n\n| measured | value | aim | met |\n|---|---:|---:|---|\n", s.title)
		for _, row := range s.rows {
			aim, met := row.verdict()
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.what, quantity(row.value, row.unit), aim, met)
		}
	}
	return b.String()
}

func (r *row) verdict() (aim, met string) {
	yes := false
	switch {
	case r.atMost != 0:
		aim, yes = "under "+quantity(r.atMost, r.unit), r.value < r.atMost
	case r.atLeast != 0:
		aim, yes = "at least "+quantity(r.atLeast, r.unit), r.value >= r.atLeast
	default:
		return "", ""
	}
	if yes {
		return aim, "yes"
	}
	return aim, "**no**"
}

func quantity(value float64, unit string) string {
	switch unit {
	case "":
		return number(value)
	case "x":
		return number(value) + "x"
	}
	return number(value) + " " + unit
}

// number writes three digits that count, or all of them before the point, with a comma at each
// thousand.
func number(value float64) string {
	if value == 0 || math.IsNaN(value) || math.IsInf(value, 0) {
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(value)))))
	text := strconv.FormatFloat(value, 'f', digits, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		whole += "." + fraction
	}
	return whole
}
