package pdf

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/klippa-app/go-pdfium/enums"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// pdfPage is a page's text, and its lines where headings are to be found among them.
type pdfPage struct {
	text   string
	lines  []pdfLine
	tables []pdfTable
	beside string // what annotations and form fields hold
	// undecodable is how many characters have no meaning that the document tells.
	undecodable int
	hidden      bool // some of its text is not seen
	garbled     bool // the characters have a meaning, but not that of the shapes
	pictured    bool // the page shows something that is not text
	lost        bool // the page cannot be loaded, or shows nothing and its content may be damaged
	transcribed bool // OCR has read a picture that the page shows
}

// pages reads all pages in order, with the styles of their lines if wanted.
func (r *pdfReader) pages(styled bool) ([]pdfPage, error) {
	count, err := r.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: r.doc})
	if err != nil {
		return nil, err
	}
	if count.PageCount == 0 {
		return nil, config.Failf(config.Malformed, "the PDF has no pages: it is damaged or cut off")
	}
	var pages []pdfPage
	for i := range count.PageCount {
		r.reached(i + 1)
		p, err := r.page(i, styled)
		if errors.Is(err, pdfiumerrors.ErrPage) { // it is named, but missing or damaged: others may be whole
			p, err = pdfPage{lost: true}, nil
		}
		if err != nil {
			return nil, err
		}
		if r.above = nil; len(p.tables) > 0 {
			r.above = &p.tables[len(p.tables)-1]
		}
		pages = append(pages, p)
	}
	return pages, nil
}

func (r *pdfReader) page(index int, styled bool) (pdfPage, error) {
	loaded, err := r.FPDF_LoadPage(&requests.FPDF_LoadPage{Document: r.doc, Index: index})
	if err != nil {
		return pdfPage{}, err
	}
	defer r.FPDF_ClosePage(&requests.FPDF_ClosePage{Page: loaded.Page}) //nolint:errcheck // as above
	on := requests.Page{ByReference: &loaded.Page}
	text, err := r.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: on})
	if err != nil {
		return pdfPage{}, err
	}
	defer r.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: text.TextPage}) //nolint:errcheck // as above
	p, err := r.text(text.TextPage, loaded.Page, styled)
	if err != nil {
		return pdfPage{}, err
	}
	if p.beside, err = r.annotations(loaded.Page); err != nil {
		return pdfPage{}, err
	}
	if !p.transcribed {
		p.pictured, err = r.isPictured(loaded.Page, index, p.text+p.beside, p.hidden)
	}
	if err != nil || !r.drawsText {
		return p, err
	}
	p.beside, err = r.withDrawn(p.beside, r.drawnTexts(loaded.Page, index))
	return p, err
}

// fewLetters is the text of a scan that a stamp or a page number was printed on.
const fewLetters = 150 // code points

// isPictured reports whether a page with little or no text shows something else: for no text, anything; for little,
// or for text that is hidden, an image over half of the page. A page without objects is blank.
func (r *pdfReader) isPictured(page references.FPDF_PAGE, index int, text string, hidden bool) (bool, error) {
	if utf8.RuneCountInString(text) > fewLetters {
		return false, nil
	}
	on := r.direct.addressOf(page)
	count := r.direct.count(pageObjects, on)
	if text == "" && !hidden {
		return count > 0, nil
	}
	size, err := r.FPDF_GetPageSizeByIndex(&requests.FPDF_GetPageSizeByIndex{Document: r.doc, Index: index})
	if err != nil {
		return false, err
	}
	const most = 50 // a scan is one image, or a few strips of it
	for i := range min(count, most) {
		object, kind, ok := r.direct.object(pageObject, on, i)
		if !ok || kind != enums.FPDF_PAGEOBJ_IMAGE {
			continue
		}
		if box, known := r.direct.bounds(object); known && box.area() > size.Width*size.Height/2 {
			return true, nil
		}
	}
	return false, nil
}

// judgePages warns of the pages that are not read, or not right. A document fails when they are more than half of
// those that are not blank.
func judgePages(d *document.Document, pages []pdfPage) error {
	empty, blank, undecodable, lost := 0, 0, 0, 0
	for i, p := range pages {
		place := fmt.Sprintf("page %d", i+1)
		isEmpty := d.Pages[i].Text == ""
		if p.hidden {
			d.Warnings.Add(config.HiddenText, 1, place)
		}
		switch {
		case p.undecodable > 0 || p.garbled || strings.ContainsFunc(d.Pages[i].Text, isWithoutMeaning):
			d.Warnings.Add(config.UndecodableText, 1, place)
			if isEmpty {
				empty++
				undecodable++
			}
		case p.pictured:
			d.Warnings.Add(config.PagesWithoutText, 1, place)
			if isEmpty {
				empty++
			}
		case p.lost:
			d.Warnings.Add(config.PagesWithoutText, 1, place)
			empty++
			lost++
		case isEmpty:
			blank++
		}
	}
	switch {
	case empty*2 <= len(pages)-blank && blank < len(pages):
		return nil
	case lost*2 > empty:
		return config.Failf(config.Malformed,
			"the content of %d of %d pages cannot be decoded: the PDF is damaged or cut off", lost, len(pages))
	case undecodable*2 > empty:
		return config.Failf(config.NoTextLayer, "the text of %d of %d pages cannot be decoded: their fonts do not tell"+
			" which characters they show; save the PDF anew from the program that wrote it, or run OCR on it",
			undecodable, len(pages))
	}
	return config.Failf(config.NoTextLayer, "%d of %d pages hold no text, only images perhaps; there is no OCR: give the"+
		" document a text layer first", empty+blank, len(pages))
}

// isWithoutMeaning reports the private characters that no font of symbols is known for.
func isWithoutMeaning(r rune) bool { return unicode.Is(unicode.Co, r) }

// mixesScripts reports whether the words of a text are written in several alphabets each, as no text is.
func mixesScripts(text string) bool {
	const enough, most = 40, 3 // words; one word of so many, as in formulas
	greekOrCyrillic := func(r rune) bool { return r >= 0x370 && r < 0x530 }
	if !strings.ContainsFunc(text, greekOrCyrillic) {
		return false
	}
	alphabets := []*unicode.RangeTable{unicode.Latin, unicode.Cyrillic, unicode.Greek}
	words, mixed := 0, 0
	for word := range strings.FieldsSeq(text) {
		found := 0
		for _, alphabet := range alphabets {
			if strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(alphabet, r) }) {
				found++
			}
		}
		words += min(found, 1)
		mixed += min(max(found-1, 0), 1)
	}
	return words >= enough && mixed*most > words
}

// isGarbled reports whether text in Latin letters reads like no language, as it does when a font's map names the
// wrong characters: none of the words that each text has, and other letters are frequent than in any language.
func isGarbled(text string) bool {
	const enough = 40 // words
	words, counts := 0, [26]float64{}
	for word := range strings.FieldsSeq(strings.ToLower(text)) {
		if !plain.IsWord(strings.TrimRight(word, ".,;:!?")) || word[0] >= utf8.RuneSelf {
			continue
		}
		if commonWords[strings.TrimRight(word, ".,;:!?")] {
			return false
		}
		words++
		for _, r := range word {
			if r >= 'a' && r <= 'z' {
				counts[r-'a']++
			}
		}
	}
	return words >= enough && latinLikeness(counts) < 0.65
}

// hasUnlikelyLetters reports whether text in Cyrillic, Greek, Hebrew or Arabic letters has the rare ones as often as
// the frequent ones. The mean worth of letters is between 0.76 and 0.86 in texts of eight languages, and below 0.68 for
// 19 of 20 maps that name the wrong letters.
func hasUnlikelyLetters(text string) bool {
	const enough, least = 200, 0.68 // letters; their mean worth
	sums, counts := map[*unicode.RangeTable]float64{}, map[*unicode.RangeTable]float64{}
	for _, r := range text {
		if r < 0x370 || r >= 0x700 {
			continue
		}
		r = unicode.ToLower(r)
		if worth, known := charset.Worths()[r]; known {
			script := charset.ScriptOf(r)
			sums[script] += worth
			counts[script]++
		}
	}
	for script, n := range counts {
		if script != nil && n >= enough && sums[script] < least*n {
			return true
		}
	}
	return false
}

// latinLikeness is the cosine between the counts of letters and their shares in European languages.
func latinLikeness(counts [26]float64) float64 {
	product, a, b := 0.0, 0.0, 0.0
	for i, n := range counts {
		product += n * letterShares[i]
		a += n * n
		b += letterShares[i] * letterShares[i]
	}
	return product / math.Sqrt(a*b)
}

// letterShares are the shares of a to z per mille, about the mean of English, German, French, Spanish and Italian.
var letterShares = [26]float64{90, 14, 35, 42, 150, 12, 16, 28, 74, 3, 5, 48, 27, 79, 68, 26, 6, 67, 68, 74, 36, 12,
	10, 2, 8, 8}

// commonWords are among the most frequent of one language or another.
var commonWords = wordSet("the of and to in is for that with on are be der die das und ist von zu den nicht mit le la" +
	" les de des et en est un une que el los las y por con il di che per non o e em para het een van i og att som det" +
	" na w z se ve bir je si da ja ei ez az egy")

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}
