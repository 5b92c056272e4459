package split

// piece is a part of the text between two separators, together with the first of them.
type piece struct {
	start  place
	length int    // in the splitter's unit
	lead   string // what a chunk that begins with the piece begins with, as the rows at the end of a table do
	extra  int    // the length of lead
}

// window holds the pieces, each adjoining the next, that the next chunk is made of: what the overlap left of
// the chunk before, then what was added since.
type window struct {
	pieces []piece
	length int    // of all pieces together, in the splitter's unit
	end    place  // of the last piece
	lead   string // stands in front of the first piece, which is the end of a table; its length counts as that piece's
}

func (w *window) start() place { return w.pieces[0].start }

func (w *window) add(p piece, end place) {
	w.pieces = append(w.pieces, p)
	w.length += p.length
	w.end = end
}

// drop takes whole pieces from the start until at most length is left.
func (w *window) drop(length int) {
	n := 0
	for ; n < len(w.pieces) && (w.length > length || n > 0 && w.length+w.pieces[n].extra > length); n++ {
		w.length -= w.pieces[n].length
	}
	if n > 0 {
		w.lead = ""
	}
	w.pieces = append(w.pieces[:0], w.pieces[n:]...) // moves them down, so that the slice never outgrows a chunk
	if n > 0 && len(w.pieces) > 0 && w.pieces[0].lead != "" {
		first := &w.pieces[0]
		w.lead, w.length, first.length = first.lead, w.length+first.extra, first.length+first.extra
		first.lead, first.extra = "", 0
	}
}
