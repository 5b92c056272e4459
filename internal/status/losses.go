package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Bounds of the lists, as the CRD has them.
const (
	maxReasons  = 32
	maxExamples = config.MaxExamples
	maxPlaces   = 3
)

// takeLosses fills in what the index lacks of the documents, as a gateway reports it, or a run.
func takeLosses(s *v1alpha1.IndexStatus, l config.Losses) {
	s.FailureReasons, s.WarningReasons = reasonCounts(l.Reasons), reasonCounts(l.WarningReasons)
	s.DocumentsWithWarnings = natural(l.Warned)
	s.Warnings = examples(l.WarnedDocuments)
}

func reasonCounts[R ~string](counts map[R]int) []v1alpha1.ReasonCount {
	tidy := map[string]int{} // a report comes from elsewhere
	for reason, n := range counts {
		tidy[cut(clean(string(reason)), 64)] += n
	}
	var list []v1alpha1.ReasonCount
	for _, c := range config.ByCount(tidy) {
		if c.Documents > 0 && len(list) < maxReasons {
			list = append(list, v1alpha1.ReasonCount{Reason: c.Reason, Documents: natural(c.Documents)})
		}
	}
	return list
}

// examples are at most ten of the warnings, by document and reason, each once: the first with each
// reason, and then the first of all.
func examples(list []config.WarnedDocument) []v1alpha1.DocumentWarning {
	var all []v1alpha1.DocumentWarning
	for _, d := range list {
		for _, w := range d.Warnings {
			all = append(all, example(d.Document, w))
		}
	}
	slices.SortFunc(all, byDocument)
	all = slices.CompactFunc(all, func(a, b v1alpha1.DocumentWarning) bool { return byDocument(a, b) == 0 })
	shown := map[string]bool{}
	var firsts, others []v1alpha1.DocumentWarning
	for _, w := range all {
		if shown[w.Reason] {
			others = append(others, w)
		} else {
			firsts, shown[w.Reason] = append(firsts, w), true
		}
	}
	chosen := append(firsts, others...)
	chosen = chosen[:min(len(chosen), maxExamples)]
	slices.SortFunc(chosen, byDocument)
	return chosen
}

func example(document string, w config.Warning) v1alpha1.DocumentWarning {
	out := v1alpha1.DocumentWarning{
		Document: cut(clean(document), 1024),
		Reason:   cut(clean(string(w.Reason)), 64),
		Count:    natural(w.Count),
	}
	for _, place := range w.Places[:min(len(w.Places), maxPlaces)] {
		out.Places = append(out.Places, cut(clean(place), 128))
	}
	return out
}

func byDocument(a, b v1alpha1.DocumentWarning) int {
	return cmp.Or(cmp.Compare(a.Document, b.Document), cmp.Compare(a.Reason, b.Reason))
}

// shortfall tells a user that documents are missing from the answers, in whole or in part; it is
// empty if none is.
func shortfall(s *v1alpha1.IndexStatus) string {
	switch {
	case s == nil || s.DocumentsWithWarnings == 0 && s.FailedDocuments == 0:
		return ""
	case s.DocumentsWithWarnings == 0:
		return count(s.FailedDocuments, "document") + " could not be indexed"
	case s.FailedDocuments == 0:
		return partlyRead(s)
	}
	return fmt.Sprintf("%s, and %d could not be indexed", partlyRead(s), s.FailedDocuments)
}

func partlyRead(s *v1alpha1.IndexStatus) string {
	if s.DocumentsWithWarnings == 1 {
		return "1 document was only partly read"
	}
	return fmt.Sprintf("%d documents were only partly read", s.DocumentsWithWarnings)
}

// because is ": " and the reasons with their counts; empty if there are none.
func because(reasons []v1alpha1.ReasonCount) string {
	parts := make([]string, 0, len(reasons))
	for _, r := range reasons {
		parts = append(parts, fmt.Sprintf("%s (%d)", r.Reason, r.Documents))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// partlyReadEvent is the event that documents were read only in part; false unless there are, and
// others than before.
func partlyReadEvent(before, now *v1alpha1.IndexStatus) (Event, bool) {
	same := before.DocumentsWithWarnings == now.DocumentsWithWarnings &&
		slices.Equal(before.WarningReasons, now.WarningReasons)
	if same || now.DocumentsWithWarnings == 0 {
		return Event{}, false
	}
	message := partlyRead(now) + because(now.WarningReasons)
	if len(now.Warnings) > 0 {
		const few = 3
		var named []string
		for _, w := range now.Warnings[:min(len(now.Warnings), few)] {
			why := append([]string{w.Reason}, w.Places...)
			named = append(named, fmt.Sprintf("%s (%s)", cut(w.Document, 128), strings.Join(why, ", ")))
		}
		message += "; for example " + strings.Join(named, ", ")
	}
	message += "; status.index.warnings has examples, the gateway's /v1/documents?warnings=true all of them"
	return Event{corev1.EventTypeWarning, EventPartlyRead, "Ingest", cut(message, maxMessage)}, true
}
