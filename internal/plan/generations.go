package plan

import (
	"cmp"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// wanted is the generation that the spec wants, as it was pinned when it was first wanted.
func (s *State) wanted() desired.Record {
	record := desired.NewRecord(s.Pipeline)
	if pinned, ok := s.Records[record.Fingerprint()]; ok && desired.Reported(s.Pipeline, record.Fingerprint()) {
		return pinned
	}
	return record
}

// live is the complete generation that questions are to be answered from: the wanted one, or else
// the one that the status remembers. Nil before the first is complete.
func (s *State) live() *desired.Record {
	wanted := s.wanted()
	if s.complete(wanted.Fingerprint()) {
		return &wanted
	}
	if record, ok := s.Records[s.remembered()]; ok {
		return &record
	}
	return nil
}

// remembered is the fingerprint of the generation that the status calls live.
func (s *State) remembered() string {
	if s.Pipeline.Status.Index == nil {
		return ""
	}
	return s.Pipeline.Status.Index.Generation
}

// complete reports whether a generation has been complete once and is up to date. The status knows,
// or its run, or, after both were lost, the index itself. One that is retained is up to date unless
// its last run has failed.
func (s *State) complete(fingerprint string) bool {
	if s.remembered() == fingerprint || s.waysBack()[fingerprint] {
		return true
	}
	for _, job := range s.jobs(naming.ComponentIngest) {
		if job.Labels[naming.LabelGeneration] == fingerprint && finished(job) == batchv1.JobComplete {
			return true
		}
	}
	for _, report := range s.Gateways {
		if report.Generation == fingerprint && !report.Index.LastSync.IsZero() {
			return true
		}
	}
	return false
}

// Retained is a generation that another one has replaced and that is kept for a way back.
type Retained struct {
	desired.Record
	// Replaced is when another one replaced it, Until when it is deleted.
	Replaced, Until time.Time
}

// maxRetained is how many generations are retained, those that were replaced last.
const maxRetained = 3

// retained are the generations that are kept for a way back, the one that was replaced last first:
// those that the status lists, and the one that the status calls live once another one is, until
// their time has passed. The wanted and the live one are not among them.
func (s *State) retained(live *desired.Record, now time.Time) (list []Retained) {
	index := s.Pipeline.Status.Index
	if live == nil || index == nil {
		return nil
	}
	replaced := map[string]time.Time{}
	for _, r := range index.Retained {
		replaced[r.Generation] = r.ReplacedTime.Time
	}
	if index.Generation != live.Fingerprint() {
		replaced[index.Generation] = now
	}
	delete(replaced, s.wanted().Fingerprint())
	delete(replaced, live.Fingerprint())
	for fingerprint, at := range replaced {
		record, known := s.Records[fingerprint]
		if until := at.Add(s.retain()); known && until.After(now) {
			list = append(list, Retained{Record: record, Replaced: at, Until: until})
		}
	}
	slices.SortFunc(list, func(a, b Retained) int {
		return cmp.Or(b.Replaced.Compare(a.Replaced), cmp.Compare(a.Fingerprint(), b.Fingerprint()))
	})
	return list[:min(len(list), maxRetained)]
}

// retain is how long a generation is kept once another one has replaced it.
func (s *State) retain() time.Duration {
	return ptr.Deref(s.Pipeline.Spec.Index.Retain, metav1.Duration{}).Duration
}

// waysBack are the retained generations, by fingerprint, and whether each is up to date.
func (s *State) waysBack() map[string]bool {
	ways := map[string]bool{}
	if s.Pipeline.Status.Index == nil {
		return ways
	}
	for _, r := range s.Pipeline.Status.Index.Retained {
		_, known := s.Records[r.Generation]
		ways[r.Generation] = known && r.Problem == ""
	}
	return ways
}

// draining are the generations other than the wanted and the live one that a pod is pinned to.
func (s *State) draining(live *desired.Record) (records []desired.Record) {
	pinned := map[string]bool{}
	components := []string{naming.ComponentGateway}
	for _, kind := range kinds {
		components = append(components, kind.Component)
	}
	for _, component := range components {
		for _, pod := range s.podsOf(component) {
			pinned[pod.Labels[naming.LabelGeneration]] = true
		}
	}
	delete(pinned, s.wanted().Fingerprint())
	if live != nil {
		delete(pinned, live.Fingerprint())
	}
	for fingerprint, record := range s.Records {
		if pinned[fingerprint] {
			records = append(records, record)
		}
	}
	slices.SortFunc(records, func(a, b desired.Record) int { return cmp.Compare(a.Fingerprint(), b.Fingerprint()) })
	return records
}
