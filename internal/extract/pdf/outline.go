package pdf

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Bounds on an outline: links of a hostile one may run in circles.
const (
	maxBookmarks    = 10_000
	maxOutlineDepth = 12
)

// bookmark is an entry of a PDF's outline.
type bookmark struct {
	title string
	level int
	page  int // index
}

// outline is the document's bookmarks that lead to a page, in order.
//
// go-pdfium's own FPDFBookmark_GetDest asks PDFium for something else (it calls FPDFBookmark_Find), so the
// destinations come from GetBookmarks; and as that follows links in circles until the stack is full, it is only
// called for an outline that was walked to its end.
func (r *pdfReader) outline() ([]bookmark, error) {
	left := maxBookmarks
	if finite, err := r.isFinite(nil, maxOutlineDepth, &left); err != nil || !finite || left == maxBookmarks {
		return nil, err
	}
	all, err := r.GetBookmarks(&requests.GetBookmarks{Document: r.doc})
	if err != nil {
		return nil, nil //nolint:nilerr // an entry without a title, say: the document is none the worse
	}
	return r.flatten(nil, all.Bookmarks, 1), nil
}

// isFinite reports whether the entries below parent, nil for all, are at most so deep and so many.
func (r *pdfReader) isFinite(parent *references.FPDF_BOOKMARK, depth int, left *int) (bool, error) {
	first, err := r.FPDFBookmark_GetFirstChild(&requests.FPDFBookmark_GetFirstChild{Document: r.doc, Bookmark: parent})
	if err != nil {
		return false, err
	}
	for b := first.Bookmark; b != nil; {
		if *left--; *left < 0 || depth == 0 {
			return false, nil
		}
		if finite, err := r.isFinite(b, depth-1, left); err != nil || !finite {
			return false, err
		}
		next, err := r.FPDFBookmark_GetNextSibling(&requests.FPDFBookmark_GetNextSibling{Document: r.doc, Bookmark: *b})
		if err != nil {
			return false, err
		}
		b = next.Bookmark
	}
	return true, nil
}

// flatten appends entries and what is below each.
func (r *pdfReader) flatten(found []bookmark, entries []responses.GetBookmarksBookmark, level int) []bookmark {
	for _, e := range entries {
		title := plain.OneLine(e.Title)
		if page, ok := r.destination(e); ok && title != "" {
			found = append(found, bookmark{title: title, level: level, page: page})
		}
		found = r.flatten(found, e.Children, level+1)
	}
	return found
}

// destination is the index of the page that an entry leads to, directly or by an action.
func (r *pdfReader) destination(e responses.GetBookmarksBookmark) (page int, ok bool) {
	if e.DestInfo != nil {
		return e.DestInfo.PageIndex, e.DestInfo.PageIndex >= 0
	}
	action, err := r.FPDFBookmark_GetAction(&requests.FPDFBookmark_GetAction{Bookmark: e.Reference})
	if err != nil || action.Action == nil {
		return 0, false
	}
	dest, err := r.FPDFAction_GetDest(&requests.FPDFAction_GetDest{Document: r.doc, Action: *action.Action})
	if err != nil || dest.Dest == nil {
		return 0, false
	}
	index, err := r.FPDFDest_GetDestPageIndex(&requests.FPDFDest_GetDestPageIndex{Document: r.doc, Dest: *dest.Dest})
	if err != nil {
		return 0, false
	}
	return index.Index, index.Index >= 0
}

// placeOutline makes the outline's entries headings of their pages: where the page's text has the entry on a
// line of its own, else where the page or the entry before it begins.
func placeOutline(pages []document.Page, outline []bookmark) {
	running := runningLines(pages)
	for _, b := range outline {
		if b.page >= len(pages) {
			continue
		}
		p := &pages[b.page]
		from := -1
		if n := len(p.Headings); n > 0 {
			from = p.Headings[n-1].Offset
		}
		offset, found := findLine(p.Text, b.title, from)
		if !found {
			offset = max(from, 0)
		}
		if onlyRunning(p.Text, offset, running) {
			offset = 0
		}
		p.Headings = append(p.Headings, document.Heading{Offset: offset, Level: b.level, Text: b.title})
	}
	for i := range pages {
		slices.SortStableFunc(pages[i].Headings, func(a, b document.Heading) int { return a.Offset - b.Offset })
	}
}

// onlyRunning reports whether nothing but running heads stands before the offset.
func onlyRunning(text string, offset int, running map[string]bool) bool {
	for line := range strings.Lines(text) {
		if offset <= 0 {
			return true
		}
		if !running[runningKey(line)] {
			return false
		}
		offset -= utf8.RuneCountInString(line)
	}
	return offset <= 0
}

// findLine is the offset in code points of the first line after an offset (-1 for the first at all) that
// reads like the title, whatever numbers, dots and blanks stand between its letters.
func findLine(text, title string, after int) (int, bool) {
	want := lettersOnly(title)
	if want == "" {
		return 0, false
	}
	offset := 0
	for line := range strings.Lines(text) {
		if got := lettersOnly(line); offset > after {
			if got != "" && (got == want || strings.HasPrefix(want, got) && len(got)*2 > len(want)) {
				return offset, true
			}
		}
		offset += utf8.RuneCountInString(line)
	}
	return 0, false
}

// lettersOnly is what remains of a heading however it is numbered and set.
func lettersOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}
