package plan

import (
	"cmp"
	"slices"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// wanted is the generation that the spec wants, as it was pinned when it was first wanted.
func (s *State) wanted() desired.Record {
	record := desired.NewRecord(s.Pipeline)
	if pinned, ok := s.Records[record.Fingerprint()]; ok {
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

// complete reports whether a generation has been complete once. The status knows, or its run, or,
// after both were lost, the index itself.
func (s *State) complete(fingerprint string) bool {
	if s.remembered() == fingerprint {
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
