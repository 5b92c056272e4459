package status

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// Compute is the status of a pipeline of which o was observed. Times of p's present status are kept where nothing
// changed, so that equal observations give an equal status.
func Compute(p *v1alpha1.RAGPipeline, o Observed) v1alpha1.RAGPipelineStatus {
	v := newView(p, o)
	index := v.indexStatus()
	components := v.components(index)
	causes := v.causes(components)
	progressing := v.progressing(causes, index)
	ready := v.ready(components, causes, progressing)
	conditions := v.conditions(ready, progressing, components)
	return v1alpha1.RAGPipelineStatus{
		ObservedGeneration: v.observedGeneration,
		Conditions:         conditions,
		FirstReadyTime:     v.firstReadyTime(conditions[0]),
		Endpoint:           cut(o.Endpoint, 2048),
		Index:              index,
	}
}

// component is a component's condition, and what it means for the whole.
type component struct {
	conditionType string
	finding
	// stage is its key in spec.failurePolicy, missingKey its key in Missing.Component.
	stage      config.Stage
	missingKey string
	// needed reports whether the gateway refuses questions without it.
	needed bool
	// tolerated reports whether the failure policy lets the gateway answer without it.
	tolerated bool
}

// components are the findings on what the spec has, in the order in which a user is told of them.
func (v *view) components(index *v1alpha1.IndexStatus) []component {
	store := v.storeStage().finding()
	list := []component{{conditionType: v1alpha1.ConditionVectorStoreReady, finding: store, missingKey: naming.ComponentWeaviate, needed: true}}
	for _, stage := range []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM} {
		if modelOf(v.p, stage) == nil {
			continue
		}
		c := component{conditionType: conditionOf[stage], finding: v.modelStage(stage).finding(), stage: stage, missingKey: string(stage)}
		c.needed = stage != config.StageEmbedding || v.p.Spec.Retrieval.Mode != v1alpha1.Mode(config.Keyword)
		c.tolerated = v.wasReady() && v.policy(stage) == v1alpha1.Policy(config.Degrade)
		list = append(list, c)
	}
	return append(list,
		component{conditionType: v1alpha1.ConditionIndexReady, finding: v.index(store, index), missingKey: naming.ComponentIngest, needed: true},
		component{conditionType: v1alpha1.ConditionGatewayReady, finding: v.gateway(), missingKey: naming.ComponentGateway, needed: true})
}

func (v *view) policy(stage config.Stage) v1alpha1.Policy {
	switch stage {
	case config.StageEmbedding:
		return v.p.Spec.FailurePolicy.Embedding
	case config.StageReranking:
		return v.p.Spec.FailurePolicy.Reranking
	}
	return v.p.Spec.FailurePolicy.LLM
}

// blocks: no question is answered because of it.
func (c component) blocks() bool {
	return c.needed && !c.tolerated && c.status != metav1.ConditionTrue && (c.status == metav1.ConditionFalse || c.weight > fine)
}

// cause is a finding that keeps the pipeline from what the spec wants.
type cause struct {
	finding
	// blocks: it is also why no question is answered.
	blocks bool
}

// causes are all of them, the first of the heaviest being the one to tell.
func (v *view) causes(components []component) []cause {
	var list []cause
	if o := v.Problem; o != nil {
		w := fault
		if o.Terminal {
			w = terminal
		}
		list = append(list, cause{bad(w, reasonOf(config.Failure(o.Reason)), clean(o.Message)), true})
	}
	blocked := map[string]bool{}
	for _, c := range components {
		blocked[c.missingKey] = c.blocks()
	}
	for _, m := range v.Missing {
		list = append(list, cause{m.finding(), v.Live == "" || blocked[m.Component]})
	}
	for _, c := range components {
		if c.weight == fine || c.tolerated && c.weight < terminal || c.status == metav1.ConditionUnknown && v.blind() && v.wasReady() {
			continue
		}
		list = append(list, cause{c.finding, c.blocks()})
	}
	return append(list, cause{v.nextEmbedding(), false}, cause{v.run(), v.Live == ""}, cause{v.rollout(), false})
}

// heaviest is the first of the heaviest causes of those that want admits.
func heaviest(causes []cause, want func(cause) bool) finding {
	var heaviest finding
	for _, c := range causes {
		if c.weight > heaviest.weight && want(c) {
			heaviest = c.finding
		}
	}
	return heaviest
}

// ready decides on Ready.
func (v *view) ready(components []component, causes []cause, progressing *metav1.Condition) finding {
	f := v.answer(components, causes, progressing)
	if v.p.Spec.Suspend {
		f.reason = v1alpha1.ReasonSuspended
		f.message = "suspended, so nothing is changed or indexed until spec.suspend is false; " + f.message
	}
	return f
}

func (v *view) answer(components []component, causes []cause, progressing *metav1.Condition) finding {
	var blocking, unread bool
	for _, c := range components {
		if c.blocks() {
			blocking = true
			unread = unread || c.reason == v1alpha1.ReasonGatewayUnreadable
		}
	}
	if !blocking {
		return v.answers(components, progressing)
	}
	certain := false
	for _, c := range components {
		certain = certain || c.blocks() && c.status == metav1.ConditionFalse
	}
	if unread && !certain && v.wasReady() {
		return unknown(waiting, v1alpha1.ReasonGatewayUnreadable, v.gateway().message)
	}
	f := heaviest(causes, func(c cause) bool { return c.blocks })
	f.status = metav1.ConditionFalse
	if progressing != nil && progressing.Reason == f.reason {
		f.message = progressing.Message
	}
	return f
}

// answers is Ready True: with what is missing, or what is going on besides.
func (v *view) answers(components []component, progressing *metav1.Condition) finding {
	f := ok(v1alpha1.ReasonReady, "questions are answered")
	for _, c := range components {
		if c.needed && c.tolerated && c.status == metav1.ConditionFalse {
			f.reason = v1alpha1.ReasonDegraded
			f.message = fmt.Sprintf("questions are answered %s: %s", without[c.stage], c.message)
			return f
		}
	}
	if progressing != nil {
		f.message += "; " + progressing.Message
	}
	return f
}

var without = map[config.Stage]string{
	config.StageEmbedding: "by keyword alone",
	config.StageReranking: "without reranking",
	config.StageLLM:       "with passages alone",
}
