package status

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// sources are what the last run found in each source of the spec, in the order of the spec: as the
// gateways report it of the live index, or else as the run's summary has it. A source of which
// neither tells stays as it is.
func (v *view) sources() (list []v1alpha1.SourceStatus) {
	now := v.synced()
	for _, source := range v.p.Spec.Documents {
		named := func(s v1alpha1.SourceStatus) bool { return s.Name == source.Name }
		if i := slices.IndexFunc(now.Sources, func(s config.SourceSync) bool { return s.Name == source.Name }); i >= 0 {
			list = append(list, sourceStatus(&now.Sources[i]))
		} else if i := slices.IndexFunc(v.p.Status.Sources, named); i >= 0 {
			list = append(list, *v.p.Status.Sources[i].DeepCopy())
		}
	}
	return list
}

// synced is what the last run found, as far as it is known. A summary leaves out the time of a
// success, which is the run's.
func (v *view) synced() config.Synced {
	if report := v.liveReport(); report != nil && len(report.Synced.Sources) > 0 {
		return report.Synced
	}
	run := v.Run
	if run == nil || run.Summary == nil {
		return config.Synced{}
	}
	synced := run.Summary.Synced
	synced.Sources = slices.Clone(synced.Sources)
	for i := range synced.Sources {
		if s := &synced.Sources[i]; s.Error == "" && s.LastSuccess.IsZero() {
			s.LastSuccess = run.Finished
		}
	}
	return synced
}

func sourceStatus(s *config.SourceSync) v1alpha1.SourceStatus {
	status := v1alpha1.SourceStatus{
		Name:      s.Name,
		Documents: natural(s.Documents),
		Scanned:   natural(s.Scanned),
		Added:     natural(s.Added), Changed: natural(s.Changed), Unchanged: natural(s.Unchanged),
		Failed: natural(s.Failed), Skipped: natural(s.Skipped), WithWarnings: natural(s.Warned),
		Removed: natural(s.Removed), Kept: natural(s.Kept), HeldBack: natural(s.HeldBack),
		StraySidecars: natural(s.Strays),
		Message:       cut(clean(s.Error), 1024),
	}
	if !s.LastSuccess.IsZero() {
		status.LastSuccessTime = stamp(s.LastSuccess)
	}
	return status
}

// takeRemoved fills in the last proof of a removal.
func takeRemoved(s *v1alpha1.IndexStatus, synced config.Synced) {
	if r := synced.Removed; !r.VerifiedAt.IsZero() {
		s.Removed = &v1alpha1.RemovedStatus{Documents: natural(r.Documents), VerifiedAt: *stamp(r.VerifiedAt)}
	}
}

// pruneHeldBack warns that a source lists so few of its documents that the index keeps them.
func pruneHeldBack(in input) (finding, bool) {
	held := slices.DeleteFunc(slices.Clone(in.sources), func(s v1alpha1.SourceStatus) bool { return s.HeldBack == 0 })
	if len(held) == 0 {
		return finding{}, false
	}
	first, limit := held[0], "50%"
	if m := in.pipeline.Spec.Sync.MaxPrune; m != nil {
		limit = m.String()
	}
	message := fmt.Sprintf("source %q no longer lists %d of its documents, more than spec.sync.maxPrune (%s) lets a "+
		"run remove", first.Name, first.HeldBack, limit)
	if more := len(held) - 1; more > 0 {
		message += fmt.Sprintf(" (and of %s more than it lets)", count(int64(more), "other source"))
	}
	message += "; the index keeps them: correct the source, or have one run remove them with the annotation " +
		"ragpipeline.io/sync: confirm-prune"
	return ok(v1alpha1.ReasonPruneHeldBack, message), true
}

// removedEvent is the event that documents were removed and are proved gone; false unless there is
// another proof than before.
func removedEvent(before, now *v1alpha1.IndexStatus) (Event, bool) {
	if now.Removed == nil || before.Removed != nil && before.Removed.VerifiedAt.Equal(&now.Removed.VerifiedAt) {
		return Event{}, false
	}
	message := count(now.Removed.Documents, "document") + " that the sources no longer list: removed, and asked for in " +
		"the store, which has nothing of them any more"
	return Event{corev1.EventTypeNormal, EventRemoved, "Prune", message}, true
}
