package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// visual is a page that shows lines as they look, from left to right, in a font whose map tells the characters.
func visual(t *testing.T, lines ...string) string {
	t.Helper()
	codes, of := map[rune]byte{}, map[byte]rune{}
	next := byte('a')
	var content strings.Builder
	for i, line := range lines {
		content.WriteString("BT /F3 10 Tf 60 " + itoa(700-20*i) + " Td <")
		for _, r := range line {
			code, ok := codes[r]
			switch {
			case ok:
			case r < 0x80 && (r < 'a' || r > 'z'):
				code = byte(r)
			default:
				code = next
				next++
			}
			codes[r], of[code] = code, r
			const hex = "0123456789abcdef"
			content.WriteString(string(hex[code>>4]) + string(hex[code&15]))
		}
		content.WriteString("> Tj ET\n")
	}
	return extractPDF(t, pdftest.Document{Unicode: of, Pages: []pdftest.Page{{Content: content.String()}}}).Pages[0].Text
}

func TestPDFRightToLeftLines(t *testing.T) {
	for _, c := range []struct{ name, shown, want string }{
		{"words", "םולש ינא", "אני שלום"},
		{"a number", "2024 תנש", "שנת 2024"},
		{"a number with a fraction", "12.5 ריחמ", "מחיר 12.5"},
		{"brackets", "(הז) םולש", "שלום (זה)"},
		{"a number in brackets", "(2024) הנש", "שנה (2024)"},
		{"a percentage", "50% החנה", "הנחה 50%"},
		{"a range", "10-15 םוי", "יום 10-15"},
		{"a name in Latin letters", "ABC תרבח", "חברת ABC"},
		{"brackets between words", "םולש (הז) ינא", "אני (זה) שלום"},
		{"square brackets", "[הז] םולש", "שלום [זה]"},
		{"a name in brackets", "(Ltd) הרבח", "חברה (Ltd)"},
		{"a word in a line from left to right", "The word (הז) is", "The word (זה) is"},
		{"a sentence", ".םולש ינא", "אני שלום."},
		{"a word before a comma", "םולש ,ינא", "אני, שלום"},
		{"a question in a line from left to right", "He asked ?םולש twice", "He asked שלום? twice"},
		{"Arabic", "ملاس", "سالم"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, visual(t, c.shown)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
