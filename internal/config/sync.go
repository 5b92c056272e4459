package config

import "strconv"

// Share is a number of documents, or a per cent of some documents.
type Share struct {
	Number  int  `json:"number"`
	Percent bool `json:"percent,omitempty"` // reports whether Number is a per cent
}

// Exceeded reports whether n of all documents are more than the share. A per cent is not rounded. A
// nil share is never exceeded.
func (s *Share) Exceeded(n, all int) bool {
	switch {
	case s == nil:
		return false
	case s.Percent:
		return n*100 > s.Number*all
	}
	return n > s.Number
}

// String is the value as a user writes it.
func (s *Share) String() string {
	if s.Percent {
		return strconv.Itoa(s.Number) + "%"
	}
	return strconv.Itoa(s.Number)
}

// Prune is what a run may remove of the documents that vanished from their sources.
type Prune struct {
	// Off reports whether the run keeps every document that vanished.
	Off bool `json:"off,omitempty"`
	// Max is how many of a source's documents the run may remove; nil means DefaultMaxPrune.
	Max *Share `json:"max,omitempty"`
}

// DefaultMaxPrune is how many of a source's documents a run may remove by default.
var DefaultMaxPrune = Share{Number: 50, Percent: true}

// alwaysPruned is how many documents of a source a run may remove whatever per cent they are: a small
// source changes as a whole more often than a large one is emptied by mistake.
const alwaysPruned = 10

// Limit is Max, or its default.
func (p Prune) Limit() *Share {
	if p.Max == nil {
		return &DefaultMaxPrune
	}
	return p.Max
}

// HoldsBack reports whether gone of the documents that an index has of a source are more than a run
// may remove.
func (p Prune) HoldsBack(gone, documents int) bool {
	limit := p.Limit()
	return limit.Exceeded(gone, documents) && !(limit.Percent && gone <= alwaysPruned)
}
