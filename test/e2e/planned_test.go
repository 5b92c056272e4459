//go:build e2e

package e2e

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Some of these changes cannot be made without an outage: there is one store, and no spare GPU.
// Ready has to be false before it begins. The others must cause none.
func TestNoPlannedChangeFailsAQuestionWhileReadyIsTrue(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	object := standIns("planned", n.documentsOf(turbine))
	object.Spec.Models.LLM.Model = *simulated(naming.ComponentLLM, "Retain")
	p := n.pipeline(object)
	prober := p.probe(howFast)
	p.settled(readyWithin)
	memory := func(size string) *v1alpha1.Resources {
		return &v1alpha1.Resources{Requests: map[string]resource.Quantity{"memory": resource.MustParse(size)}}
	}
	for _, change := range []struct {
		name string
		edit func(s *v1alpha1.RAGPipelineSpec)
	}{
		{"the store's resources", func(s *v1alpha1.RAGPipelineSpec) { s.VectorStore.Weaviate.Resources = memory("200Mi") }},
		{"the NIM's environment", func(s *v1alpha1.RAGPipelineSpec) {
			s.Models.LLM.NIM.Env = append(s.Models.LLM.NIM.Env, v1alpha1.EnvVar{Name: "NIM_LOG_LEVEL", Value: "INFO"})
		}},
		{"a stand-in for the NIM", func(s *v1alpha1.RAGPipelineSpec) { s.Models.LLM.Model = v1alpha1.Model{StandIn: &v1alpha1.StandIn{}} }},
		{"no reranking", func(s *v1alpha1.RAGPipelineSpec) { s.Models.Reranking = nil }},
		{"no LLM", func(s *v1alpha1.RAGPipelineSpec) { s.Models.LLM = nil }},
		{"the gateway's resources", func(s *v1alpha1.RAGPipelineSpec) { s.Gateway.Resources = memory("70Mi") }},
	} {
		t.Log(change.name)
		func() {
			calm.RLock() // the operator is needed in time
			defer calm.RUnlock()
			p.edit(change.edit)
			p.settled(readyWithin)
		}()
	}
	prober.end()
	prober.unfailing(t)
}
