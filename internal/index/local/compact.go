package local

// compactAt is how many deleted chunks are worth a compaction, if they are also a quarter of all.
const compactAt = 1024

// compact gives the living chunks new ordinals, without gaps, once the deleted ones are many.
func (r *ranking) compact() {
	if r.dead < compactAt || r.dead*4 < len(r.entries) {
		return
	}
	kept := make([]uint32, 0, r.chunks())
	moved := make([]uint32, len(r.entries)) // old ordinal to new
	for ordinal := range uint32(len(r.entries)) {
		if r.alive.has(ordinal) {
			moved[ordinal] = uint32(len(kept))
			kept = append(kept, ordinal)
		}
	}
	for a, ordinals := range r.values {
		if ordinals = r.move(ordinals, moved); len(ordinals) > 0 {
			r.values[a] = ordinals
		} else {
			delete(r.values, a)
		}
	}
	r.movePostings(kept, moved)
	r.vectors.keep(kept)
	for _, ordinals := range r.documents {
		r.move(ordinals, moved)
	}
	for i, ordinal := range kept {
		r.entries[i] = r.entries[ordinal]
		r.ordinals[r.entries[i].id] = uint32(i)
	}
	clear(r.entries[len(kept):]) // so that their strings can be freed
	r.entries = r.entries[:len(kept)]
	r.alive = newBitset(len(kept))
	for i := range kept {
		r.alive.set(uint32(i))
	}
	r.dead = 0
}

// move replaces ordinals in place by their new ones and drops those of deleted chunks.
func (r *ranking) move(ordinals, moved []uint32) []uint32 {
	kept := ordinals[:0]
	for _, ordinal := range ordinals {
		if r.alive.has(ordinal) {
			kept = append(kept, moved[ordinal])
		}
	}
	return kept
}

// movePostings is move for the postings; terms that no chunk has any more go.
func (r *ranking) movePostings(kept, moved []uint32) {
	p := &r.postings
	lists := make([][]posting, 0, len(p.lists))
	for term, i := range p.terms {
		list := p.lists[i][:0]
		for _, posting := range p.lists[i] {
			if ordinal := posting.ordinal(); r.alive.has(ordinal) {
				list = append(list, newPosting(moved[ordinal], int(posting&maxFrequency)))
			}
		}
		if len(list) == 0 {
			delete(p.terms, term)
			continue
		}
		p.terms[term] = int32(len(lists))
		lists = append(lists, list)
	}
	p.lists = lists
	for i, ordinal := range kept {
		p.lengths[i] = p.lengths[ordinal]
	}
	p.lengths = p.lengths[:len(kept)]
}
