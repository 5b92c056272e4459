// Package desired returns the objects that should exist for a pipeline, a file for each component. It is pure: no client,
// no clock, no files. The pipeline is one that the CRD's schema has accepted and defaulted.
package desired

import (
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// Configuration is an apply configuration with its kind, name and namespace set. It says only what we manage.
type Configuration interface {
	runtime.ApplyConfiguration
	GetAPIVersion() *string
	GetKind() *string
	GetName() *string
	GetNamespace() *string
}

// Child is an object that a pipeline should have.
type Child struct {
	Object Configuration
	// Once: it is created when absent and never applied over: runs, immutable ConfigMaps, generated Secrets.
	Once bool
	// Kept: it outlives the pipeline, is taken up by one of the same name, and is never pruned. It has no owner
	// reference and is recognised by its labels.
	Kept bool
	// Generate names the entries of a Secret that get a random token when it is created.
	Generate []string
}

// Operator is what a child depends on of the operator that makes it.
type Operator struct {
	// Image is the operator's own, which data-plane pods run.
	Image string
	// WeaviateImage is for a store whose spec names no image and that does not exist yet.
	WeaviateImage string
	// Namespace and Labels are the operator's pods', whom NetworkPolicies admit to the ops ports.
	Namespace string
	Labels    map[string]string
	// PullPolicy is data-plane pods'; empty for the cluster's default.
	PullPolicy string
}

// Record is what a generation is, pinned in an immutable ConfigMap of its own under RecordKey.
type Record struct {
	Generation config.Generation `json:"generation"`
	// Embedding is the model as the spec had it when the generation was first wanted. While the spec still names
	// the same model, the spec's own wins: a new image or another home of it changes no vector.
	Embedding v1alpha1.EmbeddingModel `json:"embedding"`
}

// RecordKey is the entry of a generation's ConfigMap that holds its Record as JSON.
const RecordKey = "record.json"

// Fingerprint names the generation.
func (r Record) Fingerprint() string { return r.Generation.Fingerprint() }

// NewRecord is the record of the generation that the spec wants.
func NewRecord(p *v1alpha1.RAGPipeline) Record {
	return Record{Generation: derive.Generation(p), Embedding: p.Spec.Models.Embedding}
}

// Facts are what children depend on besides the pipeline and the operator.
type Facts struct {
	// Live is the complete generation that questions are answered from; nil before the first, and then the
	// gateway is pinned to the wanted one.
	Live *Record
	// Draining are further generations that a pod is still pinned to.
	Draining []Record
	// WeaviateKey is the UID of the store's API-key Secret, which the templates of the store and its clients carry.
	WeaviateKey types.UID
	// WeaviateImage is what an existing StatefulSet runs; empty when there is none.
	WeaviateImage string
	// Tasks are those to have.
	Tasks []Task
}

// Secrets are the children that others depend on by their UID. They are applied first.
func Secrets(p *v1alpha1.RAGPipeline) []Child {
	b := newBuilder(p, Operator{}, Facts{})
	var children []Child
	if p.Spec.VectorStore.Weaviate != nil {
		children = append(children, b.secret(b.names.WeaviateKey(), naming.ComponentWeaviate, weaviateKeyEntry, weaviatePeersEntry))
	}
	if p.Spec.Gateway.Auth == nil {
		children = append(children, b.secret(b.names.GatewayKey(), naming.ComponentGateway, GatewayKeyEntry))
	}
	return children
}

// Children are all other objects that the pipeline should have, in the order in which they are applied. An error
// is a *derive.ConfigurationError or several joined: only a change of the spec helps.
func Children(p *v1alpha1.RAGPipeline, o Operator, f Facts) ([]Child, error) {
	b := newBuilder(p, o, f)
	children, err := b.children()
	if err := errors.Join(err, b.validate()); err != nil {
		return nil, err
	}
	return children, nil
}

func (b builder) children() ([]Child, error) {
	gateway, err := b.gateway()
	var children []Child
	for _, some := range [][]Child{b.records(), b.models(), b.weaviate(), gateway, b.tasks()} {
		children = append(children, some...)
	}
	return children, err
}

// IngestConfig is the config of the runs that build or update the generation that the spec wants.
func IngestConfig(p *v1alpha1.RAGPipeline, f Facts) (config.Ingest, error) {
	b := newBuilder(p, Operator{}, f)
	c, err := derive.Ingest(p, b.dataPlaneFor(b.wanted))
	if err != nil {
		return config.Ingest{}, err
	}
	for _, r := range b.generations() {
		c.Keep = append(c.Keep, r.Fingerprint())
	}
	slices.Sort(c.Keep)
	return c, nil
}
