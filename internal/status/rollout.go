package status

import (
	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// nextEmbedding is how the embedding model of the generation stands that is being built, when it is another one.
func (v *view) nextEmbedding() finding {
	c := v.NextEmbedding
	if c == nil || c.Ready > 0 {
		return none
	}
	s := &stage{view: v, subject: modelSubject(v.p, config.StageEmbedding, *c), component: *c, runs: true, refers: naming.ComponentEmbedding}
	s.title = "the next embedding model"
	f, _ := s.down()
	if v.Live != "" {
		f.message += "; the present index goes on serving"
	}
	return f
}

// rollout is a change of a workload that has not reached every replica, by the first pod that cannot follow.
func (v *view) rollout() finding {
	rolling := none
	for _, s := range v.workloads() {
		if !s.component.Exists || s.component.Current || s.component.Ready == 0 {
			continue
		}
		if f, found := podFault(s.subject, s.component.Pods); found {
			return f
		}
		if rolling.weight == fine {
			rolling = bad(progress, v1alpha1.ReasonRollingOut, "a change of "+s.title+" is being rolled out").within(s.timeout)
			rolling.late = "a change of " + s.title + " has not been rolled out within " + short(rolling.patience) + ": " + s.pods() + " says why"
		}
	}
	return rolling
}

func (v *view) workloads() (list []*stage) {
	list = append(list, v.storeStage())
	for _, name := range []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM} {
		if modelOf(v.p, name) != nil {
			list = append(list, v.modelStage(name))
		}
	}
	gateway := &stage{view: v, subject: gatewaySubject(v.p), component: v.Components[naming.ComponentGateway]}
	return append(list, gateway)
}
