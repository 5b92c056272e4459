package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// pdfFile is a PDF that another program wrote.
func pdfFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "pdf", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// caesar shows each letter as the one that stands so far behind it, as a wrong map of a font does.
func caesar(s string, by rune) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return 'a' + (r-'a'+by)%26
		case r >= 'A' && r <= 'Z':
			return 'A' + (r-'A'+by)%26
		}
		return r
	}, s)
}

const scanWithStamp = "q 600 0 0 780 6 6 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI Q BT /F1 9 Tf 60 20 Td (page 3) Tj ET"

func TestPDFWarnings(t *testing.T) {
	text := pdftest.Page{Columns: []string{strings.Repeat(prose, 6)}}
	picture, blank := pdftest.Page{Image: true}, pdftest.Page{Content: " "}
	for _, c := range []struct {
		name  string
		pages []pdftest.Page
		want  config.Warnings
	}{
		{"text alone", []pdftest.Page{text, text}, nil},
		{"a blank page", []pdftest.Page{text, blank, blank}, nil},
		{"half of the pages are pictures", []pdftest.Page{text, picture, picture, text},
			config.Warnings{{Reason: config.PagesWithoutText, Count: 2, Places: []string{"page 2", "page 3"}}}},
		{"a scan with a page number", []pdftest.Page{text, {Content: scanWithStamp}},
			config.Warnings{{Reason: config.PagesWithoutText, Count: 1, Places: []string{"page 2"}}}},
		{"a drawing", []pdftest.Page{text, {Content: "10 10 m 200 200 l S"}},
			config.Warnings{{Reason: config.PagesWithoutText, Count: 1, Places: []string{"page 2"}}}},
		{"a font with a wrong map", []pdftest.Page{text, {Columns: []string{caesar(strings.Repeat(prose, 6), 3)}}},
			config.Warnings{{Reason: config.UndecodableText, Count: 1, Places: []string{"page 2"}}}},
		{"another language", []pdftest.Page{text, {Columns: []string{strings.Repeat(
			"Wszyscy pracownicy powinni sprawdzi urzdzenia przed rozpoczciem zmiany. ", 8)}}}, nil},
		{"names", []pdftest.Page{text, {Columns: []string{strings.Repeat(
			"Okonkwo Pauline Brandt Odile Schmidt Wolfgang Nakamura Kenji Fitzgerald Grzegorz ", 8)}}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := extractPDF(t, pdftest.Document{Pages: c.pages})
			if diff := cmp.Diff(c.want, d.Warnings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPDFWithFontsThatCannotBeDecoded(t *testing.T) {
	d, err := shared.Extract(t.Context(), "a.pdf", pdfFile(t, "body-font-without-unicode-map-lost.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	want := config.Warnings{{Reason: config.UndecodableText, Count: 1, Places: []string{"page 1"}}}
	if diff := cmp.Diff(want, d.Warnings); diff != "" {
		t.Error(diff)
	}
	if got := d.Pages[0].Text; got != "Emergency plan" {
		t.Errorf("got %q, want the heading alone, which is in another font", got)
	}
}

func TestPDFMostlyWithoutText(t *testing.T) {
	_, err := shared.Extract(t.Context(), "a.pdf", pdfFile(t, "four-of-five-pages-scanned-not-reported.pdf"))
	wantReason(t, err, config.NoTextLayer, "4 of 5 pages")
}

func TestPDFFontsWithMapsThatTellNoLetters(t *testing.T) {
	words := strings.Repeat("these words are shown by a font with a map of its own ", 4)
	for name, of := range map[string]func(code byte) rune{
		"private characters": func(code byte) rune { return 0xe000 + rune(code) },
		"no characters":      func(byte) rune { return 0 },
		"letters of several scripts in each word": func(code byte) rune {
			return []rune("aжωбqδ")[int(code)%6]
		},
	} {
		t.Run(name, func(t *testing.T) {
			codes := map[byte]rune{}
			for code := byte('a'); code <= 'z'; code++ {
				codes[code] = of(code)
			}
			content := "BT /F3 5 Tf 20 700 Td (" + words + ") Tj ET"
			d := extractPDF(t, pdftest.Document{Unicode: codes, Pages: []pdftest.Page{
				{Columns: []string{strings.Repeat(prose, 6)}}, {Content: content},
			}})
			want := config.Warnings{{Reason: config.UndecodableText, Count: 1, Places: []string{"page 2"}}}
			if diff := cmp.Diff(want, d.Warnings); diff != "" {
				t.Errorf("%s%s", d.Pages[1].Text, diff)
			}
			if strings.Contains(d.Pages[1].Text, "-") {
				t.Errorf("%q has hyphens, which the page has not", d.Pages[1].Text)
			}
		})
	}
}
