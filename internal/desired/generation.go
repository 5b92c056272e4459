package desired

import (
	"slices"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Record describes a generation. It is pinned in an immutable ConfigMap of its own, under
// RecordKey.
type Record struct {
	Generation config.Generation `json:"generation"`
	// Embedding is the model as the spec had it when the generation was first wanted. See
	// Embedding.
	Embedding v1alpha1.EmbeddingModel `json:"embedding"`
}

// RecordKey is the entry of a generation's ConfigMap that holds its Record as JSON.
const RecordKey = "record.json"

// Fingerprint names the generation.
func (r Record) Fingerprint() string { return r.Generation.Fingerprint() }

// NewRecord returns the record of the generation that the spec wants.
func NewRecord(p *v1alpha1.RAGPipeline) Record {
	return Record{Generation: derive.Generation(p), Embedding: p.Spec.Models.Embedding}
}

// Embedding returns the embedding model that serves a generation. While the spec still names the
// same model, it is the spec's: another image or another server of it changes no vector. Otherwise
// it is the record's.
func Embedding(p *v1alpha1.RAGPipeline, r Record) v1alpha1.EmbeddingModel {
	now := p.Spec.Models.Embedding
	if derive.ModelName(config.StageEmbedding, now.Model) == r.Generation.Embedding.Model {
		return now
	}
	return r.Embedding
}

// Reported reports whether the status names a generation. Before it does, whatever claims to be its record may be
// planted.
func Reported(p *v1alpha1.RAGPipeline, fingerprint string) bool {
	index := p.Status.Index
	if index == nil {
		return false
	}
	return index.Generation == fingerprint || index.Building != nil && index.Building.Generation == fingerprint ||
		slices.ContainsFunc(index.Retained, func(r v1alpha1.RetainedGeneration) bool { return r.Generation == fingerprint })
}

// pinned is the generation that a new gateway pod serves.
func (b builder) pinned() Record {
	if b.facts.Live != nil {
		return *b.facts.Live
	}
	return b.wanted
}

// generations lists all that must exist, each once: the wanted one, the live one, those that are
// retained, and those that a pod still serves.
func (b builder) generations() []Record {
	var list []Record
	seen := map[string]bool{}
	for _, r := range slices.Concat([]Record{b.wanted, b.pinned()}, b.facts.Retained, b.facts.Draining) {
		if fingerprint := r.Fingerprint(); !seen[fingerprint] {
			seen[fingerprint] = true
			list = append(list, r)
		}
	}
	return list
}

// records pins each generation in a ConfigMap.
func (b builder) records() []Child {
	var children []Child
	for _, r := range b.generations() {
		name := b.names.Generation(r.Fingerprint())
		children = append(children, b.immutable(name, naming.ComponentGeneration, r.Fingerprint(), RecordKey, r))
	}
	return children
}

func (b builder) embedding(r Record) v1alpha1.Model { return Embedding(b.p, r).Model }

// embeddings lists the embedding models of all generations, each once.
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
