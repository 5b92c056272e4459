package desired

import (
	"encoding/json"
	"errors"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

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
func (d DataPlane) model(stage config.Stage, m v1alpha1.Model, standIn string) (config.Model, error) {
	name := modelName(m, standIn)
	switch {
	case m.Endpoint != nil:
		e := m.Endpoint
		return config.Model{URL: string(e.URL), Name: name, Protocol: config.Protocol(e.Protocol), Key: secretKey(e.SecretRef), NoProbe: e.Probe != nil && !*e.Probe}, nil
	case m.NIM != nil && d.NIM == nil:
		return config.Model{}, configurationErrorf("spec.models."+string(stage), "a nim model needs a cluster: on one machine use endpoint, for a server that exists, or standIn; or apply the manifest to a cluster")
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
