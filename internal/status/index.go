package status

import (
	"cmp"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// index decides on IndexReady, given the vector store's finding and the state of the index.
func (v *view) index(store finding, s *v1alpha1.IndexStatus) finding {
	if v.Live == "" {
		f := v.build()
		f.status = metav1.ConditionFalse
		return f
	}
	heard, isHeard := v.stage(config.StageIndex)
	return decide(
		func() (finding, bool) {
			return bad(waiting, v1alpha1.ReasonVectorStoreNotReady, "the index cannot be searched while the vector store is not ready"),
				store.status == metav1.ConditionFalse
		},
		func() (finding, bool) {
			return bad(fault, string(config.IndexNotBuilt), "the index is gone from the vector store, as with a lost volume: it is built again from the documents"),
				isHeard && heard.Reason == config.IndexNotBuilt && !v.builtSince(heard.Since)
		},
		func() (finding, bool) {
			return ok(v1alpha1.ReasonNoDocuments, "the sources have become empty, and so has the index: check that they hold what include and exclude admit"),
				s != nil && s.Documents == 0 && s.FailedDocuments == 0 && s.LastSyncTime != nil
		},
		func() (finding, bool) { return ok(v1alpha1.ReasonReady, holds(s)), true },
	)
}

func holds(s *v1alpha1.IndexStatus) string {
	if s == nil || s.Documents == 0 && s.FailedDocuments == 0 {
		return "the index is complete"
	}
	message := fmt.Sprintf("the index holds %s in %s", count(s.Documents, "document"), count(s.Chunks, "chunk"))
	if s.FailedDocuments > 0 {
		message += fmt.Sprintf("; %s could not be read: status.index.failures says why", count(s.FailedDocuments, "more document"))
	}
	return message
}

func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// run is what ingestion means for the pipeline: nothing when the index that serves is the wanted one and up to date.
func (v *view) run() finding {
	if v.Live != "" && v.Live == v.Wanted && (!v.ours() || v.Run.State == RunSucceeded) {
		if f, missing := v.sourceMissing(); missing {
			return f
		}
		return none
	}
	return v.build()
}

// build is how the newest run stands that is to make the wanted generation complete, or up to date.
func (v *view) build() finding {
	return decide(v.sourceMissing, v.runFailed, v.runStuck, v.retried, v.runActive, v.runWaiting, v.runDue)
}

func (v *view) sourceMissing() (finding, bool) { return v.missing(naming.ComponentIngest) }

// ours: the run is for the generation that the spec wants.
func (v *view) ours() bool {
	return v.Run != nil && (v.Run.Generation == v.Wanted || v.Run.Generation == "")
}

// runFailed: another follows. While a live generation serves, the failure is final enough to be said at once.
func (v *view) runFailed() (finding, bool) {
	if !v.ours() || v.Run.State != RunFailed {
		return none, false
	}
	return v.final(v.runFault()), true
}

// runFault is what the run's last attempt says of its end, or else what became of its pod.
func (v *view) runFault() finding {
	if f, found := podFault(ingestSubject(v.p), v.Run.Pods); found && (v.Run.Summary == nil || v.Run.Summary.Error == "") {
		return f
	}
	reason, said := v1alpha1.ReasonRunFailed, ""
	if s := v.Run.Summary; s != nil {
		said = clean(s.Error)
		if runReasons[string(s.Reason)] {
			reason = string(s.Reason)
		}
	}
	return bad(fault, reason, runMessage(reason, said, ingestSubject(v.p)))
}

// final stalls the pipeline at once for a failed run beside a live generation: the next runs only repeat it.
func (v *view) final(f finding) finding {
	if v.Live != "" && !v.SpecChanged {
		f.weight = terminal
	}
	return f
}

// runReasons are the outcomes of a run that did all it could.
var runReasons = map[string]bool{
	v1alpha1.ReasonNoDocuments: true, v1alpha1.ReasonAllDocumentsFailed: true, v1alpha1.ReasonSourcesIncomplete: true, v1alpha1.ReasonRunFailed: true,
}

func runMessage(reason, said string, s subject) string {
	said = cut(said, maxMessage*3/4)
	switch reason {
	case v1alpha1.ReasonNoDocuments:
		return cmp.Or(said, "there are no documents") + "; put documents into the sources, or correct include and exclude under spec.documents"
	case v1alpha1.ReasonAllDocumentsFailed:
		return cmp.Or(said, "every document failed") + "; replace the documents, or leave them out with spec.documents[].exclude"
	case v1alpha1.ReasonSourcesIncomplete:
		return cmp.Or(said, "not every source could be listed") + "; check the source under spec.documents"
	}
	return "the last ingestion run failed, and another follows: " + cmp.Or(said, "its pod left no message") + "; its log has more (" + s.logs() + ")"
}

// builtSince: a run has built the index since the gateway found none, and it is about to look again.
func (v *view) builtSince(looked time.Time) bool {
	return v.Run != nil && v.Run.State == RunSucceeded && v.Run.Generation == v.Live && looked.Before(v.Run.Finished)
}

// runStuck: the run is there and cannot go on.
func (v *view) runStuck() (finding, bool) {
	if !v.ours() || v.Run.State != RunActive {
		return none, false
	}
	for _, name := range []config.Stage{config.StageIndex, config.StageEmbedding} {
		h, heard := v.Run.stage(name)
		if !heard || h.OK || h.Reason == config.IndexNotBuilt {
			continue
		}
		f := bad(fault, reasonOf(h.Reason), storeRemedy(v.p, h))
		if name == config.StageEmbedding {
			f.message = modelRemedy(v.p, name, h)
		}
		if h.Reason.Meaning().Permanent && !v.SpecChanged {
			f.weight = terminal
		}
		return f, true
	}
	if v.Run.progressed() {
		return none, false // whatever became of its earlier attempts
	}
	if s := v.Run.Summary; s != nil && s.Error != "" {
		return v.runFault(), true
	}
	if len(v.Run.Reports) > 0 {
		return none, false
	}
	return podFault(ingestSubject(v.p), v.Run.Pods)
}

// progressed: the present attempt is past where the earlier ones of the run may have failed.
func (r *Run) progressed() bool {
	p := r.progress()
	return p != nil && p.DocumentsDone > 0
}

// progress adds up how far the run's pods are, in the first one's phase; nil while none reports it.
func (r *Run) progress() (sum *config.Progress) {
	for _, report := range r.Reports {
		switch p := report.Progress; {
		case p == nil:
		case sum == nil:
			sum = new(*p)
		default:
			sum.DocumentsDone += p.DocumentsDone
			sum.DocumentsTotal += p.DocumentsTotal
		}
	}
	return sum
}

// retried: while a failed run is repeated, what it said stays.
func (v *view) retried() (finding, bool) {
	if !v.ours() || v.Run.Retry == 0 || v.Run.State == RunSucceeded {
		return none, false
	}
	for _, t := range []string{v1alpha1.ConditionIndexReady, v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling} {
		if c := v.previous(t); c != nil && runReasons[c.Reason] && (t != v1alpha1.ConditionIndexReady || c.Status == metav1.ConditionFalse) {
			return v.final(bad(fault, c.Reason, c.Message)), true
		}
	}
	return none, false
}

func (v *view) runActive() (finding, bool) {
	if !v.ours() || v.Run.State != RunActive {
		return none, false
	}
	return bad(progress, v1alpha1.ReasonIndexing, "documents are being indexed").forever(), true
}

func (v *view) runWaiting() (finding, bool) {
	f := bad(waiting, v1alpha1.ReasonWaitingToIndex, "indexing begins when the embedding model and the vector store are ready")
	return f, v.ours() && v.Run.State == RunWaiting
}

// runDue: no run is there that would do, and one is about to be made.
func (v *view) runDue() (finding, bool) {
	return bad(waiting, v1alpha1.ReasonWaitingToIndex, "indexing is about to begin"), true
}
