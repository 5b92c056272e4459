package ingest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Readers finish documents in any order; what is told of them is always the same.
func TestLossesDoNotDependOnTheOrderOfDocuments(t *testing.T) {
	type done struct {
		document string
		warnings config.Warnings
	}
	warning := func(reason config.WarningReason) config.Warning { return config.Warning{Reason: reason, Count: 1} }
	var documents []done
	want := config.Losses{
		Reasons: map[config.Reason]int{config.Encrypted: 40}, Warned: 31,
		WarningReasons: map[config.WarningReason]int{config.EncodingGuessed: 30, config.HiddenText: 2, config.Truncated: 1},
	}
	for i := range 30 {
		d := done{fmt.Sprintf("docs/%02d.txt", i), config.Warnings{warning(config.EncodingGuessed)}}
		if i == 29 {
			d.warnings = append(d.warnings, warning(config.HiddenText))
		}
		if i < config.MaxExamples-2 {
			want.WarnedDocuments = append(want.WarnedDocuments, config.WarnedDocument{Document: d.document, Warnings: d.warnings})
		}
		documents = append(documents, d)
	}
	both := done{"docs/z.docx", config.Warnings{warning(config.HiddenText), warning(config.Truncated)}}
	documents = append(documents, both)
	// The only one with Truncated, and the first with HiddenText, are named although many others come before them.
	for _, d := range []done{documents[29], both} {
		want.WarnedDocuments = append(want.WarnedDocuments, config.WarnedDocument{Document: d.document, Warnings: d.warnings})
	}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 0))
		random.Shuffle(len(documents), func(i, j int) { documents[i], documents[j] = documents[j], documents[i] })
		l := newLosses()
		l.warn("docs/whole.md", nil)
		for _, d := range documents {
			l.warn(d.document, d.warnings)
		}
		for _, i := range random.Perm(40) {
			l.fail(config.FailedDocument{Document: fmt.Sprintf("docs/%02d.pdf", i), Reason: config.Encrypted})
		}
		if diff := cmp.Diff(want, l.sum()); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		if n := len(l.failures.list); n != config.MaxExamples || l.failures.list[9].Document != "docs/09.pdf" {
			t.Fatalf("%d failures, the last %+v", n, l.failures.list[n-1])
		}
	}
}
