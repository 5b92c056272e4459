package pdf

import (
	"math"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// maxLineBoxes bounds the boxes of one line: PDFium puts drawn lines together that hyphens divide.
const maxLineBoxes = 16

// boxesOf returns where a line stands on its page: one box, or several if it goes on below itself.
// Most lines cost two calls into PDFium.
func (t *pdfText) boxesOf(l rawLine) []rect {
	first, last := firstVisible(l.chars), lastVisible(l.chars)
	if first < 0 {
		return nil
	}
	begin, known := t.looseBox(t.place(l, first))
	end, both := t.looseBox(t.place(l, last))
	switch {
	case !known || !both:
		return nil
	case begin.isBeside(end):
		return []rect{t.upright.back(begin.with(end))}
	}
	var boxes []rect
	for i := first; i <= last; i++ {
		if unicode.IsSpace(l.chars[i]) {
			continue
		}
		b, known := t.looseBox(t.place(l, i))
		switch n := len(boxes); {
		case !known:
		case n > 0 && boxes[n-1].isBeside(b):
			boxes[n-1] = boxes[n-1].with(b)
		case n < maxLineBoxes:
			boxes = append(boxes, b)
		}
	}
	for i, b := range boxes {
		boxes[i] = t.upright.back(b)
	}
	return boxes
}

// isBeside reports whether two places are on one line.
func (r rect) isBeside(o rect) bool { return r.bottom < o.top && o.bottom < r.top }

// with is the smallest rectangle that holds both.
func (r rect) with(o rect) rect {
	return rect{min(r.left, o.left), min(r.bottom, o.bottom), max(r.right, o.right), max(r.top, o.top)}
}

// placeLines puts the lines whose places are known into the page.
func placeLines(page *document.Page, lines []pdfLine) {
	length := utf8.RuneCountInString(page.Text)
	for _, l := range lines {
		line := document.Line{Start: l.offset, End: min(l.offset+l.length(), length)}
		for _, b := range l.boxes {
			line.Boxes = append(line.Boxes, [4]float64{tenth(b.left), tenth(b.bottom), tenth(b.right), tenth(b.top)})
		}
		if len(line.Boxes) > 0 && line.Start < line.End {
			page.Lines = append(page.Lines, line)
		}
	}
}

// tenth rounds to tenths of a point.
func tenth(points float64) float64 { return math.Round(points*10) / 10 }
