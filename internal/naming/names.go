// Package naming holds the names, labels and annotations of the objects that the operator makes for
// a pipeline. It is a leaf: those that make the objects, those that apply them and those that
// report on them all import it.
package naming

import (
	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Names are the names of a pipeline's children. A pipeline's name has at most 40 characters, so
// that each of these is a DNS label, and a StatefulSet's pods still carry a label with its name and
// a hash.
type Names struct{ Pipeline string }

// For returns the names of p's children.
func For(p *v1alpha1.RAGPipeline) Names { return Names{Pipeline: p.Name} }

// Gateway is the name of the gateway's Deployment, Service and NetworkPolicy.
func (n Names) Gateway() string { return n.Pipeline + "-gateway" }

// GatewayKey is the Secret of the key that the operator makes for the gateway's callers.
func (n Names) GatewayKey() string { return n.Pipeline + "-gateway-key" }

// GatewayConfig is the ConfigMap of the gateway's config with that hash.
func (n Names) GatewayConfig(hash string) string { return n.Pipeline + "-gateway-" + hash[:8] }

// Task is the name of a task's Job and ConfigMap, given the component of its kind and its hash.
func (n Names) Task(component, hash string) string {
	return n.Tasks(component) + "-" + hash[:8]
}

// Tasks is the name of the objects that all tasks of a kind share, given its component.
func (n Names) Tasks(component string) string { return n.Pipeline + "-" + component }

// Weaviate is the name of the store's StatefulSet and client Service.
func (n Names) Weaviate() string { return n.Pipeline + "-weaviate" }

// WeaviatePeers is the headless Service by which the store's replicas find each other.
func (n Names) WeaviatePeers() string { return n.Pipeline + "-weaviate-headless" }

// WeaviateKey is the Secret of the store's API key.
func (n Names) WeaviateKey() string { return n.Pipeline + "-weaviate-key" }

// WeaviateReader is the Secret of the store's API key for reading, which the gateway has.
func (n Names) WeaviateReader() string { return n.Pipeline + "-weaviate-reader" }

// Certificates is the Secret of the certificates by which the pipeline's pods know each other.
func (n Names) Certificates() string { return n.Pipeline + "-certificates" }

// StandIn is the name of the stand-in models' Deployment and Service.
func (n Names) StandIn() string { return n.Pipeline + "-stand-in" }

// Program is the name of the container of a source's program, and of the volume that it fills.
func Program(source string) string { return "source-" + source }

// Generation is the ConfigMap of the generation with that fingerprint.
func (n Names) Generation(fingerprint string) string { return n.Pipeline + "-gen-" + fingerprint }

// Stage is the NetworkPolicy of the models that serve a stage, whichever generation they serve. For
// extraction, it is the name of all objects of the server.
func (n Names) Stage(stage string) string { return n.Pipeline + "-" + stage }

// NIM is the name of the objects of the NIM that serves model at a stage. Those of embedding carry
// a hash of the model, so that two models can serve two generations side by side; a generation that
// differs in its chunking alone needs no second model.
func (n Names) NIM(stage, model string) string {
	if stage == ComponentEmbedding {
		return n.Pipeline + "-embedding-" + ModelHash(model)
	}
	return n.Stage(stage)
}

// ModelHash is 8 hexadecimal digits of the hash of a model's name, as a label's value.
func ModelHash(model string) string { return config.Hash(model)[:8] }
