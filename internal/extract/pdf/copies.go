package pdf

import (
	"math"
	"unicode"
)

// Programs that run OCR over a page which has text already write what they read a second time, unpainted, at the places
// of the letters that are seen. PDFium mixes the letters of both where they stand on one line.

// places finds the boxes of characters by where they stand.
type places map[[2]int][]rect

const (
	placeSize = 16      // points of a side of what is looked at together
	widest    = 3       // such sides of a character: larger ones are those of a watermark
	farthest  = 1 << 20 // points from the origin of the page
)

func (p places) at(x, y float64) [2]int {
	return [2]int{int(math.Floor(x / placeSize)), int(math.Floor(y / placeSize))}
}

func (p places) add(box rect) {
	if max(box.width(), box.height()) > widest*placeSize || !box.isWithin(farthest) {
		return
	}
	from, to := p.at(box.left, box.bottom), p.at(box.right, box.top)
	for x := from[0]; x <= to[0]; x++ {
		for y := from[1]; y <= to[1]; y++ {
			p[[2]int{x, y}] = append(p[[2]int{x, y}], box)
		}
	}
}

// isWithin reports whether all sides are so near to the origin, which is false for what is not a number.
func (r rect) isWithin(distance float64) bool {
	return r.left >= -distance && r.bottom >= -distance && r.right <= distance && r.top <= distance
}

// Bounds on what is compared.
const (
	mostInPlace = 200    // characters of one place
	mostCopied  = 20_000 // characters of a page that may hold copies: an ordinary one has 5,000
)

// holdCopy reports whether a character of about the same height stands where another does.
func (p places) holdCopy(box rect) bool {
	const alike, beside = 2, 0.3 // times its height: OCR does not know exactly where a letter is
	x, y := (box.left+box.right)/2, (box.bottom+box.top)/2
	near := p[p.at(x, y)]
	for _, other := range near[:min(len(near), mostInPlace)] {
		other.left, other.right = other.left-beside*other.height(), other.right+beside*other.height()
		if other.holds(box) && other.height() < alike*box.height() && box.height() < alike*other.height() {
			return true
		}
	}
	return false
}

// dropCopies leaves out the unpainted characters that stand where painted ones do, and reports whether there were any.
func (t *pdfText) dropCopies() bool {
	if t.count > mostCopied {
		return false
	}
	painted, unpainted := places{}, make([][]bool, len(t.lines))
	for i, l := range t.lines {
		unpainted[i] = make([]bool, len(l.chars))
		for j, r := range l.chars {
			if unicode.IsSpace(r) {
				continue
			}
			box, ok := t.looseBox(t.place(l, j))
			switch {
			case !ok:
			case t.manner(t.place(l, j)).unpainted:
				unpainted[i][j] = true
			default:
				painted.add(box)
			}
		}
	}
	dropped := false
	for i, l := range t.lines {
		kept := rawLine{start: l.start, at: []int{}}
		for j := 0; j < len(l.chars); {
			end := j + 1
			for unpainted[i][j] && end < len(l.chars) && unpainted[i][end] {
				end++
			}
			if unpainted[i][j] && t.areCopies(l, j, end, painted) {
				dropped = true
			} else {
				kept.add(l, j, end)
			}
			j = end
		}
		t.lines[i] = kept
	}
	return dropped
}

// areCopies reports whether most characters of a word stand where painted ones do.
func (t *pdfText) areCopies(l rawLine, begin, end int, painted places) bool {
	copies := 0
	for i := begin; i < end; i++ {
		if box, _ := t.looseBox(t.place(l, i)); painted.holdCopy(box) {
			copies++
		}
	}
	return copies*2 > end-begin
}
