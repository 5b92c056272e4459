package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Losses counts what an index lacks of the documents that a run has listed: the documents that failed, and those that
// were read only in part. Its size does not grow with the number of documents.
type Losses struct {
	// Reasons counts the failed documents by reason.
	Reasons map[Reason]int `json:"reasons,omitempty"`
	// Warned counts the documents that are indexed with warnings, WarningReasons those with each reason. A document may
	// have several.
	Warned         int                   `json:"documentsWithWarnings,omitempty"`
	WarningReasons map[WarningReason]int `json:"warningReasons,omitempty"`
	// WarnedDocuments are at most MaxExamples of the documents with warnings, by document: the first with each reason,
	// and then the first of all.
	WarnedDocuments []WarnedDocument `json:"warnedDocuments,omitempty"`
}

// MaxExamples is how many documents a report names for a kind of loss. The ledger has all of them.
const MaxExamples = 10

// WarnedDocument is a document that is indexed with warnings.
type WarnedDocument struct {
	Document string   `json:"document"`
	Warnings Warnings `json:"warnings"`
}

// ReasonCount is how many documents have a reason.
type ReasonCount struct {
	Reason    string
	Documents int
}

// ByCount returns the counts by reason, the most frequent reason first, and equally frequent ones by name.
func ByCount[R ~string](counts map[R]int) []ReasonCount {
	list := make([]ReasonCount, 0, len(counts))
	for reason, n := range counts {
		list = append(list, ReasonCount{string(reason), n})
	}
	slices.SortFunc(list, func(a, b ReasonCount) int {
		return cmp.Or(-cmp.Compare(a.Documents, b.Documents), cmp.Compare(a.Reason, b.Reason))
	})
	return list
}

// Counts is ByCount for people, as "NoTextLayer (13), Encrypted (1)".
func Counts[R ~string](counts map[R]int) string {
	parts := make([]string, 0, len(counts))
	for _, c := range ByCount(counts) {
		parts = append(parts, fmt.Sprintf("%s (%d)", c.Reason, c.Documents))
	}
	return strings.Join(parts, ", ")
}

// Add adds the losses of other documents.
func (l *Losses) Add(other Losses) {
	l.Reasons = addCounts(l.Reasons, other.Reasons)
	l.WarningReasons = addCounts(l.WarningReasons, other.WarningReasons)
	l.Warned += other.Warned
	l.WarnedDocuments = firstByName(append(slices.Clip(l.WarnedDocuments), other.WarnedDocuments...),
		func(d WarnedDocument) string { return d.Document })
}

func addCounts[R ~string](a, b map[R]int) map[R]int {
	if len(b) == 0 {
		return a
	}
	sum := maps.Clone(a)
	if sum == nil {
		sum = make(map[R]int, len(b))
	}
	for reason, n := range b {
		sum[reason] += n
	}
	return sum
}

// FirstFailures returns the first MaxExamples of the failed documents, by document.
func FirstFailures(list []FailedDocument) []FailedDocument {
	return firstByName(list, func(f FailedDocument) string { return f.Document })
}

func firstByName[D any](list []D, name func(D) string) []D {
	slices.SortStableFunc(list, func(a, b D) int { return cmp.Compare(name(a), name(b)) })
	return list[:min(len(list), MaxExamples)]
}

// Clone returns losses that share nothing with l that counting more of them would change.
func (l Losses) Clone() Losses {
	l.Reasons, l.WarningReasons = maps.Clone(l.Reasons), maps.Clone(l.WarningReasons)
	l.WarnedDocuments = slices.Clone(l.WarnedDocuments)
	return l
}
