package desired

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strconv"

	"github.com/bmatcuk/doublestar/v4"

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
	NIM func(stage string) string
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

func (d DataPlane) sources(sources []v1alpha1.Source) ([]config.Source, error) {
	var list []config.Source
	var errs []error
	for i, s := range sources {
		field := fmt.Sprintf("spec.documents[%d]", i)
		include, includeErr := globs(field+".include", s.Include)
		exclude, excludeErr := globs(field+".exclude", s.Exclude)
		errs = append(errs, includeErr, excludeErr)
		source := config.Source{Name: s.Name, Include: include, Exclude: exclude, Metadata: metadata(s.Metadata)}
		switch {
		case d.SourcesDirectory != "":
			source.Directory = &config.Directory{Path: path.Join(d.SourcesDirectory, s.Name)}
		case s.ConfigMap != nil:
			source.ConfigMap = &config.ConfigMap{Name: string(s.ConfigMap.Name)}
		}
		list = append(list, source)
	}
	return list, errors.Join(errs...)
}

// globs refuses what is no pattern: CEL cannot parse one.
func globs(field string, patterns []v1alpha1.Glob) ([]string, error) {
	var list []string
	var errs []error
	for i, pattern := range patterns {
		if !doublestar.ValidatePattern(string(pattern)) {
			errs = append(errs, configurationErrorf(fmt.Sprintf("%s[%d]", field, i), "%q is no glob: close its brackets, or put a backslash before a bracket that is meant as such", pattern))
		}
		list = append(list, string(pattern))
	}
	return list, errors.Join(errs...)
}

func metadata(values map[string]v1alpha1.MetadataValue) map[string]string {
	if values == nil {
		return nil
	}
	m := make(map[string]string, len(values))
	for key, value := range values {
		m[key] = string(value)
	}
	return m
}

func (d DataPlane) models(m v1alpha1.Models) (config.Models, error) {
	var models config.Models
	var err error
	errs := make([]error, 0, 4)
	models.Embedding, err = d.model(config.StageEmbedding, m.Embedding.Model, config.StandInEmbedding)
	errs = append(errs, err)
	if m.Reranking != nil {
		reranking, err := d.model(config.StageReranking, *m.Reranking, config.StandInReranking)
		models.Reranking = &reranking
		errs = append(errs, err)
	}
	if m.LLM != nil {
		llm, err := d.model(config.StageLLM, m.LLM.Model, config.StandInLLM)
		extra, extraErr := extraBody(m.LLM)
		models.LLM = &config.LLM{Model: llm, ContextWindow: int(m.LLM.ContextWindow), ExtraBody: extra}
		errs = append(errs, err, extraErr)
	}
	return models, errors.Join(errs...)
}

// model says where the model of a stage is served.
func (d DataPlane) model(stage string, m v1alpha1.Model, standIn string) (config.Model, error) {
	name := modelName(m, standIn)
	switch {
	case m.Endpoint != nil:
		e := m.Endpoint
		return config.Model{URL: string(e.URL), Name: name, Protocol: config.Protocol(e.Protocol), Key: secretKey(e.SecretRef), NoProbe: e.Probe != nil && !*e.Probe}, nil
	case m.NIM != nil && d.NIM == nil:
		return config.Model{}, configurationErrorf("spec.models."+stage, "a nim model needs a cluster: on one machine use endpoint, for a server that exists, or standIn; or apply the manifest to a cluster")
	case m.NIM != nil:
		return config.Model{URL: d.NIM(stage), Name: name, Protocol: config.NIM}, nil
	default:
		return config.Model{URL: d.StandInURL, Name: name, Protocol: config.NIM}, nil
	}
}

// modelName is what a request calls the model, and by which its vector space is known.
func modelName(m v1alpha1.Model, standIn string) string {
	switch {
	case m.Endpoint != nil:
		return string(m.Endpoint.Model)
	case m.NIM != nil:
		return string(m.NIM.Model)
	default:
		return standIn
	}
}

func secretKey(ref *v1alpha1.SecretKey) *config.SecretKey {
	if ref == nil {
		return nil
	}
	return &config.SecretKey{Name: string(ref.Name), Key: ref.Key}
}

func extraBody(llm *v1alpha1.LLM) (map[string]any, error) {
	if llm.ExtraBody == nil {
		return nil, nil
	}
	var body map[string]any
	if err := json.Unmarshal(llm.ExtraBody.Raw, &body); err != nil {
		return nil, configurationErrorf("spec.models.llm.extraBody", "must be an object")
	}
	return body, nil
}

// value is *p, or zero for nil.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}
