package pdf

import "unicode"

// A PDF holds text that no reader of its pages sees: in the colour of the paper, of one point, outside of the page, not
// painted, or under a box. It stays out of the index. Text that is not painted is an exception over the picture of a
// scanned page, or over letters that are drawn as shapes: it is what they show.
// Text may also belong to a layer that is switched off, or be clipped away.
//
// A word is judged by its first character, and by what costs least, since each look at it is a call into PDFium: of a
// line the first word, the last, and one between, and all of them where one is not well. Colours and covers give a
// doubt only, which the page as it is painted decides; layers and clips do too.

const (
	onePoint   = 1.0 // the height of the highest characters of text that nobody can read
	maxTinyBox = 1.8 // the height of a line of such text
	nearWhite  = 225 // of 255: the least of a colour that could be that of the paper
	seeThrough = 12  // of 255: the opacity of text that is hardly painted
	fewestRead = 3   // words on a picture that OCR read: fewer are a number perhaps
)

// pdfWord is a word of a line, as it is drawn.
type pdfWord struct {
	line, begin, end int // where it stands in the page's lines
	first            int // PDFium's index of its first character
	box              rect
	ink              colour
	sight            sight
	covered          bool // reports whether something opaque was drawn over it
}

// rect is a part of a page, in points from its lower left corner.
type rect struct{ left, bottom, right, top float64 }

func (r rect) width() float64  { return r.right - r.left }
func (r rect) height() float64 { return r.top - r.bottom }
func (r rect) area() float64   { return max(r.width(), 0) * max(r.height(), 0) }

// holds reports whether the middle of another is within.
func (r rect) holds(o rect) bool {
	x, y := (o.left+o.right)/2, (o.bottom+o.top)/2
	return x > r.left && x < r.right && y > r.bottom && y < r.top
}

// spans reports whether a place along the line is within.
func (r rect) spans(x float64) bool { return x > r.left && x < r.right }

// meets reports whether the two have a part in common.
func (r rect) meets(o rect) bool {
	return r.left < o.right && o.left < r.right && r.bottom < o.top && o.bottom < r.top
}

// colour is of 0 to 255 each.
type colour struct{ r, g, b, a uint }

// isLike reports colours that no eye tells apart on one page.
func (c colour) isLike(o colour) bool {
	const same = 24
	near := func(a, b uint) bool { return max(a, b)-min(a, b) <= same }
	return near(c.r, o.r) && near(c.g, o.g) && near(c.b, o.b)
}

// dropHidden leaves out the words that nobody sees, and reports whether there were any.
func (t *pdfText) dropHidden(paper rect) (bool, error) {
	covers := t.covers(paper)
	t.findLayeredForms()
	found, count := t.unlikely(paper, covers)
	if n := len(found[isUnpainted]); n > 0 && n < count && t.dropCopies() {
		found, _ = t.unlikely(paper, covers)
	}
	hidden, unpainted, doubtful := found[isHidden], found[isUnpainted], found[isDoubtful]
	if len(unpainted) > 0 {
		apart := t.notOnPictures(unpainted, paper)
		t.transcribed = len(unpainted)-len(apart) >= fewestRead
		doubtful = append(doubtful, apart...)
	}
	if len(doubtful) > 0 {
		unseen, err := t.unseen(doubtful)
		if err != nil {
			return false, err
		}
		hidden = append(hidden, unseen...)
	}
	t.drop(hidden)
	return len(hidden) > 0, nil
}

// unlikely returns the words that may not be seen, by what speaks against it, and how many words the page has.
func (t *pdfText) unlikely(paper rect, covers []cover) (found map[sight][]pdfWord, count int) {
	found = map[sight][]pdfWord{}
	for i := range t.lines {
		for _, w := range t.suspects(i, paper, covers) {
			found[w.sight] = append(found[w.sight], w)
		}
		count += len(t.divided)
	}
	return found, count
}

// suspects judges the words of a line, and are those that may not be seen.
func (t *pdfText) suspects(line int, paper rect, covers []cover) []pdfWord {
	words := t.words(line)
	well := true
	for _, i := range []int{0, len(words) / 2, len(words) - 1} {
		if i < 0 || i >= len(words) || !well {
			break
		}
		t.judge(&words[i], paper, covers)
		well = words[i].sight == isSeen
	}
	if well {
		return nil
	}
	for i := range words {
		t.judge(&words[i], paper, covers)
	}
	var found []pdfWord
	for _, w := range words {
		if w.sight != isSeen {
			found = append(found, w)
		}
	}
	return found
}

// words divides a line, until the next one is divided.
func (t *pdfText) words(line int) []pdfWord {
	words := t.divided[:0]
	begin := -1
	chars := t.lines[line].chars
	for i, r := range chars {
		switch isBlank := unicode.IsSpace(r); {
		case !isBlank && begin < 0:
			begin = i
		case isBlank && begin >= 0:
			words, begin = append(words, pdfWord{line: line, begin: begin, end: i}), -1
		}
	}
	if begin >= 0 {
		words = append(words, pdfWord{line: line, begin: begin, end: len(chars)})
	}
	t.divided = words
	return words
}

// sight is whether a word is seen.
type sight int

const (
	isSeen sight = iota
	isHidden
	isUnpainted
	isDoubtful
)

// judge finds out where a word stands and how it is painted. Of the characters that PDFium added it knows neither.
func (t *pdfText) judge(w *pdfWord, paper rect, covers []cover) {
	w.first, w.sight = t.place(t.lines[w.line], w.begin), isSeen
	box, ok := t.looseBox(w.first)
	if !ok {
		return
	}
	w.box = box
	switch {
	case !box.meets(paper), box.height() < maxTinyBox && t.isTiny(*w):
		w.sight = isHidden
	case !t.isPainted(w):
		w.sight = isUnpainted
	case t.mayBeLeftOut(w), w.isDoubtful(covers):
		w.sight = isDoubtful
	}
}

// isPainted reports whether a word's first character is painted at all, and sets its ink.
func (t *pdfText) isPainted(w *pdfWord) bool {
	if t.manner(w.first).unpainted {
		return false
	}
	fill, ok := t.direct.fill(charFillColour, t.text, w.first)
	if !ok { // it has a pattern
		fill = colour{a: 255}
	}
	w.ink = fill
	return w.ink.a > seeThrough
}

// isDoubtful reports whether a word may have the colour of what it stands on, or be covered.
func (w *pdfWord) isDoubtful(covers []cover) bool {
	for _, c := range covers { // the topmost first
		switch {
		case !c.box.holds(w.box):
		case c.isOver(w.box):
			w.covered = true
			return true
		case c.painted:
			return w.ink.isLike(c.paint)
		}
	}
	return min(w.ink.r, w.ink.g, w.ink.b) >= nearWhite
}

// looseBox returns the place of a character, as high as its font, once the text is upright. PDFium is asked once.
func (t *pdfText) looseBox(char int) (rect, bool) {
	if char >= len(t.boxes) {
		t.boxes = append(t.boxes, make([]charBox, max(char+1, t.count)-len(t.boxes))...)
	}
	b := &t.boxes[char]
	if !b.asked {
		b.asked = true
		b.rect, b.known = t.direct.looseBox(t.text, char)
	}
	return t.upright.place(b.rect), b.known
}

// charBox is the place of a character, once it was asked for.
type charBox struct {
	rect
	asked, known bool
}

// isTiny reports whether the letters and digits of a word are of one point. Their shapes tell: a font may have any size
// that its matrix makes up for, and some have no height of their own.
func (t *pdfText) isTiny(w pdfWord) bool {
	l, some := t.lines[w.line], false
	for i := w.begin; i < w.end; i++ {
		if !unicode.IsLetter(l.chars[i]) && !unicode.IsDigit(l.chars[i]) {
			continue
		}
		b, ok := t.direct.tightBox(t.text, t.place(l, i))
		if !ok || b.height() > onePoint || b.width() > onePoint {
			return false
		}
		some = true
	}
	return some
}

// drop takes words out of the lines.
func (t *pdfText) drop(words []pdfWord) {
	gone := map[int][]pdfWord{}
	for _, w := range words {
		gone[w.line] = append(gone[w.line], w)
	}
	for i, words := range gone {
		l := t.lines[i]
		hidden := make([]bool, len(l.chars))
		for _, w := range words {
			for j := w.begin; j < w.end; j++ {
				hidden[j] = true
			}
		}
		kept := rawLine{start: l.start, at: []int{}}
		for j := range l.chars {
			if !hidden[j] {
				kept.add(l, j, j+1)
			}
		}
		t.lines[i] = kept
	}
}
