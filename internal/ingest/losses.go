package ingest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// losses counts what the index lacks, in whatever order the documents are done.
type losses struct {
	counts config.Losses
	// failures and warned are the first of the documents that failed, and of those with warnings, by document.
	failures first[config.FailedDocument]
	warned   first[config.WarnedDocument]
	// withReason has the first document with each reason.
	withReason map[config.WarningReason]config.WarnedDocument
}

func newLosses() losses {
	return losses{
		failures:   first[config.FailedDocument]{name: func(f config.FailedDocument) string { return f.Document }},
		warned:     first[config.WarnedDocument]{name: func(d config.WarnedDocument) string { return d.Document }},
		withReason: map[config.WarningReason]config.WarnedDocument{},
	}
}

// fail counts a failed document.
func (l *losses) fail(f config.FailedDocument) {
	if l.counts.Reasons == nil {
		l.counts.Reasons = map[config.Reason]int{}
	}
	l.counts.Reasons[f.Reason]++
	l.failures.add(f)
}

// warn counts a document that is indexed, if it has warnings.
func (l *losses) warn(document string, warnings config.Warnings) {
	if len(warnings) == 0 {
		return
	}
	d := config.WarnedDocument{Document: document, Warnings: warnings}
	if l.counts.WarningReasons == nil {
		l.counts.WarningReasons = map[config.WarningReason]int{}
	}
	l.counts.Warned++
	l.warned.add(d)
	for _, w := range warnings {
		l.counts.WarningReasons[w.Reason]++
		if before, found := l.withReason[w.Reason]; !found || document < before.Document {
			l.withReason[w.Reason] = d
		}
	}
}

// sum is what was counted so far, with documents whose metadata is at odds with that of others.
func (l *losses) sum(conflicts ...conflict) config.Losses {
	sum := l.counts.Clone()
	examples := map[string]config.WarnedDocument{}
	for i, d := range inConflict(conflicts, &sum) {
		if i == 0 || i < config.MaxExamples-len(l.withReason) {
			examples[d.Document] = d
		}
	}
	for _, d := range l.withReason {
		if _, found := examples[d.Document]; !found {
			examples[d.Document] = d
		}
	}
	for _, d := range l.warned.list {
		if len(examples) < config.MaxExamples {
			examples[d.Document] = d
		}
	}
	sum.WarnedDocuments = slices.SortedFunc(maps.Values(examples), func(a, b config.WarnedDocument) int {
		return cmp.Compare(a.Document, b.Document)
	})
	return sum
}

// first keeps the first config.MaxExamples of the documents that are added, by name.
type first[D any] struct {
	name func(D) string
	list []D
}

func (f *first[D]) add(d D) {
	at, _ := slices.BinarySearchFunc(f.list, f.name(d), func(other D, name string) int {
		return cmp.Compare(f.name(other), name)
	})
	if at < config.MaxExamples {
		f.list = slices.Insert(f.list, at, d)
		f.list = f.list[:min(len(f.list), config.MaxExamples)]
	}
}
