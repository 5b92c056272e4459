package extract

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// cellsAt draws texts at places of a page, in this order: "60,700 text".
func cellsAt(texts ...string) string {
	var b strings.Builder
	for _, s := range texts {
		var x, y int
		place, text, _ := strings.Cut(s, " ")
		if _, err := fmt.Sscanf(place, "%d,%d", &x, &y); err != nil {
			panic(err)
		}
		b.WriteString(at(x, y, "", text))
	}
	return b.String()
}

func TestPDFTablesOfWords(t *testing.T) {
	const prose = "60,740 The people below answer questions about the site, and all of them carry a telephone at work"
	for _, c := range []struct {
		name    string
		content string
		want    string
		header  string
	}{
		{
			name: "row by row, with an empty cell",
			content: cellsAt(prose, "60,700 Name", "160,700 Department", "300,700 Duty",
				"60,684 Anna Meier", "160,684 Purchasing", "300,684 Orders and suppliers",
				"60,668 Bo Larsen", "300,668 Fire drills", "60,652 Carla Rossi", "160,652 Research", "300,652 Gas bottles",
				"60,620 Others ask at the reception, which is open from eight to five on all of the working days"),
			want: "Name | Department | Duty\nAnna Meier | Purchasing | Orders and suppliers\nBo Larsen |  | Fire drills\n" +
				"Carla Rossi | Research | Gas bottles\nOthers ask",
			header: "Name | Department | Duty",
		},
		{
			name: "cell by cell, with cells of several lines",
			content: cellsAt(prose, "60,700 Name", "160,700 Department", "300,700 Duty",
				"60,680 Anna", "60,668 Meier", "160,680 Purchasing", "300,680 Orders, suppliers and", "300,668 inventory",
				"60,648 Bo Larsen", "160,648 Safety", "300,648 Fire drills and the training", "300,636 of new staff",
				"60,616 Carla Rossi", "160,616 Research", "300,616 Gas bottles"),
			want: "Name | Department | Duty\nAnna Meier | Purchasing | Orders, suppliers and inventory\n" +
				"Bo Larsen | Safety | Fire drills and the training of new staff\nCarla Rossi | Research | Gas bottles",
			header: "Name | Department | Duty",
		},
		{
			name: "cells at the foot of their rows",
			content: cellsAt(prose, "60,700 Name", "160,700 Department", "300,700 Duty",
				"60,658 Anna Meier", "160,658 Purchasing", "300,682 Orders, suppliers and", "300,670 inventory of the", "300,658 stores",
				"60,616 Bo Larsen", "300,640 Fire drills and the", "300,628 training of all the", "300,616 new staff",
				"60,592 Carla Rossi", "160,592 Research", "300,592 Gas bottles"),
			want: "Name | Department | Duty\nAnna Meier | Purchasing | Orders, suppliers and inventory of the stores\n" +
				"Bo Larsen |  | Fire drills and the training of all the new staff\nCarla Rossi | Research | Gas bottles",
			header: "Name | Department | Duty",
		},
		{
			name: "terms and what they mean, below a heading",
			content: cellsAt("60,700 Words that we use", "60,670 Lead", "140,670 A person who might buy something from us, and whom",
				"140,658 nobody has called yet", "60,640 Churn", "140,640 The share of customers who leave", "60,622 Upsell",
				"140,622 A larger order"),
			want: "Words that we use\nLead | A person who might buy something from us, and whom nobody has called yet\n" +
				"Churn | The share of customers who leave\nUpsell | A larger order",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			page := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: c.content}}}).Pages[0]
			if !strings.Contains(page.Text, c.want) {
				t.Errorf("got %q, want %q in it", page.Text, c.want)
			}
			if len(page.Tables) != 1 || page.Tables[0].Header != c.header {
				t.Errorf("tables %+v, want one with the header %q", page.Tables, c.header)
			}
		})
	}
}

func TestPDFTextThatIsNoTableOfWords(t *testing.T) {
	var list, justified, columns []string
	for i, item := range []string{"Close the valve", "Open the drain", "Wait for an hour", "Clean the filter", "Close the drain"} {
		list = append(list, fmt.Sprintf("60,%d %d.", 700-14*i, i+1), fmt.Sprintf("84,%d %s", 700-14*i, item))
		justified = append(justified, fmt.Sprintf("60,%d The words of this", 700-14*i),
			fmt.Sprintf("%d,%d line stand far apart from each other", 150+12*(i%3), 700-14*i))
	}
	for i := range 8 {
		columns = append(columns, fmt.Sprintf("60,%d this line is one of the left column and", 700-14*i))
	}
	for i := range 8 {
		columns = append(columns, fmt.Sprintf("320,%d that line is one of the right column and", 700-14*i))
	}
	for name, texts := range map[string][]string{"a list": list, "justified lines": justified, "two columns": columns} {
		t.Run(name, func(t *testing.T) {
			page := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{{Content: cellsAt(texts...)}}}).Pages[0]
			if len(page.Tables) > 0 || strings.Contains(page.Text, "|") {
				t.Errorf("a table in %q", page.Text)
			}
		})
	}
}

func TestPDFTableOfWordsGoesOnBelowTheRunningHeader(t *testing.T) {
	var pages []pdftest.Page
	for p := range 4 {
		texts := []string{"60,720 Code", "140,720 Meaning", "300,720 Action"}
		for i := range 8 {
			y := 704 - 16*i
			texts = append(texts, fmt.Sprintf("60,%d E%d%d", y, p, i), fmt.Sprintf("140,%d Door open", y),
				fmt.Sprintf("300,%d close the door", y))
		}
		pages = append(pages, pdftest.Page{Content: cellsAt(texts...)})
	}
	for i, p := range extractPDF(t, pdftest.Document{Pages: pages}).Pages {
		if len(p.Tables) != 1 || !cmp.Equal(p.Tables[0].Columns, []string{"Code", "Meaning", "Action"}) || len(p.Tables[0].Rows) != 8 {
			t.Errorf("page %d: %+v of %q", i+1, p.Tables, p.Text)
		}
	}
}
