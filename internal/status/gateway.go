package status

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func (v *view) gatewayInput(r rule) input {
	in := v.input(r, gatewaySubject(v.p))
	in.workload = new(v.Components[naming.ComponentGateway])
	return in
}

// gatewayChecks decide on GatewayReady. A missing reference comes first: without the Secret of its
// clients, the gateway refuses everyone.
var gatewayChecks = chain{
	referenceMissing,
	acceptingQuestions,
	gatewayUnreadable,
	podsFaulty,
	waitingForIndex,
	noSearchYet,
	gatewayStarting,
}

// acceptingQuestions applies if a gateway accepts questions, and the cluster leads them to it. A busy cluster is late:
// so the Deployment has to count the first pod as available. Later, its count may be behind what the pods say.
func acceptingQuestions(in input) (finding, bool) {
	led := in.workload.Ready > 0 || in.last != nil && in.last.Status == metav1.ConditionTrue
	return serving(in, "the gateway accepts questions"), in.answering > 0 && led
}

func gatewayUnreadable(in input) (finding, bool) {
	remedy := fmt.Sprintf("check that network policies let the operator reach port %d, and see the gateway's log (%s)",
		config.OpsPort, in.subject.logs())
	if strings.Contains(in.unreadable, config.Untrusted) {
		remedy = renewed + "see the gateway's log (" + in.subject.logs() + ") and restart it"
	}
	message := "the gateway is running, but the operator cannot read its report: " + in.unreadable + "; " + remedy
	return unknown(progress, v1alpha1.ReasonGatewayUnreadable, message).within(stallAfter), in.unreadable != ""
}

func podsFaulty(in input) (finding, bool) { return in.workload.fault(in.subject) }

func waitingForIndex(in input) (finding, bool) {
	const message = "the gateway accepts questions once the first index is built"
	return bad(waiting, v1alpha1.ReasonWaitingForIndex, message).forever(), !in.live && in.workload.Exists
}

func noSearchYet(in input) (finding, bool) {
	const message = "the gateway is running, and accepts questions once a search has succeeded"
	f := bad(progress, v1alpha1.ReasonGatewayNotReady, message)
	f.late = fmt.Sprintf("the gateway is running, but no search has succeeded within %s; see its log (%s)",
		short(stallAfter), in.subject.logs())
	return f, in.starting > 0
}

func gatewayStarting(in input) (finding, bool) { return notReady(in), true }

// nextEmbedding is the state of the embedding model of the generation that is being built, if that
// is another model.
func (v *view) nextEmbedding() finding {
	if v.NextEmbedding == nil || v.NextEmbedding.Ready > 0 {
		return finding{}
	}
	in := input{
		subject:  modelSubject(v.p, config.StageEmbedding, *v.NextEmbedding),
		workload: v.NextEmbedding,
		missing:  v.missing(naming.ComponentEmbedding),
	}
	in.subject.title = "the next embedding model"
	f, _ := workloadDown(in)
	if v.Live != "" {
		f.message += "; the current index continues to serve"
	}
	return f
}

// rollout is a change to a workload that has not reached every replica, or a replica that is not ready, unless answers
// do without its component: the fault of the first pod that cannot follow, or else that it is under way.
func (v *view) rollout() (rolling finding) {
	for _, r := range rules {
		if !r.applies(v.p) {
			continue
		}
		in := r.input(v, r)
		c, s := in.workload, in.subject
		if c == nil || !c.Exists || c.Ready == 0 || c.Current && (c.whole() || r.aside || v.degrades(r)) {
			continue
		}
		if f, found := c.fault(s); found {
			if c.Current {
				f.message = fmt.Sprintf("%d of %d replicas are ready: %s", c.Ready, c.Replicas, f.message)
			}
			return f
		}
		if rolling.weight == fine {
			rolling = c.rollingOut(s)
		}
	}
	return rolling
}

func (c *Component) rollingOut(s subject) finding {
	if c.Current {
		f := bad(progress, v1alpha1.ReasonStarting,
			fmt.Sprintf("replicas of %s are starting: %d of %d are ready", s.title, c.Ready, c.Replicas)).within(s.timeout)
		f.late = fmt.Sprintf("%d of %d replicas of %s are ready, and the others did not start within %s; see %s",
			c.Ready, c.Replicas, s.title, short(f.stallAfter), s.describe())
		return f
	}
	f := bad(progress, v1alpha1.ReasonRollingOut, "a change to "+s.title+" is being rolled out").within(s.timeout)
	f.late = fmt.Sprintf("a change to %s has not been rolled out within %s; see %s",
		s.title, short(f.stallAfter), s.describe())
	return f
}

// whole reports whether every replica that the spec asks for is ready.
func (c *Component) whole() bool { return c.Autoscaled || c.Ready >= c.Replicas }
