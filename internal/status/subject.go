package status

import (
	"fmt"
	"time"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// subject is what a message is about, with the fields of the spec that its remedies name.
type subject struct {
	title     string // as in "the embedding model is starting"
	component string // as its pods' label says
	field     string // of the spec
	// image and memory are the fields to correct; empty where the spec has none.
	image, memory string
	storageClass  string
	pipeline      string
	timeout       time.Duration // a model's startupTimeout
}

// modelTitles name the models in messages.
var modelTitles = map[config.Stage]string{
	config.StageEmbedding: "the embedding model",
	config.StageReranking: "the reranking model",
	config.StageLLM:       "the LLM",
}

// modelOf is the model that the spec has for a stage; nil if none.
func modelOf(p *v1alpha1.RAGPipeline, stage config.Stage) *v1alpha1.Model {
	models := &p.Spec.Models
	switch {
	case stage == config.StageEmbedding:
		return &models.Embedding.Model
	case stage == config.StageReranking:
		return models.Reranking
	case models.LLM != nil:
		return &models.LLM.Model
	}
	return nil
}

func modelSubject(p *v1alpha1.RAGPipeline, stage config.Stage, c Component) subject {
	s := subject{title: modelTitles[stage], component: string(stage), pipeline: p.Name, timeout: c.StartupTimeout}
	s.field = "spec.models." + string(stage)
	if m := modelOf(p, stage); m != nil && m.StandIn != nil {
		s.title, s.component = "the stand-in for "+s.title, naming.ComponentStandIn
		return s
	}
	s.field += ".nim"
	s.image, s.memory, s.storageClass = s.field+".image and .pullSecrets", s.field+".resources.limits.memory", s.field+".cache.storageClassName"
	return s
}

func storeSubject(p *v1alpha1.RAGPipeline) subject {
	const field = "spec.vectorStore.weaviate"
	return subject{title: "the vector store", component: naming.ComponentWeaviate, pipeline: p.Name, field: field, image: field + ".image",
		memory: field + ".resources.limits.memory", storageClass: field + ".storage.storageClassName"}
}

func gatewaySubject(p *v1alpha1.RAGPipeline) subject {
	return subject{title: "the gateway", component: naming.ComponentGateway, pipeline: p.Name, field: "spec.gateway", memory: "spec.gateway.resources.limits.memory"}
}

func ingestSubject(p *v1alpha1.RAGPipeline) subject {
	return subject{title: "the ingestion run", component: naming.ComponentIngest, pipeline: p.Name, field: "spec.ingest", memory: "spec.ingest.resources.limits.memory"}
}

// logs is how to read the log of the subject's pods.
func (s subject) logs() string {
	return fmt.Sprintf("kubectl logs -l %s=%s,%s=%s", naming.LabelPipeline, s.pipeline, naming.LabelComponent, s.component)
}

// pods is how to look at them.
func (s subject) pods() string {
	return fmt.Sprintf("kubectl describe pods -l %s=%s,%s=%s", naming.LabelPipeline, s.pipeline, naming.LabelComponent, s.component)
}
