package desired

import (
	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// Embedding is the embedding model that serves a generation: the spec's while it has the same name, else the
// record's.
func Embedding(p *v1alpha1.RAGPipeline, r Record) v1alpha1.EmbeddingModel {
	if now := p.Spec.Models.Embedding; derive.ModelName(config.StageEmbedding, now.Model) == r.Generation.Embedding.Model {
		return now
	}
	return r.Embedding
}

// ModelWorkload is the name of the Deployment that serves a component's model; empty for an endpoint, which the
// operator does not run.
func ModelWorkload(p *v1alpha1.RAGPipeline, component string, m v1alpha1.Model) string {
	names := naming.For(p)
	switch {
	case m.NIM != nil:
		return names.NIM(component, string(m.NIM.Model))
	case m.StandIn != nil:
		return names.StandIn()
	default:
		return ""
	}
}
