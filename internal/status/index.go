package status

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func (v *view) indexInput(r rule) input {
	in := v.input(r, ingestSubject(v.p))
	in.reported = v.reported(config.StageIndex)
	in.storeDown = storeRule.checks.judge(v.storeInput(storeRule)).status == metav1.ConditionFalse
	in.index, in.sources, in.wayBack = v.index, v.sourceStatuses, v.wayBack()
	in.lastFailure = v.lastFailure()
	if run := v.Run; run != nil {
		if run.Generation == v.Wanted || run.Generation == "" {
			in.run = run
		}
		if run.State == RunSucceeded && run.Generation == v.Live {
			in.rebuilt = run.Finished
		}
	}
	// A gateway finds the index complete before its Job is, and may still report the search before.
	if i := v.index; i != nil && i.LastSyncTime != nil && in.rebuilt.Before(i.LastSyncTime.Time) {
		in.rebuilt = i.LastSyncTime.Time
	}
	return in
}

// lastFailure is the condition that tells how an earlier run failed; nil if none does.
func (v *view) lastFailure() *metav1.Condition {
	for _, t := range []string{v1alpha1.ConditionIndexReady, v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling} {
		c := v.previous(t)
		if c != nil && runReasons[c.Reason] && (t != v1alpha1.ConditionIndexReady || c.Status == metav1.ConditionFalse) {
			return c
		}
	}
	return nil
}

// indexChecks decide on IndexReady.
var indexChecks = chain{
	notBuiltYet, storeNotReady, indexLost, sourcesEmpty, pruneHeldBack, tooManyFailed, indexComplete,
}

// notBuiltYet applies before the first generation: the index is then in the state of the run that
// builds it.
func notBuiltYet(in input) (finding, bool) {
	if in.live {
		return finding{}, false
	}
	f := runChecks.judge(in)
	f.status = metav1.ConditionFalse
	return f, true
}

func storeNotReady(in input) (finding, bool) {
	const message = "the index cannot be searched while the vector store is not ready"
	return bad(waiting, v1alpha1.ReasonVectorStoreNotReady, message), in.storeDown
}

// indexLost applies if a gateway has found no index since a run last completed it.
func indexLost(in input) (finding, bool) {
	const message = "the vector store no longer contains the index, for example because its volume was lost; " +
		"the operator rebuilds it from the documents"
	r := in.reported
	lost := r != nil && r.Reason == config.IndexNotBuilt && !r.Since.Before(in.rebuilt)
	return bad(fault, string(config.IndexNotBuilt), message), lost
}

func sourcesEmpty(in input) (finding, bool) {
	const message = "the sources are now empty, and so is the index; check include and exclude under spec.documents"
	s := in.index
	empty := s != nil && s.Documents == 0 && s.FailedDocuments == 0 && s.LastSyncTime != nil
	return ok(v1alpha1.ReasonNoDocuments, message), empty
}

// tooManyFailed warns that more documents failed than may. A run that updates the live index in
// place has left them out already.
func tooManyFailed(in input) (finding, bool) {
	s := in.index
	limit, err := derive.MaxFailed(in.pipeline)
	if err != nil || s == nil || !limit.Exceeded(int(s.FailedDocuments), int(s.Documents+s.FailedDocuments)) {
		return finding{}, false
	}
	message := fmt.Sprintf("%d of %s failed, more than spec.ingest.maxFailed (%s) allows%s; the index was complete "+
		"before and stays in use without them: replace or exclude them, or raise maxFailed (see status.index.failures)",
		s.FailedDocuments, count(s.Documents+s.FailedDocuments, "document"), limit, because(s.FailureReasons))
	return ok(v1alpha1.ReasonTooManyFailed, message), true
}

func indexComplete(in input) (finding, bool) {
	message := contents(in.index)
	if in.wayBack != "" {
		message += "; " + in.wayBack
	}
	return ok(v1alpha1.ReasonReady, message), true
}

// contents describes an index in a sentence.
func contents(s *v1alpha1.IndexStatus) string {
	if s == nil || s.Documents == 0 && s.FailedDocuments == 0 {
		return "the index is complete"
	}
	message := fmt.Sprintf("the index contains %s in %s", count(s.Documents, "document"), count(s.Chunks, "chunk"))
	if s.FailedDocuments > 0 {
		message += fmt.Sprintf("; %s could not be indexed%s (see status.index.failures)",
			count(s.FailedDocuments, "more document"), because(s.FailureReasons))
	}
	if s.DocumentsWithWarnings > 0 {
		message += fmt.Sprintf("; %s%s (see status.index.warnings)", partlyRead(s), because(s.WarningReasons))
	}
	return message
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// run is the state of ingestion: fine while the live generation is the wanted one and up to date.
func (v *view) run() finding {
	in := v.indexInput(rule{missingKey: naming.ComponentIngest})
	if v.Live == "" || v.Live != v.Wanted || in.run != nil && in.run.State != RunSucceeded {
		return runChecks.judge(in)
	}
	f, _ := referenceMissing(in)
	return f
}

// runChecks decide on the newest run, which is to complete the wanted generation or to update it.
var runChecks = chain{
	referenceMissing, runFailed, runStuck, runRetried, runActive, runStopped, runQueued, runWaiting, runDue,
}

func runFailed(in input) (finding, bool) {
	if in.run == nil || in.run.State != RunFailed {
		return finding{}, false
	}
	return besideLive(in, runFault(in)), true
}

// besideLive makes a failure terminal while a live generation serves: the runs that follow only
// repeat it. A removal that is not proved may be at the next attempt.
func besideLive(in input, f finding) finding {
	if in.live && !in.specChanged && f.reason != v1alpha1.ReasonRemovalUnproved {
		f.weight = terminal
	}
	return f
}

// runFault is the error that the run's last attempt reported, or else the fault of its pod.
func runFault(in input) finding {
	summary := in.run.Summary
	if summary == nil || summary.Error == "" {
		if f, found := in.run.fault(in.subject); found {
			return f
		}
	}
	reason, cause := v1alpha1.ReasonRunFailed, ""
	if summary != nil {
		cause = clean(summary.Error)
		if runReasons[string(summary.Reason)] {
			reason = string(summary.Reason)
		}
	}
	return bad(fault, reason, runMessage(reason, cause, in.subject))
}

// runReasons are the reasons with which a run can fail.
var runReasons = map[string]bool{
	v1alpha1.ReasonNoDocuments:        true,
	v1alpha1.ReasonAllDocumentsFailed: true,
	v1alpha1.ReasonTooManyFailed:      true,
	v1alpha1.ReasonVerificationFailed: true,
	v1alpha1.ReasonSourcesIncomplete:  true,
	v1alpha1.ReasonRemovalUnproved:    true,
	string(config.ModelDrifted):       true,
	v1alpha1.ReasonRunFailed:          true,
}

func runMessage(reason, cause string, s subject) string {
	cause = cut(cause, maxMessage*3/4)
	switch reason {
	case v1alpha1.ReasonNoDocuments:
		return cmp.Or(cause, "there are no documents") +
			"; add documents to the sources, or correct include and exclude under spec.documents"
	case v1alpha1.ReasonAllDocumentsFailed:
		return cmp.Or(cause, "every document failed") +
			"; replace the documents, or leave them out with spec.documents[].exclude"
	case v1alpha1.ReasonVerificationFailed:
		return cmp.Or(cause, "the new index could not be verified") +
			"; to build it again from the start, change the value of the annotation ragpipeline.io/rebuild"
	case v1alpha1.ReasonTooManyFailed:
		return cmp.Or(cause, "more documents failed than spec.ingest.maxFailed allows") // which says what to do
	case string(config.ModelDrifted):
		return cmp.Or(cause, "the embedding model is not the one that the index was built with") +
			"; serve that model again, or set the annotation " + naming.AnnotationRebuild + " to a new value"
	case v1alpha1.ReasonSourcesIncomplete:
		return cmp.Or(cause, "not every source could be listed") + "; check the source under spec.documents"
	case v1alpha1.ReasonRemovalUnproved:
		return cmp.Or(cause, "the store still has something of documents that were removed") +
			"; no answer has them, and the operator removes them again: check the store's disk and replicas"
	}
	return fmt.Sprintf("the last ingestion run failed and will be retried: %s; see its log (%s)",
		cmp.Or(cause, "its pod left no message"), s.logs())
}

// runStuck applies if the run is active but cannot make progress.
func runStuck(in input) (finding, bool) {
	run := in.run
	if run == nil || run.State != RunActive {
		return finding{}, false
	}
	for _, stage := range []config.Stage{config.StageIndex, config.StageEmbedding} {
		r := run.reported(stage)
		if r == nil || r.OK || r.Reason == config.IndexNotBuilt {
			continue
		}
		f := bad(fault, reasonOf(r.Reason), remedy(in.pipeline, stage, *r))
		if r.Reason.Meaning().Permanent && !in.specChanged {
			f.weight = terminal
		}
		return f, true
	}
	s := run.Summary
	if s != nil && runReasons[string(s.Reason)] {
		// An earlier attempt did all it could, and the present one shows only at its end whether it does better.
		return besideLive(in, runFault(in)), true
	}
	if run.progressed() {
		return finding{}, false // however its earlier attempts ended
	}
	if s != nil && s.Error != "" {
		f := runFault(in)
		if s.Reason.Meaning().Permanent && !in.specChanged { // its further attempts only repeat it
			f.weight = terminal
		}
		return f, true
	}
	if len(run.Reports) > 0 {
		return finding{}, false
	}
	return run.fault(in.subject)
}

// progressed reports whether the present attempt is past the point where earlier ones may have
// failed.
func (r *Run) progressed() bool {
	p := r.progress()
	return p != nil && p.DocumentsDone > 0
}

// progress adds up the progress of the run's workers; nil if none reports it.
func (r *Run) progress() (sum *config.Progress) {
	all := slices.Clone(r.Ended)
	for _, report := range r.Reports {
		if report.Progress != nil {
			all = append(all, *report.Progress)
		}
	}
	for _, p := range all {
		if sum == nil {
			sum = new(config.Progress)
			*sum = p
		} else {
			sum.Add(p)
		}
	}
	if sum != nil {
		sum.DocumentsTotal = max(sum.DocumentsTotal, sum.AllDocuments)
	}
	return sum
}

// runRetried keeps the failure of the run before while the newest one retries it.
func runRetried(in input) (finding, bool) {
	c := in.lastFailure
	if in.run == nil || in.run.Retry == 0 || in.run.State == RunSucceeded || c == nil {
		return finding{}, false
	}
	return besideLive(in, bad(fault, c.Reason, c.Message)), true
}

func runActive(in input) (finding, bool) {
	f := bad(progress, v1alpha1.ReasonIndexing, "documents are being indexed").forever()
	return f, in.run != nil && in.run.State == RunActive
}

func runQueued(in input) (finding, bool) {
	const message = "the operator was upgraded and reads the documents again; this pipeline waits until those of others " +
		"have been read"
	f := bad(waiting, v1alpha1.ReasonQueued, message).forever()
	return f, in.run != nil && in.run.State == RunQueued
}

// runStopped applies while a long build waits for a run of the live generation.
func runStopped(in input) (finding, bool) {
	const message = "the index that serves is brought up to date with its sources, before the next one is built further"
	return bad(progress, v1alpha1.ReasonIndexing, message).forever(), in.run != nil && in.run.State == RunStopped
}

func runWaiting(in input) (finding, bool) {
	const message = "indexing starts once the embedding model and the vector store are ready"
	return bad(waiting, v1alpha1.ReasonWaitingToIndex, message), in.run != nil && in.run.State == RunWaiting
}

// runDue applies if a run is needed and about to be created.
func runDue(input) (finding, bool) {
	return bad(waiting, v1alpha1.ReasonWaitingToIndex, "indexing is about to start"), true
}
