package split

// piece is a part of the text between two separators, together with the first of them.
type piece struct {
	start  place
	length int // in the splitter's unit
}

// window holds the pieces, each adjoining the next, that the next chunk is made of: what the overlap left of
// the chunk before, then what was added since.
type window struct {
	pieces []piece
	length int   // of all pieces together, in the splitter's unit
	end    place // of the last piece
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
	for w.length > length {
		w.length -= w.pieces[n].length
		n++
	}
	w.pieces = append(w.pieces[:0], w.pieces[n:]...) // moves them down, so that the slice never outgrows a chunk
}
