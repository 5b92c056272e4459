package status

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// stage is a part of the question path, with the checks that decide on its condition.
type stage struct {
	*view
	subject
	conditionType string
	// component is the workload, empty before it is made.
	component Component
	runs      bool // the operator runs it
	// refers is the component by which Missing names it.
	refers string
	// heard is what the gateways, or else an ingestion, say of it.
	heard   config.StageStatus
	isHeard bool
	probed  bool // the gateways ask it by themselves
	// describe puts words to a failure that is heard of.
	describe func(config.StageStatus) string
}

var conditionOf = map[config.Stage]string{
	config.StageEmbedding: v1alpha1.ConditionEmbeddingReady,
	config.StageReranking: v1alpha1.ConditionRerankingReady,
	config.StageLLM:       v1alpha1.ConditionLLMReady,
}

func (v *view) modelStage(name config.Stage) *stage {
	c, runs := v.Components[string(name)]
	m := modelOf(v.p, name)
	if !runs && m.Endpoint == nil {
		runs = name != config.StageEmbedding || v.NextEmbedding == nil // or else an endpoint still serves
	}
	s := &stage{view: v, subject: modelSubject(v.p, name, c), conditionType: conditionOf[name], component: c, runs: runs, refers: string(name)}
	s.probed = m.Endpoint == nil || m.Endpoint.Probe == nil || *m.Endpoint.Probe
	s.heard, s.isHeard = v.stage(name)
	if !s.isHeard && name == config.StageEmbedding && (v.Live == "" || v.Live == v.Wanted) {
		s.heard, s.isHeard = v.Run.stage(name)
	}
	if index, _ := v.stage(config.StageIndex); name == config.StageEmbedding && index.Reason == config.DimensionMismatch {
		s.heard, s.isHeard = index, true // a search found it, and it is this model's fault
	}
	s.describe = func(h config.StageStatus) string { return modelRemedy(v.p, name, h) }
	return s
}

func (v *view) storeStage() *stage {
	c, runs := v.Components[naming.ComponentWeaviate], v.p.Spec.VectorStore.Weaviate != nil
	s := &stage{view: v, subject: storeSubject(v.p), conditionType: v1alpha1.ConditionVectorStoreReady, component: c, runs: runs, refers: naming.ComponentWeaviate, probed: true}
	s.heard, s.isHeard = v.stage(config.StageIndex)
	if !s.isHeard {
		s.heard, s.isHeard = v.Run.stage(config.StageIndex)
	}
	if s.heard.Reason == config.IndexNotBuilt || s.heard.Reason == config.DimensionMismatch {
		s.heard = config.StageStatus{OK: true} // the store answers: it is the index that is not there, or the vector that is wrong
	}
	s.describe = func(h config.StageStatus) string { return storeRemedy(v.p, h) }
	return s
}

// stage is what an active run reports of a stage.
func (r *Run) stage(name config.Stage) (config.StageStatus, bool) {
	if r == nil || r.State != RunActive {
		return config.StageStatus{}, false
	}
	return worst(r.Reports, name)
}

// finding decides on the stage's condition. What the operator sees of a workload's outage comes before reports,
// which may be a minute old; a workload that runs comes after them, for it may still refuse.
func (s *stage) finding() finding {
	return decide(s.down, s.failing, s.answering, s.lacking, s.running, s.kept, s.unread, s.unasked)
}

// down: no replica serves. One of several that is down is no outage.
func (s *stage) down() (finding, bool) {
	if !s.runs || s.component.Ready > 0 {
		return none, false
	}
	if f, missing := s.missing(s.refers); missing {
		return f.within(s.timeout), true
	}
	if f, found := podFault(s.subject, s.component.Pods); found {
		return f, true
	}
	return s.beginning(), true
}

func (s *stage) beginning() finding {
	f := bad(progress, v1alpha1.ReasonStarting, s.title+" is starting").within(s.timeout)
	if s.timeout > 0 {
		f.message = fmt.Sprintf("%s is starting, which may take up to %s (%s.startupTimeout)", s.title, short(s.timeout), s.field)
		f.late = s.tooSlow()
	} else {
		f.late = fmt.Sprintf("%s has not started within %s: %s says why", s.title, short(patience), s.pods())
	}
	return f
}

// failing: a gateway cannot use it.
func (s *stage) failing() (finding, bool) {
	if !s.isHeard || s.heard.OK {
		return none, false
	}
	w := fault
	if s.heard.Reason.Meaning().Permanent && s.settled() {
		w = terminal
	}
	return bad(w, reasonOf(s.heard.Reason), s.describe(s.heard)).within(s.timeout), true
}

// settled: what the gateways report is about the present spec.
func (v *view) settled() bool {
	g, runs := v.Components[naming.ComponentGateway]
	return !v.SpecChanged && (!runs || g.Current)
}

func (s *stage) answering() (finding, bool) {
	return s.good(s.title + " answers"), s.isHeard
}

// good is fine, and names the replicas that are not.
func (s *stage) good(message string) finding {
	c := s.component
	if s.runs && c.Ready < c.Replicas {
		message += fmt.Sprintf("; %d of %d replicas are ready", c.Ready, c.Replicas)
		if f, found := podFault(s.subject, c.Pods); found {
			message += ": " + f.message
		}
	}
	return ok(v1alpha1.ReasonReady, message)
}

func (s *stage) lacking() (finding, bool) { return s.missing(s.refers) }

// running: nobody has asked it yet, but enough of its replicas say that they are ready.
func (s *stage) running() (finding, bool) {
	if !s.runs {
		return none, false
	}
	if c := s.component; s.refers == naming.ComponentWeaviate && 2*c.Ready <= c.Replicas {
		if f, found := podFault(s.subject, c.Pods); found {
			return f, true
		}
		return s.beginning(), true // a cluster of stores answers by majority
	}
	return s.good(s.title + " runs"), true
}

// kept: no news is no change. A gateway that starts anew has not asked every model yet.
func (s *stage) kept() (finding, bool) {
	if s.blind() {
		return none, false
	}
	if c := meta.FindStatusCondition(s.p.Status.Conditions, s.conditionType); c != nil && c.Status == metav1.ConditionTrue {
		return ok(c.Reason, c.Message), true
	}
	c := s.previous(s.conditionType)
	if c == nil || c.Status != metav1.ConditionFalse || len(s.view.answering) > 0 || c.Reason == v1alpha1.ReasonStarting || isMissing(c.Reason) {
		return none, false
	}
	w := fault
	if config.Failure(c.Reason).Meaning().Permanent && s.settled() {
		w = terminal
	}
	return bad(w, c.Reason, c.Message), true
}

func isMissing(reason string) bool {
	for _, r := range notFound {
		if r == reason {
			return true
		}
	}
	return false
}

func (s *stage) unread() (finding, bool) {
	return unknown(waiting, v1alpha1.ReasonGatewayUnreadable, "the gateway's report on "+s.title+" cannot be read"), s.blind()
}

func (s *stage) unasked() (finding, bool) {
	if !s.probed {
		return unknown(fine, v1alpha1.ReasonNotProbed, s.title+" has not been asked yet: with probe false, the first question tells"), true
	}
	return unknown(waiting, v1alpha1.ReasonNotProbed, s.title+" has not been asked yet: the gateway does as soon as it runs").within(patience), true
}
