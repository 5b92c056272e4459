package desired

import (
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// standIn is one server of all the stand-in models that the pipeline has.
func (m maker) standIn() []Child {
	name, selector := m.names.StandIn(), naming.Selector(m.p, naming.ComponentStandIn)
	container := m.ours("models", "models", "--listen", ":8000").
		WithPorts(port("http", modelPort)).
		WithReadinessProbe(probe("http", "/v1/health/ready", 1)).
		WithLivenessProbe(probe("http", "/v1/health/live", 10).WithFailureThreshold(6)).
		WithLifecycle(lingering()).
		WithResources(resources(nil, "20m", "32Mi"))
	template := m.template(pod{component: naming.ComponentStandIn, account: name}, container)
	template.Spec.WithTerminationGracePeriodSeconds(lingeringGrace)
	deployment := appsv1ac.Deployment(name, m.p.Namespace).
		WithLabels(naming.Labels(m.p, naming.ComponentStandIn)).
		WithSpec(appsv1ac.DeploymentSpec().
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
			WithStrategy(rolling(0, 1)).
			WithMinReadySeconds(2).
			WithRevisionHistoryLimit(2).
			WithTemplate(template))
	return []Child{
		m.account(name, naming.ComponentStandIn),
		m.modelPolicy(name, naming.ComponentStandIn, naming.ComponentGateway, naming.ComponentIngest),
		{Object: m.service(name, naming.ComponentStandIn, selector, servicePort("http", modelPort))},
		{Object: deployment},
	}
}

// standsIn says whether any model, of any generation, is a stand-in.
func (m maker) standsIn() bool {
	models := m.embeddings()
	if reranking := m.p.Spec.Models.Reranking; reranking != nil {
		models = append(models, *reranking)
	}
	if llm := m.p.Spec.Models.LLM; llm != nil {
		models = append(models, llm.Model)
	}
	for _, model := range models {
		if model.StandIn != nil {
			return true
		}
	}
	return false
}

// embeddings are the embedding models of all generations, each once.
func (m maker) embeddings() []v1alpha1.Model {
	var list []v1alpha1.Model
	seen := map[string]bool{}
	for _, r := range m.generations() {
		if name := r.Generation.Embedding.Model; !seen[name] {
			seen[name] = true
			list = append(list, m.embedding(r))
		}
	}
	return list
}
