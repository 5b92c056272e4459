package status

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
)

// indexStatus is the state of the index: the contents of the live generation, and the run in
// progress. It keeps the last known values of what cannot be read now.
func (v *view) indexStatus() *v1alpha1.IndexStatus {
	var s v1alpha1.IndexStatus
	if before := v.p.Status.Index; before != nil {
		s = *before.DeepCopy()
	}
	before := s.Building
	s.Building = v.building(before)
	s.Generation = cut(v.Live, 64)
	s.Retained = v.retained()
	still := before != nil && s.Building == before && v.p.Status.Index.Generation == s.Generation
	switch report := v.liveReport(); {
	case still && s.LastSyncTime != nil:
		// During a run, the figures change only together with its progress.
	case report != nil:
		v.takeReport(&s, report)
	case v.summarised() && (s.LastSyncTime == nil || v.p.Status.Index.Generation != s.Generation):
		v.takeSummary(&s)
	}
	if s.Generation == "" && s.Building == nil {
		return nil
	}
	return &s
}

// liveReport is the newest of the reports on the live generation whose index could be read or has
// been lost.
func (v *view) liveReport() *config.IndexStatus {
	var newest *config.IndexStatus
	for i := range v.Gateways {
		r := &v.Gateways[i]
		state, reported := r.Stages[config.StageIndex]
		if v.Live == "" || r.Generation != v.Live || !reported || !state.OK && state.Reason != config.IndexNotBuilt {
			continue
		}
		if state.OK && r.Index.LastSync.IsZero() {
			continue // a live generation has been complete once, so the gateway could not count it in time
		}
		if newest == nil || newer(&r.Index, newest) > 0 {
			newest = &r.Index
		}
	}
	return newest
}

func newer(a, b *config.IndexStatus) int {
	return cmp.Or(
		a.LastSync.Compare(b.LastSync),
		cmp.Compare(a.Documents, b.Documents),
		cmp.Compare(a.Chunks, b.Chunks),
		cmp.Compare(a.FailedDocuments, b.FailedDocuments))
}

func (v *view) takeReport(s *v1alpha1.IndexStatus, r *config.IndexStatus) {
	s.Documents, s.Chunks, s.FailedDocuments = natural(r.Documents), natural(r.Chunks), natural(r.FailedDocuments)
	s.Failures = failures(r.Failures)
	takeLosses(s, r.Losses)
	takeRemoved(s, r.Synced)
	s.EmbeddingModel = cut(r.EmbeddingModel, 256)
	s.Dimensions = int32(min(natural(r.Dimensions), 1<<20))
	s.ChunksPerSecond, s.ChunkCounts = rate(r.ChunksPerSecond), nil
	for _, c := range r.ChunkCounts[:min(len(r.ChunkCounts), 16)] {
		counted := v1alpha1.ChunkCount{Size: natural(c.Size)}
		for _, n := range c.Chunks[:min(len(c.Chunks), 8)] {
			counted.Chunks = append(counted.Chunks, natural(n))
		}
		s.ChunkCounts = append(s.ChunkCounts, counted)
	}
	if !r.LastSync.IsZero() {
		s.LastSyncTime = stamp(r.LastSync)
	}
}

// summarised reports whether the run that built or updated the live generation has left a summary.
func (v *view) summarised() bool {
	r := v.Run
	return v.Live != "" && r != nil && r.State == RunSucceeded && r.Generation == v.Live && r.Summary != nil
}

// takeSummary fills the gap between the end of a run and the first report of a gateway that uses
// its index.
func (v *view) takeSummary(s *v1alpha1.IndexStatus) {
	r := v.Run.Summary
	if before := v.p.Status.Index; before == nil || before.Generation != s.Generation {
		s.EmbeddingModel, s.Dimensions = "", 0
	}
	if s.EmbeddingModel == "" && v.Live == v.Wanted {
		s.EmbeddingModel = cut(derive.Generation(v.p).Embedding.Model, 256)
	}
	s.Documents, s.Chunks, s.FailedDocuments = natural(r.Indexed), natural(r.Chunks), natural(r.Failed)
	s.Failures = failures(r.Failures)
	takeLosses(s, r.Losses)
	takeRemoved(s, r.Synced)
	if !v.Run.Finished.IsZero() {
		s.LastSyncTime = stamp(v.Run.Finished)
	}
}

// failures are the first ten failed documents, by document, each once.
func failures(list []config.FailedDocument) []v1alpha1.DocumentFailure {
	var out []v1alpha1.DocumentFailure
	for _, f := range list {
		out = append(out, v1alpha1.DocumentFailure{
			Document: cut(clean(f.Document), 1024),
			Reason:   cut(clean(string(f.Reason)), 64),
			Message:  cut(clean(f.Message), 1024),
			Parked:   f.Parked,
		})
	}
	slices.SortFunc(out, func(a, b v1alpha1.DocumentFailure) int {
		return cmp.Or(
			cmp.Compare(a.Document, b.Document),
			cmp.Compare(a.Reason, b.Reason),
			cmp.Compare(a.Message, b.Message))
	})
	out = slices.CompactFunc(out, func(a, b v1alpha1.DocumentFailure) bool { return a.Document == b.Document })
	return out[:min(len(out), 10)]
}

// building is the run in progress. Its figures change only with its phase or by a whole percent,
// and stay the same while no report can be read.
func (v *view) building(before *v1alpha1.Building) *v1alpha1.Building {
	r := v.Run
	if r == nil || r.State != RunActive {
		r = v.Upkeep
	}
	if r == nil && before != nil && v.Run != nil && v.Run.State == RunStopped && before.Generation == v.Run.Generation {
		return before // it goes on there
	}
	if r == nil {
		return nil
	}
	generation := cut(cmp.Or(r.Generation, v.Wanted), 64)
	if before != nil && before.Generation != generation {
		before = nil
	}
	p := r.progress()
	if p == nil {
		return before
	}
	reason, message := v.cause()
	now := &v1alpha1.Building{
		Generation:     generation,
		Phase:          cut(clean(string(p.Phase)), 32),
		DocumentsDone:  natural(p.DocumentsDone),
		DocumentsTotal: natural(p.DocumentsTotal),

		ChunksDone:      natural(p.Chunks),
		ChunksPerSecond: rate(p.ChunksPerSecond),
		Reason:          string(reason),
		Message:         cut(message, 1024),
	}
	if v.Build != nil {
		now.ChunksTotal = natural(v.Build.Chunks)
	}
	if left := time.Duration(p.SecondsLeft * float64(time.Second)); left > 0 {
		now.EstimatedEnd = stamp(v.Now.Add(left))
	}
	if before != nil && before.Phase == now.Phase && percent(before) == percent(now) &&
		(before.DocumentsTotal > 0) == (now.DocumentsTotal > 0) {
		return before
	}
	return now
}

// cause is why the run is made, in a word and, for a new generation, in the fields that changed.
func (v *view) cause() (config.Cause, string) {
	build := v.Build
	switch {
	case v.Live == "":
		return config.FirstIndex, ""
	case build != nil && len(build.Changes) > 0:
		return build.Changes[0].Cause, config.Describe(build.Changes)
	case v.Run.Upgrade:
		return config.ReadersChanged, ""
	}
	return config.DocumentsChanged, ""
}

// rate is a number per second with a digit after the point; empty for none.
func rate(perSecond float64) string {
	if perSecond <= 0 {
		return ""
	}
	return strconv.FormatFloat(perSecond, 'f', 1, 64)
}

// PerSecond reads a rate as the status has it; 0 for none.
func PerSecond(rate string) float64 {
	perSecond, err := strconv.ParseFloat(rate, 64)
	if err != nil || perSecond <= 0 || math.IsInf(perSecond, 0) {
		return 0
	}
	return perSecond
}

func natural(n int) int64 { return int64(max(n, 0)) }

func stamp(t time.Time) *metav1.Time { return new(metav1.NewTime(t).Rfc3339Copy()) }
