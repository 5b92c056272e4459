package status

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Compute returns the status of a pipeline of which o was observed. It keeps the times of p's
// present status where nothing changed, so that equal observations give an equal status.
func Compute(p *v1alpha1.RAGPipeline, o Observed) v1alpha1.RAGPipelineStatus {
	v := newView(p, o)
	verdicts := v.verdicts()
	causes := v.causes(verdicts)
	progressing := v.progressing(causes)
	conditions := v.conditions(v.ready(verdicts, causes, progressing), progressing, verdicts)
	return v1alpha1.RAGPipelineStatus{
		ObservedGeneration: v.observedGeneration,
		Conditions:         conditions,
		FirstReadyTime:     v.firstReadyTime(conditions[0]),
		Endpoint:           cut(o.Endpoint, 2048),
		Sources:            v.sourceStatuses,
		Index:              v.index,
	}
}

// rule says how the condition of one component is decided, and what the component means for Ready.
type rule struct {
	conditionType string
	// stage is the component's stage; empty for the index and the gateway.
	stage config.Stage
	// missingKey is the component's key in Missing.Component.
	missingKey string
	// checks decide on the condition, given the input.
	checks chain
	input  func(*view, rule) input
	// unusedIn is the retrieval mode in which questions do not need the component; empty if they
	// always do.
	unusedIn v1alpha1.Mode
	// aside reports whether the component is not part of Ready: questions are answered without it.
	aside bool
	// awaited reports whether the pipeline is Reconciling until a component that is aside works.
	awaited bool
	// policy returns the component's failure policy; nil means Fail.
	policy func(v1alpha1.FailurePolicy) v1alpha1.Policy
	// without completes "questions are answered ..." for a component that is down under Degrade.
	without string
}

var storeRule = rule{
	conditionType: v1alpha1.ConditionVectorStoreReady, stage: config.StageIndex,
	missingKey: naming.ComponentWeaviate,
	checks:     stageChecks, input: (*view).storeInput,
}

// rules has a row for each component, in the order in which a user is told of them. Each condition
// is True while its component works; only Reconciling and Stalled, which progressing sets, are
// present only while something is to be done.
var rules = []rule{
	storeRule,
	{
		conditionType: v1alpha1.ConditionEmbeddingReady, stage: config.StageEmbedding,
		missingKey: naming.ComponentEmbedding,
		checks:     stageChecks, input: (*view).modelInput,
		unusedIn: v1alpha1.Mode(config.Keyword),
		policy:   func(p v1alpha1.FailurePolicy) v1alpha1.Policy { return p.Embedding },
		without:  "by keyword alone",
	},
	{
		conditionType: v1alpha1.ConditionRerankingReady, stage: config.StageReranking,
		missingKey: naming.ComponentReranking,
		checks:     stageChecks, input: (*view).modelInput,
		policy:  func(p v1alpha1.FailurePolicy) v1alpha1.Policy { return p.Reranking },
		without: "without reranking",
	},
	{
		conditionType: v1alpha1.ConditionLLMReady, stage: config.StageLLM,
		missingKey: naming.ComponentLLM,
		checks:     stageChecks, input: (*view).modelInput,
		policy:  func(p v1alpha1.FailurePolicy) v1alpha1.Policy { return p.LLM },
		without: "with passages alone",
	},
	{
		conditionType: v1alpha1.ConditionExtractionReady, stage: config.StageExtraction,
		missingKey: naming.ComponentExtraction,
		checks:     extractionChecks, input: (*view).extractionInput,
		aside: true,
	},
	{
		conditionType: v1alpha1.ConditionIndexReady,
		missingKey:    naming.ComponentIngest,
		checks:        indexChecks, input: (*view).indexInput,
	},
	{
		conditionType: v1alpha1.ConditionGatewayReady,
		missingKey:    naming.ComponentGateway,
		checks:        gatewayChecks, input: (*view).gatewayInput,
	},
	{
		conditionType: v1alpha1.ConditionRouteReady,
		missingKey:    naming.ComponentRoute,
		checks:        routeChecks, input: (*view).routeInput,
		aside: true, awaited: true,
	},
}

// applies reports whether the spec has the component.
func (r rule) applies(p *v1alpha1.RAGPipeline) bool {
	switch {
	case r.stage == config.StageExtraction:
		return p.Spec.Extraction != nil
	case r.conditionType == v1alpha1.ConditionRouteReady:
		return p.Spec.Gateway.Route != nil
	}
	_, isModel := modelTitles[r.stage]
	return !isModel || modelOf(p, r.stage) != nil
}

// verdict is a component's finding, and what it means for Ready.
type verdict struct {
	rule
	finding
	// needed reports whether questions need the component.
	needed bool
	// tolerated reports whether the gateway answers without it, as the failure policy lets it.
	tolerated bool
}

// verdicts are the verdicts on the components that the spec has, in the order of rules.
func (v *view) verdicts() (list []verdict) {
	for _, r := range rules {
		if !r.applies(v.p) {
			continue
		}
		in := r.input(v, r)
		f := unresized(r.checks.judge(in), in.volumes)
		list = append(list, verdict{
			rule:    r,
			finding: f,
			needed:  !r.aside && (r.unusedIn == "" || r.unusedIn != v.p.Spec.Retrieval.Mode),
			// The first Ready needs every stage.
			tolerated: r.aside || v.wasReady() && (f.reason == string(config.ModelDrifted) || v.degrades(r)),
		})
	}
	return list
}

// degrades reports whether the failure policy lets questions be answered without the component.
func (v *view) degrades(r rule) bool {
	return r.policy != nil && r.policy(v.p.Spec.FailurePolicy) == v1alpha1.Policy(config.Degrade)
}

// blocks reports whether the component keeps questions from being answered.
func (c verdict) blocks() bool {
	if !c.needed || c.tolerated {
		return false
	}
	return c.status == metav1.ConditionFalse || c.status == metav1.ConditionUnknown && c.weight > fine
}

// cause is a finding that keeps the pipeline from what the spec describes.
type cause struct {
	finding
	// blocks reports whether it also keeps questions from being answered.
	blocks bool
}

// causes are all causes, in the order in which a user is told of them.
func (v *view) causes(verdicts []verdict) []cause {
	var list []cause
	if problem := v.Problem; problem != nil {
		list = append(list, cause{problem.finding(), true})
	}
	blocked := map[string]bool{}
	for _, c := range verdicts {
		blocked[c.missingKey] = c.blocks()
	}
	for _, m := range v.Missing {
		first := v.Live == "" && m.Component != naming.ComponentRoute
		list = append(list, cause{m.finding(), first || blocked[m.Component]})
	}
	for _, c := range verdicts {
		unreadable := c.status == metav1.ConditionUnknown && v.unreadable() != "" && v.wasReady()
		tolerated := c.tolerated && !c.awaited && c.weight < terminal && c.status != metav1.ConditionTrue
		if c.weight == fine || tolerated || unreadable {
			continue
		}
		list = append(list, cause{c.finding, c.blocks()})
	}
	return append(list, cause{v.nextEmbedding(), false}, cause{v.run(), v.Live == ""}, cause{v.rollout(), false})
}

// heaviest returns the first of the heaviest causes that want accepts.
func heaviest(causes []cause, want func(cause) bool) (heaviest finding) {
	for _, c := range causes {
		if c.weight > heaviest.weight && want(c) {
			heaviest = c.finding
		}
	}
	return heaviest
}

// ready decides on Ready.
func (v *view) ready(verdicts []verdict, causes []cause, progressing *metav1.Condition) finding {
	f := v.readiness(verdicts, causes, progressing)
	if v.p.Spec.Suspend {
		f.reason = v1alpha1.ReasonSuspended
		f.message = "the pipeline is suspended: nothing is changed or indexed until spec.suspend is false; " + f.message
	}
	return f
}

func (v *view) readiness(verdicts []verdict, causes []cause, progressing *metav1.Condition) finding {
	blocked, certain := false, false
	var unreadable *verdict
	for i, c := range verdicts {
		if !c.blocks() {
			continue
		}
		blocked = true
		certain = certain || c.status == metav1.ConditionFalse
		if c.reason == v1alpha1.ReasonGatewayUnreadable {
			unreadable = &verdicts[i] // in the end the gateway's own, which is the last rule's
		}
	}
	if !blocked {
		return v.answers(verdicts, progressing)
	}
	if unreadable != nil && !certain && v.wasReady() {
		return unreadable.finding
	}
	f := heaviest(causes, func(c cause) bool { return c.blocks })
	f.status = metav1.ConditionFalse
	if progressing != nil && progressing.Reason == f.reason {
		f.message = progressing.Message
	}
	return f
}

// answers is Ready True: with the stage that the reply lacks, or else with the work that is going
// on, and with the documents that answers lack.
func (v *view) answers(verdicts []verdict, progressing *metav1.Condition) finding {
	f := ok(v1alpha1.ReasonReady, "questions are answered")
	lacking := slices.IndexFunc(verdicts, func(c verdict) bool {
		return c.needed && c.tolerated && c.status == metav1.ConditionFalse
	})
	switch {
	case lacking >= 0 && verdicts[lacking].reason == string(config.ModelDrifted):
		c := verdicts[lacking]
		f.reason = string(config.ModelDrifted)
		f.message = fmt.Sprintf("questions are answered, with a warning, %s: %s", v.despiteDrift(c.rule), c.message)
	case lacking >= 0:
		c := verdicts[lacking]
		f.reason = v1alpha1.ReasonDegraded
		f.message = fmt.Sprintf("questions are answered %s: %s", c.without, c.message)
	case progressing != nil:
		f.message += "; " + progressing.Message
	}
	if lost := shortfall(v.index); lost != "" {
		f.message += "; " + lost
	}
	return f
}

// despiteDrift completes "questions are answered ..." for an embedding model that is not the one which built the index.
func (v *view) despiteDrift(embedding rule) string {
	if v.degrades(embedding) && v.p.Spec.Retrieval.Mode == v1alpha1.Mode(config.Hybrid) {
		return embedding.without
	}
	return "with passages that may be the wrong ones"
}
