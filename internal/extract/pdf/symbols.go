package pdf

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/klippa-app/go-pdfium/requests"
	"golang.org/x/text/encoding/charmap"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Fonts that programs embed from Windows keep their characters in the private use area. The font's name tells the ticks
// of Wingdings from the Greek of Symbol; letters of a font that has neither are those of a text.

// privateWord is private characters of a line that follow each other.
type privateWord struct {
	chars []rune
	font  string // of symbols; empty for any other
}

// nameSymbols replaces the private characters of which the font tells what they are, and is the number of those that no
// table knows. Others stay: most are Symbol's.
func (t *pdfText) nameSymbols() (unknown int) {
	for _, l := range t.lines {
		unknown += t.namePictograms(l)
		var words []privateWord
		isText := false
		for i := 0; i < len(l.chars); i++ {
			begin := i
			for i < len(l.chars) && plain.IsPrivate(l.chars[i]) {
				i++
			}
			if i == begin {
				continue
			}
			w := privateWord{l.chars[begin:i], t.pictorialFont(t.place(l, begin))}
			words, isText = append(words, w), isText || w.isText()
		}
		for _, w := range words {
			unknown += w.show(isText)
		}
	}
	return unknown
}

// ordinarySigns are most of the single signs of texts, of which it would cost a call into PDFium each to know the font.
const ordinarySigns = "aAI-.,:;&=+*/|•·–—0123456789"

// namePictograms replaces single signs of a line that are in a font of pictures, as ticks and bullets are, and is the
// number of those that no table knows. Without a map, such a font has letters in their place.
func (t *pdfText) namePictograms(l rawLine) (unknown int) {
	for _, w := range wordsOf(l.chars) {
		r := l.chars[w.begin]
		code, isLetter := charmap.Windows1252.EncodeRune(r)
		if w.end != w.begin+1 || !isLetter || strings.ContainsRune(ordinarySigns, r) {
			continue
		}
		font := t.pictorialFont(t.place(l, w.begin))
		if font == "" || font == "Symbol" {
			continue
		}
		s, _ := plain.Pictogram(font, rune(code))
		if l.chars[w.begin] = []rune(s)[0]; l.chars[w.begin] == utf8.RuneError {
			unknown++
		}
	}
	return unknown
}

// isText reports letters that are no formula.
func (w privateWord) isText() bool {
	const fewest = 4
	letters := 0
	for _, r := range w.chars {
		if unicode.IsLetter(r - plain.PrivateUse) {
			letters++
		}
	}
	return w.font == "" && letters >= fewest
}

// show writes the characters as the font shows them, and is the number of those that are not known.
func (w privateWord) show(isText bool) (unknown int) {
	for i, r := range w.chars {
		if w.font == "" {
			if isText {
				w.chars[i] = r - plain.PrivateUse
			}
			continue
		}
		s, _ := plain.Pictogram(w.font, r)
		if w.chars[i] = []rune(s)[0]; w.chars[i] == utf8.RuneError {
			unknown++
		}
	}
	return unknown
}

// pictorialFont is the font of symbols that a character is in, empty for any other.
func (t *pdfText) pictorialFont(char int) string {
	font, err := t.FPDFText_GetFontInfo(&requests.FPDFText_GetFontInfo{TextPage: t.page, Index: char})
	if err != nil {
		return ""
	}
	name := strings.ToLower(font.FontName)
	if _, base, isSubset := strings.Cut(name, "+"); isSubset {
		name = base
	}
	plain := strings.NewReplacer(" ", "", "-", "").Replace(name)
	for _, family := range []string{"Wingdings 2", "Wingdings 3", "Wingdings", "Webdings", "Symbol"} {
		if strings.HasPrefix(plain, strings.ToLower(strings.ReplaceAll(family, " ", ""))) {
			return family
		}
	}
	return ""
}
