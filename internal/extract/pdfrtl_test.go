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
	for i, line := range lines {
		lines[i] = "60," + itoa(700-20*i) + " " + line
	}
	return visualAt(t, lines...).Text
}

// visualAt is a page of such lines at their places: "60,700 text".
func visualAt(t *testing.T, lines ...string) Page {
	t.Helper()
	codes, of := map[rune]byte{}, map[byte]rune{}
	next := byte('a')
	var content strings.Builder
	for _, line := range lines {
		place, line, _ := strings.Cut(line, " ")
		content.WriteString("BT /F3 10 Tf " + strings.ReplaceAll(place, ",", " ") + " Td <")
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
	return extractPDF(t, pdftest.Document{Unicode: of, Pages: []pdftest.Page{{Content: content.String()}}}).Pages[0]
}

func TestPDFRightToLeftSentenceEndsInANumberOnItsOwnLine(t *testing.T) {
	if diff := cmp.Diff("שעה 8:30 עד\n16:00.", visual(t, "דע 8:30 העש", ".16:00")); diff != "" {
		t.Error(diff)
	}
}

// A program draws the signs that a font lacks in another one, after the words beside them.
func TestPDFWordsOfALineThatWereDrawnOutOfOrder(t *testing.T) {
	text := func(x int, s string) string { return "BT /F1 10 Tf " + itoa(x) + " 700 Td (" + s + ") Tj ET\n" }
	page := pdftest.Page{Content: text(60, "support@example") + text(137, "com see page") + text(133, ".") + text(202, "12") +
		text(213, ".")}
	got := extractPDF(t, pdftest.Document{Pages: []pdftest.Page{page}}).Pages[0].Text
	if diff := cmp.Diff("support@example.com see page 12.", got); diff != "" {
		t.Error(diff)
	}
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
		{"a unit after a number", "bar 16 ץחל", "לחץ 16 bar"},
		{"degrees", "C° 80 םוח", "חום 80 °C"},
		{"a number after a name", "Windows 11 הסרג", "גרסה Windows 11"},
		{"a name with brackets", "Server (Build 17) לש הסרג", "גרסה של Server (Build 17)"},
		{"two numbers", "20 10 םיפד", "דפים 10 20"},
		{"a telephone", "+966 11 234 ןופלט", "טלפון +966 11 234"},
		{"a comma after an address", "ןאכ ,a@b.org ראוד", "דואר a@b.org, כאן"},
		{"a currency", "₪1,250.00 ריחמ", "מחיר ₪1,250.00"},
		{"quotes within a word", "מ\"עמ", "מע\"מ"},
		{"an Arabic range", "15-10 موي", "يوم 10-15"},
		{"Arabic per cent", "%50 مصخ", "خصم 50%"},
		{"the end of a sentence from left to right", "At םולש ינא room 12.", "At אני שלום room 12."},
		{"the end of a sentence on its own line", ".16:00 דע", "עד 16:00."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, visual(t, c.shown)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPDFTablesFromRightToLeft(t *testing.T) {
	for name, c := range map[string]struct {
		cells []string
		want  string
	}{
		"words": {
			[]string{"400,700 םש", "250,700 הקלחמ", "100,700 דיקפת", "400,680 ןהכ הנד", "250,680 שכר", "100,680 תונמזה",
				"400,660 יול", "100,660 תוחיטב", "400,640 רב", "250,640 רקחמ", "100,640 הדבעמ"},
			"שם | מחלקה | תפקיד\nדנה כהן | רכש | הזמנות\nלוי |  | בטיחות\nבר | מחקר | מעבדה",
		},
		"figures": {
			[]string{"400,700 רצומ", "250,700 2022", "100,700 2023", "400,680 הבאשמ", "250,680 1,250", "100,680 1,400",
				"400,660 ןנסמ", "250,660 900", "100,660 950"},
			"מוצר | 2022 | 2023\nמשאבה | 1,250 | 1,400\nמסנן | 900 | 950",
		},
	} {
		t.Run(name, func(t *testing.T) {
			page := visualAt(t, c.cells...)
			if page.Text != c.want || len(page.Tables) != 1 {
				t.Errorf("got %q with %d tables, want %q", page.Text, len(page.Tables), c.want)
			}
		})
	}
}
