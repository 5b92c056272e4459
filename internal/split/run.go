package split

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// separators are tried in this order; where none occurs, text is cut between code points.
var separators = [...]string{"\n\n", "\n", " "}

// run is the splitting of one text.
type run struct {
	*Splitter
	ctx    context.Context //nolint:containedctx // it lives as long as one splitting
	most   int             // chunks
	looks  int             // counts those at ctx that are due
	text   string
	window window
	chunks []Chunk
}

// ended reports whether the rest of the text need not be cut: there are too many chunks, or nobody waits for them.
func (r *run) ended() bool {
	const every = 256 // pieces, which are much cheaper than a look at ctx
	r.looks++
	return r.full() || r.looks%every == 0 && r.ctx.Err() != nil
}

func (r *run) full() bool { return len(r.chunks) > r.most }

// split cuts the text. Its tables, in order and apart from each other, are cut by rules of their own.
func (r *run) split(tables []Table) {
	at := place{}
	for _, t := range tables {
		if len(t.Rows) == 0 || t.Start < at.runes || t.End <= t.Start {
			continue
		}
		start := r.advance(at, t.Start)
		end := r.advance(start, t.End)
		r.pieces(at, r.text[at.bytes:start.bytes], 0)
		r.table(t, start, end)
		at = end
	}
	r.pieces(at, r.text[at.bytes:], 0)
	r.flush()
}

// pieces cuts text, which begins at start, at the first separator from level on that occurs in it, and merges what
// is shorter than the size.
func (r *run) pieces(start place, text string, level int) {
	for level < len(separators) && !strings.Contains(text, separators[level]) {
		level++
	}
	for len(text) > 0 && !r.ended() {
		first := text[:pieceLength(text, level)]
		text = text[len(first):]
		runes := codePoints(first)
		end := start.plus(len(first), runes)
		switch p := (piece{start: start, length: r.length(first, runes)}); {
		case p.length < r.size:
			r.merge(p, end)
		case level < len(separators):
			r.flush()
			r.pieces(start, first, level+1)
			r.flush()
		default:
			r.flush()
			r.emit(start, end)
		}
		start = end
	}
}

// pieceLength returns how many bytes of text stand before the next separator of this level, the one that text
// may begin with aside.
func pieceLength(text string, level int) int {
	if level == len(separators) {
		return firstCodePoint(text)
	}
	separator, from := separators[level], 0
	if strings.HasPrefix(text, separator) {
		from = len(separator)
	}
	if i := strings.Index(text[from:], separator); i >= 0 {
		return from + i
	}
	return len(text)
}

// length is a piece's length in the splitter's unit; from the size on it need not be exact.
func (r *run) length(text string, runes int) int {
	if r.tokens == nil {
		return runes
	}
	return r.tokens.countTo(r.size, text)
}

// merge adds a piece that ends at end to the window. If it does not fit, what is there becomes a chunk first,
// and only the overlap stays, or as much of it as leaves room for the piece.
func (r *run) merge(p piece, end place) {
	if r.window.length+p.length > r.size {
		r.emitWindow()
		r.window.drop(min(r.overlap, r.size-p.length))
	}
	r.window.add(p, end)
}

// flush makes a chunk of what the window holds, and empties it.
func (r *run) flush() {
	if r.window.length > 0 {
		r.emitWindow()
		r.window.drop(0)
	}
}

// emitWindow makes a chunk of what the window holds.
func (r *run) emitWindow() {
	if r.window.lead == "" {
		r.emitStripped(r.window.start(), r.window.end)
		return
	}
	t := table{run: r}
	t.emit(r.window.lead, r.window.start(), r.window.end)
}

// emitStripped makes a chunk of a range of the text without the white space around it, if anything is left.
func (r *run) emitStripped(from, to place) {
	if from, to = strip(r.text, from, to); from != to {
		r.emit(from, to)
	}
}

// emit makes a chunk of a range of the text. In tokens it can come out larger than its pieces together, as a
// word may take one token more without the space before it. Then it becomes two.
func (r *run) emit(from, to place) {
	chunk := Chunk{Text: r.text[from.bytes:to.bytes], Start: from.runes, End: to.runes}
	if r.tooLarge(chunk) {
		middle := from.plus(half(chunk.Text))
		r.emitStripped(from, middle)
		r.emitStripped(middle, to)
		return
	}
	r.chunks = append(r.chunks, chunk)
}

// tooLarge reports whether c is larger than the size. In characters none is, and a single code point cannot be cut.
func (r *run) tooLarge(c Chunk) bool {
	return r.tokens != nil && c.End-c.Start > 1 && r.tokens.count(c.Text) > r.size
}

// half returns the bytes and the code points of text before the last white space in its first half, or of
// that half when there is none.
func half(text string) (bytes, runes int) {
	runes = codePoints(text) / 2
	for range runes {
		bytes += firstCodePoint(text[bytes:])
	}
	if space := strings.LastIndexFunc(text[:bytes], isSpace); space > 0 {
		return space, codePoints(text[:space])
	}
	return bytes, runes
}

// outermost sorts chunks and drops those that lie within another: the second half of a chunk that became two can
// be part of the overlap that the next one begins with.
func outermost(chunks []Chunk) []Chunk {
	slices.SortStableFunc(chunks, func(a, b Chunk) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
	})
	end := 0
	return slices.DeleteFunc(chunks, func(c Chunk) bool {
		within := c.End <= end
		end = max(end, c.End)
		return within
	})
}
