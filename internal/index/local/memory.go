package local

import "unsafe"

// bytes estimates what the ranking holds: slices by their capacity, maps by their entries.
func (r *ranking) bytes() int64 {
	const (
		stringHeader = int64(unsafe.Sizeof(""))
		sliceHeader  = int64(unsafe.Sizeof([]byte(nil)))
		mapEntry     = 2 // a map has room for about twice its entries
		ordinal      = 4
	)
	total := int64(cap(r.entries))*int64(unsafe.Sizeof(entry{})) + int64(cap(r.alive))*8
	for _, e := range r.entries {
		total += int64(len(e.id))
	}
	total += int64(len(r.ordinals)) * mapEntry * (stringHeader + ordinal)
	for document, ordinals := range r.documents {
		total += int64(len(document)) + mapEntry*(stringHeader+sliceHeader) + int64(cap(ordinals))*ordinal
	}
	for a, ordinals := range r.values {
		total += int64(len(a.key)+len(a.value)) + mapEntry*(2*stringHeader+sliceHeader) + int64(cap(ordinals))*ordinal
	}
	return total + r.postings.bytes() + r.vectors.bytes()
}

func (p *postings) bytes() int64 {
	total := int64(cap(p.lengths)) * 4
	for term := range p.terms {
		total += int64(len(term)) + 2*(int64(unsafe.Sizeof(""))+4)
	}
	for _, list := range p.lists {
		total += int64(unsafe.Sizeof(list)) + int64(cap(list))*int64(unsafe.Sizeof(posting(0)))
	}
	return total
}

func (m *matrix) bytes() int64 {
	total := int64(0)
	for _, block := range m.blocks {
		total += int64(cap(block.rows)+cap(block.coarse.step)+cap(block.coarse.lost))*4 + int64(cap(block.coarse.steps))
	}
	return total
}
