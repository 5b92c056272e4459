package pdf

import (
	"cmp"
	"math"
	"slices"

	"github.com/klippa-app/go-pdfium/requests"
)

// A page may be shown turned, and text may stand on it at a right angle, as wide tables do. PDFium gives places as
// they are before the page is turned. The code that judges how lines and columns stand to each other sees each page
// as if its text ran from left to right.

// turned describes how most of a page's text is turned, and takes the turn back.
type turned struct {
	quarters int  // counts quarter turns of the text, counterclockwise
	paper    rect // is the part of the page that is shown
}

// place returns where a box stands once the text is upright.
func (u turned) place(r rect) rect {
	x, y := u.paper.right, u.paper.top
	switch u.quarters {
	case 1:
		return rect{left: r.bottom, bottom: x - r.right, right: r.top, top: x - r.left}
	case 2:
		return rect{left: x - r.right, bottom: y - r.top, right: x - r.left, top: y - r.bottom}
	case 3:
		return rect{left: y - r.top, bottom: r.left, right: y - r.bottom, top: r.right}
	}
	return r
}

// back returns where a box stands on the page.
func (u turned) back(r rect) rect {
	x, y := u.paper.right, u.paper.top
	switch u.quarters {
	case 1:
		return rect{left: x - r.top, bottom: r.left, right: x - r.bottom, top: r.right}
	case 2:
		return u.place(r)
	case 3:
		return rect{left: r.bottom, bottom: y - r.right, right: r.top, top: y - r.left}
	}
	return r
}

// rule returns where a line of a drawing stands once the text is upright.
func (u turned) rule(r rule) rule {
	if u.quarters == 0 {
		return r
	}
	box := rect{left: r.from, right: r.to, bottom: r.at, top: r.at}
	if r.upright {
		box = rect{left: r.at, right: r.at, bottom: r.from, top: r.to}
	}
	box = u.place(box)
	if r.upright == (u.quarters == 2) {
		return rule{upright: true, at: box.left, from: box.bottom, to: box.top}
	}
	return rule{at: box.bottom, from: box.left, to: box.right}
}

// paper returns the part of the page that is shown.
func (t *pdfText) paper() (rect, error) {
	got, err := t.FPDF_GetPageBoundingBox(&requests.FPDF_GetPageBoundingBox{Page: t.on})
	if err != nil {
		return rect{}, err
	}
	return rect{float64(got.Rect.Left), float64(got.Rect.Bottom), float64(got.Rect.Right), float64(got.Rect.Top)}, nil
}

// findTurn finds how the text is turned by a sample of its lines: most of them agree.
func (t *pdfText) findTurn(paper rect) {
	const sample = 9 // lines
	t.upright.paper = paper
	var counts [4]int
	asked := 0
	for i := 0; i < len(t.lines); i += max(1, len(t.lines)/sample) {
		l := t.lines[i]
		first := firstVisible(l.chars)
		if first < 0 {
			continue
		}
		if x, y, ok := t.direct.direction(t.text, t.place(l, first)); ok {
			quarter := int(math.Round(math.Atan2(y, x)/(math.Pi/2))) & 3
			counts[quarter]++
			asked++
		}
	}
	for quarter, n := range counts {
		if n*2 > asked {
			t.upright.quarters = quarter
		}
	}
}

// orderRunningLines puts lines at the foot of the page last, and those at its head first. Many programs draw both
// before the text of the page, or after it.
func (t *pdfText) orderRunningLines() {
	var boxes []rect
	var at []int
	for i, l := range t.lines {
		if first := firstVisible(l.chars); first >= 0 {
			if box, ok := t.looseBox(t.place(l, first)); ok {
				boxes, at = append(boxes, box), append(at, i)
			}
		}
	}
	n := len(boxes)
	const fewest = 4 // lines of a page whose order can be told
	if n < fewest {
		return
	}
	most := min(4, n/3)
	high, low := math.Inf(-1), math.Inf(1)
	for _, b := range boxes[most : n-most] {
		high, low = max(high, b.top), min(low, b.bottom)
	}
	for i, b := range boxes { // the other end of the page may hold more lines than were left out
		if i < most && b.bottom >= low {
			high = max(high, b.top)
		}
		if i >= n-most && b.top <= high {
			low = min(low, b.bottom)
		}
	}
	rank := map[int]int{}
	for i, b := range boxes {
		switch {
		case i < most && b.top <= low:
			rank[at[i]] = 1
		case i >= n-most && b.bottom >= high:
			rank[at[i]] = -1
		}
	}
	if len(rank) > 0 {
		t.sortLines(rank)
	}
}

// sortLines sorts the lines by their ranks, and keeps the order of those of one rank.
func (t *pdfText) sortLines(rank map[int]int) {
	order := make([]int, len(t.lines))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank[a], rank[b]) })
	lines := make([]rawLine, len(order))
	for i, from := range order {
		lines[i] = t.lines[from]
	}
	t.lines = lines
}
