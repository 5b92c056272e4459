package status

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// check looks for one state of a component, and reports whether the component is in it.
type check func(input) (finding, bool)

// chain is a list of checks, in the order in which they are asked.
type chain []check

// judge returns the finding of the first check that applies. The last check of a chain always does.
func (c chain) judge(in input) finding {
	for _, applies := range c {
		if f, found := applies(in); found {
			return f
		}
	}
	return finding{}
}

// input is all that a check looks at: facts about one component and about the whole pipeline. It
// holds values only, so that a test can write it down.
type input struct {
	pipeline *v1alpha1.RAGPipeline
	subject  subject
	stage    config.Stage // empty for the index and the gateway

	// workload is what the operator runs for the component; nil if it runs nothing.
	workload *Component
	// majority means that the workload serves only while more than half of its replicas are ready.
	majority bool
	// volumes are those of the component that do not have the size that the spec says.
	volumes []Volume
	// missing is an object without which the component cannot work, or nil if there is none.
	missing *Missing
	// reported is the stage's status from the gateways, or from the active run; nil if none reports
	// it.
	reported *config.StageStatus
	// probed reports whether the gateways probe the component while it is idle.
	probed bool
	// last is the component's condition in the present status, or nil if there is none. lastIsCurrent
	// reports whether it is about the present spec.
	last          *metav1.Condition
	lastIsCurrent bool

	// answering is the number of gateways that accept questions, starting that of the others.
	answering, starting int
	// unreadable is why not one report of gateways that are ready could be read; empty if one could.
	unreadable string
	// settled means that the gateways' reports are about the present spec.
	settled bool

	// live means that a complete generation exists.
	live bool
	// storeDown means that the vector store is known not to answer.
	storeDown bool
	// index is the state of the index, and sources that of the sources.
	index   *v1alpha1.IndexStatus
	sources []v1alpha1.SourceStatus
	// wayBack describes the generations that are retained; empty if none is.
	wayBack string
	// rebuilt is when a run last completed the live generation; zero if that is not known.
	rebuilt time.Time
	// run is the newest run if it is for the wanted generation; nil otherwise.
	run *Run
	// lastFailure is the condition that tells how the run before failed, which the newest one
	// retries.
	lastFailure *metav1.Condition
	// specChanged is Observed.SpecChanged.
	specChanged bool
	// route is Observed.Route.
	route Route
}

// input is what is known about any component.
func (v *view) input(r rule, s subject) input {
	return input{
		pipeline:      v.p,
		subject:       s,
		stage:         r.stage,
		missing:       v.missing(r.missingKey),
		volumes:       v.volumesOf(r.missingKey),
		probed:        true,
		last:          meta.FindStatusCondition(v.p.Status.Conditions, r.conditionType),
		lastIsCurrent: v.previous(r.conditionType) != nil,
		answering:     len(v.answering),
		starting:      len(v.starting),
		unreadable:    v.unreadable(),
		settled:       v.settled(),
		live:          v.Live != "",
		specChanged:   v.SpecChanged,
	}
}

func (v *view) storeInput(r rule) input {
	in := v.input(r, storeSubject(v.p))
	if v.p.Spec.VectorStore.Weaviate != nil {
		in.workload, in.majority = new(v.Components[naming.ComponentWeaviate]), true
	}
	if in.reported = v.reported(config.StageIndex); in.reported == nil {
		in.reported = v.Run.reported(config.StageIndex)
	}
	if h := in.reported; h != nil && (h.Reason == config.IndexNotBuilt || h.Reason == config.DimensionMismatch) {
		in.reported = &config.StageStatus{OK: true} // the store answers: the fault is the index's or the model's
	}
	return in
}

func (v *view) modelInput(r rule) input {
	c, runs := v.Components[string(r.stage)]
	m := modelOf(v.p, r.stage)
	if !runs && m.Endpoint == nil {
		// Without a workload, while a new embedding model is being started, an endpoint still
		// serves.
		runs = r.stage != config.StageEmbedding || v.NextEmbedding == nil
	}
	in := v.input(r, modelSubject(v.p, r.stage, c))
	if runs {
		in.workload = &c
	}
	in.probed = m.Endpoint == nil || m.Endpoint.Probe == nil || *m.Endpoint.Probe
	in.reported = v.reported(r.stage)
	if r.stage != config.StageEmbedding {
		return in
	}
	if v.Live != "" && v.Live != v.Wanted {
		in.settled = false // the next generation may mend what is wrong with the model of the live one
	} else if in.reported == nil {
		in.reported = v.Run.reported(r.stage)
	}
	if index := v.reported(config.StageIndex); index != nil && index.Reason == config.DimensionMismatch {
		in.reported = index // a search found it, but the fault is this model's
	}
	return in
}

// stageChecks decide on the vector store and the models. An outage of a workload comes before
// reports, which may be a minute old. A ready workload comes after them, because it may still
// refuse requests.
var stageChecks = chain{
	workloadDown,
	reportedFailing,
	reportedHealthy,
	referenceMissing,
	workloadReady,
	lastKnown,
	reportsUnreadable,
	notProbed,
}

// workloadDown applies if no replica serves. One of several that is down is not an outage.
func workloadDown(in input) (finding, bool) {
	if in.workload == nil || in.workload.Ready > 0 {
		return finding{}, false
	}
	if in.missing != nil {
		return in.missing.finding().within(in.subject.timeout), true
	}
	return notReady(in), true
}

// notReady is why a workload's pods do not serve: a fault of one of them, or else that they are
// starting.
func notReady(in input) finding {
	if f, found := in.workload.fault(in.subject); found {
		return f
	}
	s := in.subject
	f := bad(progress, v1alpha1.ReasonStarting, s.title+" is starting").within(s.timeout)
	if s.timeout > 0 {
		f.message += fmt.Sprintf(", which may take up to %s (%s.startupTimeout)", short(s.timeout), s.field)
		f.late = s.tooSlow()
	} else {
		f.late = fmt.Sprintf("%s did not start within %s; see %s", s.title, short(stallAfter), s.describe())
	}
	return f
}

// reportedFailing applies if a gateway or a run cannot use the component.
func reportedFailing(in input) (finding, bool) {
	if in.reported == nil || in.reported.OK {
		return finding{}, false
	}
	w := fault
	if in.reported.Reason.Meaning().Permanent && in.settled {
		w = terminal
	}
	message := remedy(in.pipeline, in.stage, *in.reported)
	return bad(w, reasonOf(in.reported.Reason), message).within(in.subject.timeout), true
}

func reportedHealthy(in input) (finding, bool) {
	return serving(in, in.subject.title+" answers"), in.reported != nil
}

// serving is the finding that a component works, with a note on replicas that are not ready.
func serving(in input, message string) finding {
	if c := in.workload; c != nil && c.Ready < c.Replicas {
		message += fmt.Sprintf(", with %d of %d replicas ready", c.Ready, c.Replicas)
		if f, found := c.fault(in.subject); found {
			message += ": " + f.message
		}
	}
	return resized(ok(v1alpha1.ReasonReady, message), in.volumes)
}

func referenceMissing(in input) (finding, bool) {
	if in.missing == nil {
		return finding{}, false
	}
	return in.missing.finding(), true
}

// workloadReady applies if the operator runs the component, which no gateway has used yet, and
// enough of its replicas are ready.
func workloadReady(in input) (finding, bool) {
	if in.workload == nil {
		return finding{}, false
	}
	if in.majority && 2*in.workload.Ready <= in.workload.Replicas {
		return notReady(in), true
	}
	return serving(in, in.subject.title+" is running"), true
}

// lastKnown keeps the present condition while there is no news: a gateway that has just started has
// not used every model yet.
func lastKnown(in input) (finding, bool) {
	c := in.last
	if in.unreadable != "" || c == nil {
		return finding{}, false
	}
	if c.Status == metav1.ConditionTrue {
		return ok(c.Reason, c.Message), true
	}
	if !in.lastIsCurrent || c.Status != metav1.ConditionFalse || in.answering > 0 ||
		c.Reason == v1alpha1.ReasonStarting || isNotFound(c.Reason) {
		return finding{}, false
	}
	w := fault
	if config.Failure(c.Reason).Meaning().Permanent && in.settled {
		w = terminal
	}
	return bad(w, c.Reason, c.Message), true
}

func reportsUnreadable(in input) (finding, bool) {
	message := "the operator cannot read the gateway's report on " + in.subject.title
	return unknown(waiting, v1alpha1.ReasonGatewayUnreadable, message), in.unreadable != ""
}

func notProbed(in input) (finding, bool) {
	message := in.subject.title + " has not been probed yet; "
	if !in.probed {
		message += "probing is off, so the first question will show whether it works"
		return unknown(fine, v1alpha1.ReasonNotProbed, message), true
	}
	message += "the gateway probes it once it is running"
	return unknown(waiting, v1alpha1.ReasonNotProbed, message).within(stallAfter), true
}
