package desired

import (
	"errors"
	"strconv"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// DataPlane is what a config needs to know of the place it is for: a cluster or one machine.
type DataPlane struct {
	// Index is where the index lives.
	Index config.Index
	// StandInURL is the base, ending in /v1, of a server of the stand-in models.
	StandInURL string
	// NIM returns the base, ending in /v1, of the NIM that the operator runs for a stage (config.StageLLM and so
	// on). Nil means that there is no cluster to run one.
	NIM func(stage config.Stage) string
	// SourcesDirectory holds a directory for each source, of its name: a pod's mounts. Empty means that nothing
	// is mounted: a ConfigMap is then named in the config, and a volume has no place at all, which the caller
	// has to give it.
	SourcesDirectory string
}

// Generation is what decides the content of p's index. A model is its name, wherever it is served.
func Generation(p *v1alpha1.RAGPipeline) config.Generation {
	embedding, chunking := p.Spec.Models.Embedding, p.Spec.Chunking
	return config.Generation{
		Embedding: config.EmbeddingSpace{
			Model:         modelName(embedding.Model, config.StandInEmbedding),
			Dimensions:    int(value(embedding.Dimensions)),
			QueryPrefix:   embedding.QueryPrefix,
			PassagePrefix: embedding.PassagePrefix,
		},
		Chunking: config.Chunking{
			Size:    int(chunking.Size),
			Overlap: int(value(chunking.Overlap)),
			Unit:    config.Unit(chunking.Unit),
		},
		Analyser:     config.AnalyserVersion,
		EmbeddedText: config.EmbeddedTextVersion,
		Extraction:   config.ExtractionVersion,
	}
}

// Ingest is the config of p's ingestion runs. Its errors are ConfigurationErrors, joined.
func Ingest(p *v1alpha1.RAGPipeline, d DataPlane) (config.Ingest, error) {
	embedding, modelErr := d.model(config.StageEmbedding, p.Spec.Models.Embedding.Model, config.StandInEmbedding)
	sources, sourcesErr := d.sources(p.Spec.Documents)
	if err := errors.Join(sourcesErr, modelErr); err != nil {
		return config.Ingest{}, err
	}
	return config.Ingest{
		Version:    config.Version,
		Pipeline:   identity(p),
		Generation: Generation(p),
		Sources:    sources,
		Embedding:  embedding,
		Index:      d.Index,
	}, nil
}

// Gateway is the config of p's gateway. Its errors are ConfigurationErrors, joined.
func Gateway(p *v1alpha1.RAGPipeline, d DataPlane) (config.Gateway, error) {
	models, modelsErr := d.models(p.Spec.Models)
	retrieval, retrievalErr := retrieval(p.Spec.Retrieval)
	answer, answerErr := answer(p.Spec.Gateway)
	if err := errors.Join(modelsErr, retrievalErr, answerErr); err != nil {
		return config.Gateway{}, err
	}
	policy := p.Spec.FailurePolicy
	return config.Gateway{
		Version:    config.Version,
		Pipeline:   identity(p),
		Generation: Generation(p),
		Index:      d.Index,
		Models:     models,
		Retrieval:  retrieval,
		Answer:     answer,
		FailurePolicy: config.FailurePolicy{
			Embedding: config.Policy(policy.Embedding),
			Reranking: config.Policy(policy.Reranking),
			LLM:       config.Policy(policy.LLM),
		},
	}, nil
}

func identity(p *v1alpha1.RAGPipeline) config.Pipeline {
	return config.Pipeline{Namespace: p.Namespace, Name: p.Name}
}

func retrieval(r v1alpha1.Retrieval) (config.Retrieval, error) {
	alpha, err := decimal("spec.retrieval.alpha", r.Alpha)
	return config.Retrieval{Mode: config.Mode(r.Mode), K: int(r.K), TopN: int(r.TopN), Alpha: alpha}, err
}

func answer(g v1alpha1.Gateway) (config.Answer, error) {
	temperature, err := decimal("spec.gateway.temperature", g.Temperature)
	return config.Answer{System: g.Prompt.System, MaxTokens: int(g.MaxTokens), Temperature: temperature}, err
}

func decimal(field, text string) (float64, error) {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, configurationErrorf(field, "must be a decimal number in quotes, such as \"0.5\"")
	}
	return number, nil
}

// value is *p, or zero for nil.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
