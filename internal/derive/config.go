// Package derive turns a RAGPipeline into the data plane's configs, for the pods of a cluster and
// for `run` alike. It is pure: no client, no clock, no files. The pipeline is one that the CRD's
// schema has accepted and defaulted.
package derive

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// ConfigurationError is a mistake in the spec that the CRD's rules cannot find. No retry helps: the
// user has to change the spec.
type ConfigurationError struct {
	Field   string // path of the field, from spec
	Message string // what is wrong and what to do
}

func (e *ConfigurationError) Error() string { return e.Field + ": " + e.Message }

// Errorf returns a *ConfigurationError.
func Errorf(field, format string, args ...any) error {
	return &ConfigurationError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// DataPlane describes the place where the configs are used: a cluster or one machine.
type DataPlane struct {
	// Index is where the index lives.
	Index config.Index
	// StandInURL is the base, ending in /v1, of a server of the stand-in models.
	StandInURL string
	// NIM returns the base, ending in /v1, of the NIM that the operator runs for a stage. Nil means
	// that there is no cluster to run one.
	NIM func(stage config.Stage) string
	// TikaURL is the base of the Tika that the operator runs. If it is empty, there is no cluster to
	// run one.
	TikaURL string
	// SourcesDirectory holds a directory for each mounted source, named like the source. If it is
	// empty, nothing is mounted, and a source that only a pod can read names no place: see
	// PlaceDirectory.
	SourcesDirectory string
}

// Generation returns what decides the content of p's index. A model is its name, wherever it is
// served; the annotation naming.AnnotationRebuild sets two apart that have one name.
func Generation(p *v1alpha1.RAGPipeline) config.Generation {
	embedding, chunking := p.Spec.Models.Embedding, p.Spec.Chunking
	return config.Generation{
		Extraction: extractionIdentity(p.Spec.Extraction),
		Embedding: config.EmbeddingSpace{
			Model:         ModelName(config.StageEmbedding, embedding.Model),
			Dimensions:    int(ptr.Deref(embedding.Dimensions, 0)),
			QueryPrefix:   embedding.QueryPrefix,
			PassagePrefix: embedding.PassagePrefix,
			Rebuild:       p.Annotations[naming.AnnotationRebuild],
		},
		Chunking: config.Chunking{
			Size:    int(chunking.Size),
			Overlap: int(ptr.Deref(chunking.Overlap, 0)),
			Unit:    config.Unit(chunking.Unit),
		},
		Analyser:     config.AnalyserVersion,
		EmbeddedText: config.EmbeddedTextVersion,
	}
}

// Ingest returns the config of p's ingestion runs. Its errors are ConfigurationErrors, joined.
func Ingest(p *v1alpha1.RAGPipeline, d DataPlane) (config.Ingest, error) {
	sources, sourcesErr := d.sources(p.Spec.Documents)
	embedding, modelErr := d.Model(config.StageEmbedding, p.Spec.Models.Embedding.Model)
	extraction, extractionErr := d.extraction(p.Spec.Extraction)
	if err := errors.Join(sourcesErr, modelErr, extractionErr); err != nil {
		return config.Ingest{}, err
	}
	limit, limitErr := MaxFailed(p)
	prune, pruneErr := prune(p)
	if err := errors.Join(limitErr, pruneErr); err != nil {
		return config.Ingest{}, err
	}
	return config.Ingest{
		Version:    config.Version,
		Pipeline:   identity(p),
		Generation: Generation(p),
		Sources:    sources,
		Embedding:  embedding,
		Index:      d.Index,
		Extraction: extraction,
		Limits:     config.Limits{Chunks: int(p.Spec.Ingest.Limits.Chunks)},
		MaxFailed:  limit,
		Prune:      prune,
	}, nil
}

// MaxFailed returns how many documents of p may fail; nil if the spec does not say. Its error is a
// ConfigurationError.
func MaxFailed(p *v1alpha1.RAGPipeline) (*config.Share, error) {
	return share("spec.ingest.maxFailed", p.Spec.Ingest.MaxFailed)
}

// prune returns what p's runs may remove. The default limit is left out, as from the configs of
// operators that had no limit. Its error is a ConfigurationError.
func prune(p *v1alpha1.RAGPipeline) (config.Prune, error) {
	sync := p.Spec.Sync
	limit, err := share("spec.sync.maxPrune", sync.MaxPrune)
	if limit != nil && *limit == config.DefaultMaxPrune {
		limit = nil
	}
	return config.Prune{Off: !ptr.Deref(sync.Prune, true), Max: limit}, err
}

// share reads a number of documents or a per cent; nil if the field is unset.
func share(field string, value *intstr.IntOrString) (*config.Share, error) {
	if value == nil {
		return nil, nil
	}
	if value.Type == intstr.Int {
		return &config.Share{Number: value.IntValue()}, nil
	}
	number, isPercent := strings.CutSuffix(value.StrVal, "%")
	percent, err := strconv.Atoi(number)
	if err != nil || !isPercent {
		return nil, Errorf(field, "must be a number of documents, or a per cent such as \"5%%\"")
	}
	return &config.Share{Number: percent, Percent: true}, nil
}

// Gateway returns the config of p's gateway. Its errors are ConfigurationErrors, joined.
func Gateway(p *v1alpha1.RAGPipeline, d DataPlane) (config.Gateway, error) {
	models, modelsErr := d.models(p.Spec.Models)
	alpha, alphaErr := decimal("spec.retrieval.alpha", p.Spec.Retrieval.Alpha)
	temperature, temperatureErr := decimal("spec.gateway.temperature", p.Spec.Gateway.Temperature)
	if err := errors.Join(modelsErr, alphaErr, temperatureErr); err != nil {
		return config.Gateway{}, err
	}
	retrieval, answer, policy := p.Spec.Retrieval, p.Spec.Gateway, p.Spec.FailurePolicy
	citations := config.CitationStyle(answer.Citations)
	if citations == config.Field { // is left out, as from the configs of operators that had no such field
		citations = ""
	}
	return config.Gateway{
		Access:     accessMode(answer.Access),
		Version:    config.Version,
		Pipeline:   identity(p),
		Generation: Generation(p),
		Index:      d.Index,
		Models:     models,
		Retrieval: config.Retrieval{
			Mode: config.Mode(retrieval.Mode), K: int(retrieval.K), TopN: int(retrieval.TopN), Alpha: alpha,
			Rewrite: retrieval.Rewrite != nil,
		},
		Answer: config.Answer{
			System: answer.Prompt.System, MaxTokens: int(answer.MaxTokens), Temperature: temperature,
			AllowUngrounded: answer.AllowUngrounded, Citations: citations,
		},
		PublicURL: strings.TrimRight(answer.PublicURL, "/"),
		FailurePolicy: config.FailurePolicy{
			Embedding: config.Policy(policy.Embedding),
			Reranking: config.Policy(policy.Reranking),
			LLM:       config.Policy(policy.LLM),
		},
		OIDC:    issuer(answer.Auth),
		Origins: origins(p.Spec.Gateway.CORS),
		Limits: config.GatewayLimits{
			Concurrent: int(answer.Limits.Concurrent), Queued: int(answer.Limits.Queued),
		},
		Originals: d.originals(p.Spec.Documents),
	}, nil
}

// accessMode leaves out the default, as the configs of operators that had no such field.
func accessMode(m v1alpha1.DocumentAccess) config.AccessMode {
	if m == v1alpha1.AccessOpen {
		return ""
	}
	return config.AccessMode(m)
}

func issuer(auth *v1alpha1.GatewayAuth) *config.OIDC {
	if auth == nil || auth.OIDC == nil {
		return nil
	}
	o := auth.OIDC
	return &config.OIDC{
		Issuer: o.Issuer, Audience: o.Audience, ClientID: o.ClientID, GroupsClaim: o.GroupsClaim,
		RequestsPerMinute: int(o.RequestsPerMinute), TokensPerMinute: int(o.TokensPerMinute),
	}
}

func origins(cors *v1alpha1.CORS) []string {
	if cors == nil {
		return nil
	}
	list := make([]string, len(cors.Origins))
	for i, origin := range cors.Origins {
		list[i] = string(origin)
	}
	return list
}

func identity(p *v1alpha1.RAGPipeline) config.Pipeline {
	return config.Pipeline{Namespace: p.Namespace, Name: p.Name}
}

func decimal(field, text string) (float64, error) {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0, Errorf(field, "must be a decimal number in quotes, such as \"0.5\"")
	}
	return number, nil
}

func (d DataPlane) models(m v1alpha1.Models) (config.Models, error) {
	embedding, err := d.Model(config.StageEmbedding, m.Embedding.Model)
	errs := []error{err}
	models := config.Models{Embedding: embedding}
	if m.Reranking != nil {
		reranking, err := d.Model(config.StageReranking, *m.Reranking)
		models.Reranking = &reranking
		errs = append(errs, err)
	}
	if m.LLM != nil {
		llm, err := d.Model(config.StageLLM, m.LLM.Model)
		extra, extraErr := extraBody(m.LLM)
		models.LLM = &config.LLM{Model: llm, ContextWindow: int(m.LLM.ContextWindow), ExtraBody: extra}
		errs = append(errs, err, extraErr)
	}
	return models, errors.Join(errs...)
}

// Model returns where the model of a stage is served. Its error is a ConfigurationError.
func (d DataPlane) Model(stage config.Stage, m v1alpha1.Model) (config.Model, error) {
	name := ModelName(stage, m)
	switch {
	case m.Endpoint != nil:
		return config.Model{
			URL:      string(m.Endpoint.URL),
			Name:     name,
			Protocol: config.Protocol(m.Endpoint.Protocol),
			Key:      SecretKey(m.Endpoint.SecretRef),
			NoProbe:  !ptr.Deref(m.Endpoint.Probe, true),
		}, nil
	case m.NIM != nil && d.NIM == nil:
		return config.Model{}, Errorf("spec.models."+string(stage), "a nim model needs a cluster: on one machine use "+
			"endpoint, for a server that exists, or standIn; or apply the manifest to a cluster")
	case m.NIM != nil:
		return config.Model{URL: d.NIM(stage), Name: name, Protocol: config.NIM}, nil
	default:
		return config.Model{URL: d.StandInURL, Name: name, Protocol: config.NIM}, nil
	}
}

// ModelName returns the name by which requests and generations know the model of a stage.
func ModelName(stage config.Stage, m v1alpha1.Model) string {
	switch {
	case m.Endpoint != nil:
		return string(m.Endpoint.Model)
	case m.NIM != nil:
		return string(m.NIM.Model)
	default:
		return standIns[stage]
	}
}

var standIns = map[config.Stage]string{
	config.StageEmbedding: config.StandInEmbedding,
	config.StageReranking: config.StandInReranking,
	config.StageLLM:       config.StandInLLM,
}

// SecretKey returns the reference as a config has it; nil for nil.
func SecretKey(ref *v1alpha1.SecretKey) *config.SecretKey {
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
		return nil, Errorf("spec.models.llm.extraBody", "must be an object")
	}
	return body, nil
}
