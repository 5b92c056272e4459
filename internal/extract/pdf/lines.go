package pdf

import (
	"math"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// pdfLine is a line of a page with what headings are known by.
type pdfLine struct {
	text   string
	offset int     // code points into the page's text
	size   float64 // in points, as rendered, of its first character
	bold   bool    // from the first character to the last
	mayBe  bool    // by its words a heading
	boxes  []rect  // where it is drawn
}

func (l pdfLine) length() int { return utf8.RuneCountInString(l.text) }

// placed finds the places of a page's lines, and their styles if wanted. Each costs calls into PDFium, so the weight is
// asked only of lines that may be headings.
func (t *pdfText) placed(normalised string, styled bool) []pdfLine {
	var lines []pdfLine
	places := lineFinder{rest: normalised}
	for _, raw := range t.lines {
		l := pdfLine{text: plain.OneLine(raw.String())}
		offset, ok := places.next(l.text)
		if !ok {
			continue
		}
		l.offset, l.boxes = offset, t.boxesOf(raw)
		if !styled {
			lines = append(lines, l)
			continue
		}
		l.mayBe = mayBeHeading(l.text)
		first := t.place(raw, firstVisible(raw.chars))
		l.size = t.fontSize(first)
		if n := len(lines); l.mayBe || n > 0 && lines[n-1].bold && lines[n-1].size == l.size {
			last := t.place(raw, len([]rune(strings.TrimRightFunc(string(raw.chars), unicode.IsSpace)))-1)
			l.bold = t.isBold(t.page, first) && t.isBold(t.page, last)
		}
		lines = append(lines, l)
	}
	return lines
}

// lineFinder finds lines in a text, each after the one before.
type lineFinder struct {
	rest   string
	offset int // of rest, in code points
}

// next is the offset of the line that reads so on a single line. A line that normalising took apart is not found.
func (f *lineFinder) next(want string) (int, bool) {
	const lookahead = 4
	if want == "" {
		return 0, false
	}
	rest, offset := f.rest, f.offset
	for range lookahead {
		line, after, _ := strings.Cut(rest, "\n")
		at := offset
		rest, offset = after, offset+utf8.RuneCountInString(line)+1
		if plain.OneLine(line) == want {
			f.rest, f.offset = rest, offset
			return at, true
		}
	}
	return 0, false
}

// charIndex is the index of the character at an index of the text.
func (r *pdfReader) charIndex(page references.FPDF_TEXTPAGE, textIndex int) int {
	c, err := r.FPDFText_GetCharIndexFromTextIndex(
		&requests.FPDFText_GetCharIndexFromTextIndex{TextPage: page, NTextIndex: textIndex})
	if err != nil {
		return textIndex
	}
	return c.CharIndex
}

// fontSize is a character's size on the page: the font's size scaled by the text matrix, to a tenth of a point.
func (t *pdfText) fontSize(char int) float64 {
	size, scale, _ := t.direct.fontSize(t.text, char)
	return math.Round(size*scale*10) / 10
}

// boldName recognises bold fonts by name, since the weight that PDFium derives from stems is often wrong. BX and SX are
// TeX's.
var boldName = regexp.MustCompile(`(?i)bold|black|heavy|demi|^([a-z]{6}\+)?(cmb|sfb|sfsx|ecbx|lmromanb|lmsansb)`)

// forceBold is bit 19 of a font's flags (ISO 32000-1, table 123).
const forceBold = 1 << 18

func (r *pdfReader) isBold(page references.FPDF_TEXTPAGE, char int) bool {
	font, err := r.FPDFText_GetFontInfo(&requests.FPDFText_GetFontInfo{TextPage: page, Index: char})
	return err == nil && (font.Flags&forceBold != 0 || boldName.MatchString(font.FontName))
}
