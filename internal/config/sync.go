package config

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

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
	return limit.Exceeded(gone, documents) && (!limit.Percent || gone > alwaysPruned)
}

// Synced is what the last runs found in the sources, and what they did about it.
type Synced struct {
	// Sources are by name.
	Sources []SourceSync `json:"sources,omitempty"`
	Removed Removed      `json:"removed,omitzero"`
}

// Add adds what another worker of the same run found. A source that one of them could not list completely was not
// listed completely.
func (s *Synced) Add(other Synced) {
	s.Sources = slices.Clone(s.Sources)
	for _, o := range other.Sources {
		i, found := slices.BinarySearchFunc(s.Sources, o.Name, func(s SourceSync, name string) int {
			return strings.Compare(s.Name, name)
		})
		if !found {
			s.Sources = slices.Insert(s.Sources, i, o)
			continue
		}
		s.Sources[i].add(o)
	}
	s.Removed.Documents += other.Removed.Documents
	if other.Removed.VerifiedAt.After(s.Removed.VerifiedAt) {
		s.Removed.VerifiedAt = other.Removed.VerifiedAt
	}
}

// Removed is the last proof that documents which a run removed are gone.
type Removed struct {
	Documents int `json:"documents"`
	// VerifiedAt is when the store, asked for each of the documents, had nothing of any.
	VerifiedAt time.Time `json:"verifiedAt"`
}

// SourceSync is what a run found in one source, and what it did about it.
type SourceSync struct {
	Name string `json:"name"`
	// Documents is how many of the source's documents the index holds after the run.
	Documents int `json:"documents,omitempty"`

	// Scanned counts the documents that the source listed. It is the sum of the next four.
	Scanned   int `json:"scanned,omitempty"`
	Added     int `json:"added,omitempty"`
	Changed   int `json:"changed,omitempty"`
	Unchanged int `json:"unchanged,omitempty"`
	Failed    int `json:"failed,omitempty"`
	// Skipped counts those of the failed ones that were not read, because they are parked.
	Skipped int `json:"skipped,omitempty"`
	// Warned counts the documents that are indexed with warnings.
	Warned int `json:"warned,omitempty"`

	// Removed, Kept and HeldBack count the documents that vanished from the source: those that went, those that stay
	// as the config wants, and those that stay because they are too many.
	Removed  int `json:"removed,omitempty"`
	Kept     int `json:"kept,omitempty"`
	HeldBack int `json:"heldBack,omitempty"`

	// Strays counts the sidecars of which the source listed no document.
	Strays int `json:"strays,omitempty"`

	// LastSuccess is the end of the last run that could list the source completely.
	LastSuccess time.Time `json:"lastSuccess,omitzero"`
	// Error is why the last run could not; empty if it could.
	Error string `json:"error,omitempty"`
	// Revision names the state of the source that the ledger has: while it stays the same, the source need not be
	// listed. It is empty where the source has no such names, and where the ledger has documents of other states.
	Revision string `json:"revision,omitempty"`
}

func (s *SourceSync) add(other SourceSync) {
	s.Documents += other.Documents
	s.Scanned += other.Scanned
	s.Added += other.Added
	s.Changed += other.Changed
	s.Unchanged += other.Unchanged
	s.Failed += other.Failed
	s.Skipped += other.Skipped
	s.Warned += other.Warned
	s.Removed += other.Removed
	s.Kept += other.Kept
	s.HeldBack += other.HeldBack
	s.Strays = max(s.Strays, other.Strays) // each worker lists all
	s.Error = cmp.Or(s.Error, other.Error)
	if s.Revision != other.Revision {
		s.Revision = ""
	}
	if other.LastSuccess.Before(s.LastSuccess) {
		s.LastSuccess = other.LastSuccess
	}
}

// Troubled reports whether the source could not be listed, or has removals that are held back.
func (s SourceSync) Troubled() bool { return s.Error != "" || s.HeldBack > 0 }
