package model

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// location is where a mark stands in a block. Its size is 0 if there is none.
type location struct{ start, size int }

// nesting counts the blocks that reasoning opens within itself: a model that repeats its own tags, or quotes
// what it thought before. The mark that closes such a block does not end the reasoning.
type nesting struct {
	depth  int
	surely bool     // reports whether some block is one, and not only spoken of or the outer one opened twice
	inner  location // is the last mark that closed one
}

// open counts a block that the reasoning opens behind the text before it, if it does not quote the mark.
// To count a mark that is only spoken of costs no more than time: what follows is held back until it is known
// how often the reasoning is closed.
func (n *nesting) open(text, mark []byte, context before, next neighbour) {
	if context.quotes() && next == quotation || bytes.HasSuffix(mark, []byte("/>")) {
		return
	}
	n.depth++
	n.surely = n.surely || len(bytes.TrimSpace(text)) > 0 && context.judge(opens, next) == meant
}

// close reports whether a mark closes such a block, and not the reasoning itself.
func (n *nesting) close(at location) bool {
	if n.depth == 0 {
		return false
	}
	n.depth, n.inner = n.depth-1, at
	return true
}

// endOfSame finds closing marks that are their opening marks with a sign of the end.
var endOfSame = regexp.MustCompile(`^(?:<|<\||\[|◁)(?:/|end_of_|END_)`)

// nests reports whether such blocks can stand within each other. Those of channels and of words follow each
// other, and are closed by what begins the answer.
func (s *span) nests() bool { return endOfSame.MatchString(s.close) && s.close != "</details>" }

// leaveAtEnd leaves a block that nothing has closed for sure when the answer has ended.
func (f *thinkFilter) leaveAtEnd(out *strings.Builder, stopped bool) {
	other, inner := f.otherEnd(), f.nested.inner
	switch {
	case f.doubtful.size > 0 && f.doubtful.start >= inner.start:
		f.closeAt(out, f.doubtful)
	case inner.size > 0 && (!stopped || !f.nested.surely): // fewer blocks were closed than opened
		f.closeAt(out, inner)
	case other.size > 0:
		f.closeAt(out, other)
	case !stopped && (f.text || f.asWord || f.words): // it speaks of the mark
		f.literal(out, f.opening)
		f.open = nil
	default: // the model ran out of tokens while it was thinking
		f.buf, f.open, f.cut = nil, nil, true
	}
}

// nextMark returns the next mark in buf that closes the block, or opens another of its kind within it. Its
// size is 0 if buf ends before or within it.
func (f *thinkFilter) nextMark() (at location, closing bool) {
	marks := []string{f.open.close, f.open.open}
	if !f.open.nests() {
		marks = marks[:1]
	}
	found, start, size := indexMark(f.buf[f.searched:], marks...)
	if start < 0 {
		return location{start: len(f.buf)}, false
	}
	return location{f.searched + start, size}, found == f.open.close
}

// otherEnd returns where a block ends with the tag of another model: some open their blocks with <think>,
// and close them with </thinking>. The size is 0 if it does not.
func (f *thinkFilter) otherEnd() (at location) {
	if !isTag(f.open.open) {
		return at
	}
	for i := range spans {
		if end := spans[i].close; !isTag(end) || end == f.open.close || slices.Contains(ambiguous, end) {
			continue
		}
		_, found, size := indexMark(f.buf, spans[i].close)
		if size == 0 || at.size > 0 && found > at.start {
			continue
		}
		if context := contextOf(f.buf[:found]); context.judge(closes, following(f.buf[found+size:], true)) == meant {
			at = location{found, size}
		}
	}
	return at
}
