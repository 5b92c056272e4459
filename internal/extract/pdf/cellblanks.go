package pdf

// Browsers set the cells of a table without a style 3 points apart, as far as two words. They draw the blanks between
// words, but none between cells: PDFium adds those.

const (
	longestRow = 90 // characters of a line that may be a row of such a table
	enoughOwn  = 20 // blanks of a page that its program drew, at least, of one that draws them all
)

// beginsCell reports whether the program drew a word apart from the one before it.
func (t *pdfText) beginsCell(l rawLine, w wordSpan) bool {
	return w.begin > 0 && len(l.chars) <= longestRow && t.drawsBlanks() &&
		t.direct.isAdded(t.text, t.place(l, w.begin-1))
}

// drawsBlanks reports whether the page's program draws the blanks between words: those of its long lines tell.
func (t *pdfText) drawsBlanks() bool {
	if t.blanks != unknownBlanks {
		return t.blanks == ownBlanks
	}
	const long, most = 40, 60 // characters of a line; blanks that are looked at
	own, added := 0, 0
	for _, l := range t.lines {
		if len(l.chars) < long {
			continue
		}
		lineOwn, lineAdded := t.countBlanks(l)
		own, added = own+lineOwn, added+lineAdded
		if own+added >= most {
			break
		}
	}
	t.blanks = addedBlanks
	if own >= enoughOwn && own > 2*added {
		t.blanks = ownBlanks
	}
	return t.blanks == ownBlanks
}

// blanksOf tells whose the blanks between the words of a page are.
type blanksOf int

const (
	unknownBlanks blanksOf = iota
	ownBlanks
	addedBlanks
)

// isNarrow reports whether most rows have cells as near to each other as words are, which findTables does not divide.
func (a *aligned) isNarrow() bool {
	narrow, wide := 0, 0
	for i := 1; i < len(a.pieces); i++ {
		before, p := a.pieces[i-1], a.pieces[i]
		switch gap := p.left - before.right; {
		case before.line != p.line:
		case gap < nameGap*p.height():
			narrow++
		case gap > 2*cellGap*p.height():
			wide++
		}
	}
	return narrow > 0 && wide <= narrow
}
