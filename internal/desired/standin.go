package desired

import (
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// standIn is one server of all the stand-in models that the pipeline has.
func (b builder) standIn() []Child {
	name, selector := b.names.StandIn(), naming.Selector(b.p, naming.ComponentStandIn)
	container := b.operatorContainer("models", "models", "--listen", ":8000").
		WithPorts(port("http", modelPort)).
		WithReadinessProbe(probe("http", "/v1/health/ready", 1)).
		WithLivenessProbe(probe("http", "/v1/health/live", 10).WithFailureThreshold(6)).
		WithLifecycle(preStopDelay()).
		WithResources(resources(nil, "20m", "32Mi"))
	template := b.template(pod{component: naming.ComponentStandIn, account: name}, container)
	template.Spec.WithTerminationGracePeriodSeconds(preStopGrace)
	deployment := appsv1ac.Deployment(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, naming.ComponentStandIn)).
		WithSpec(appsv1ac.DeploymentSpec().
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
			WithStrategy(rolling(0, 1)).
			WithMinReadySeconds(2).
			WithRevisionHistoryLimit(2).
			WithTemplate(template))
	return []Child{
		b.account(name, naming.ComponentStandIn),
		b.modelPolicy(name, naming.ComponentStandIn, naming.ComponentGateway, naming.ComponentIngest),
		{Object: b.service(name, naming.ComponentStandIn, selector, servicePort("http", modelPort))},
		{Object: deployment},
	}
}

// standsIn says whether any model, of any generation, is a stand-in.
func (b builder) standsIn() bool {
	models := b.embeddings()
	if reranking := b.p.Spec.Models.Reranking; reranking != nil {
		models = append(models, *reranking)
	}
	if llm := b.p.Spec.Models.LLM; llm != nil {
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
func (b builder) embeddings() []v1alpha1.Model {
	var list []v1alpha1.Model
	seen := map[string]bool{}
	for _, r := range b.generations() {
		if name := r.Generation.Embedding.Model; !seen[name] {
			seen[name] = true
			list = append(list, b.embedding(r))
		}
	}
	return list
}
