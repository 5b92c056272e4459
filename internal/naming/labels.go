package naming

import (
	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The labels and annotations of a pipeline's children.
const (
	LabelName      = "app.kubernetes.io/name"       // always AppName
	LabelInstance  = "app.kubernetes.io/instance"   // the pipeline's name
	LabelComponent = "app.kubernetes.io/component"  // one of the Component constants
	LabelManagedBy = "app.kubernetes.io/managed-by" // always Manager

	// LabelPipeline is the pipeline's name: by it the operator lists what it made, pods included.
	LabelPipeline = "ragpipeline.io/pipeline"
	// LabelGeneration is the fingerprint that a gateway's or an ingestion's pod is pinned to.
	LabelGeneration = "ragpipeline.io/generation"
	// LabelTask is the Variant of a task's kind.
	LabelTask = "ragpipeline.io/task"
	// LabelModel is the ModelHash of an embedding model's objects.
	LabelModel = "ragpipeline.io/model"

	// AnnotationConfig is the hash of a task's config.
	AnnotationConfig = "ragpipeline.io/config"
	// AnnotationTrigger is the hash of what a task was started for, its retry number left out.
	AnnotationTrigger = "ragpipeline.io/trigger"
	// AnnotationRetry is a task's retry number, from 0.
	AnnotationRetry = "ragpipeline.io/retry"
	// AnnotationRules is the config.Rules of the operator that started a task.
	AnnotationRules = "ragpipeline.io/rules"
	// AnnotationSpec is the metadata.generation of the pipeline that a task was started for.
	AnnotationSpec = "ragpipeline.io/spec"
	// AnnotationUpgrade is "true" on a task that nothing but an upgrade of the operator made due.
	AnnotationUpgrade = "ragpipeline.io/upgrade"
	// AnnotationRebuilds is how often the index had been found gone when a task was started.
	AnnotationRebuilds = "ragpipeline.io/lost"
	// AnnotationWeaviateKey on a pod is the UID of the store's API-key Secret: one made anew rolls the pod.
	AnnotationWeaviateKey = "ragpipeline.io/weaviate-key"
	// AnnotationKey on a workload is a digest of the tokens in the Secret that it vouches for: the store's StatefulSet
	// and the gateway's Deployment each vouch for their key.
	AnnotationKey = "ragpipeline.io/key-digest"
	// AnnotationReaderKey on the store's StatefulSet is the digest of its key for reading.
	AnnotationReaderKey = "ragpipeline.io/reader-key-digest"
	// AnnotationWeaviateReader on a store's pod is the UID of the Secret of the reading key: a store without it knows the
	// other key alone.
	AnnotationWeaviateReader = "ragpipeline.io/weaviate-reader"
	// AnnotationAuthority is a digest of the pipeline's authority: on a pod, which reads that at its start, and on the
	// gateway's Deployment, by which the operator knows its own.
	AnnotationAuthority = "ragpipeline.io/authority"
	// AnnotationTemplate on a workload is a hash of its pods without the image of their sidecar for TLS.
	AnnotationTemplate = "ragpipeline.io/template"
	// AnnotationTicks is how many runs the interval had made due, one after the other, when a task was started.
	AnnotationTicks = "ragpipeline.io/ticks"
	// AnnotationAsked is "true" on a task that a new value of AnnotationSync asked for.
	AnnotationAsked = "ragpipeline.io/asked"
	// AnnotationSync on a pipeline starts a run whenever its value changes. A task has the value at its start.
	AnnotationSync = "ragpipeline.io/sync"
	// AnnotationRebuild on a pipeline builds a fresh generation whenever its value changes.
	AnnotationRebuild = "ragpipeline.io/rebuild"

	AppName = "ragpipeline"
	Manager = "ragpipeline-operator"
)

// The components, as LabelComponent names them. A model's is the stage that it serves.
const (
	ComponentEmbedding  = string(config.StageEmbedding)
	ComponentReranking  = string(config.StageReranking)
	ComponentLLM        = string(config.StageLLM)
	ComponentExtraction = string(config.StageExtraction)
	ComponentGateway    = "gateway"
	ComponentIngest     = "ingest"
	ComponentWeaviate   = "weaviate"
	ComponentStandIn    = "stand-in"
	ComponentGeneration = "generation"
	// ComponentRoute is what leads to the gateway from outside; its objects have the gateway's label.
	ComponentRoute = "route"
	// ComponentCertificates is the Secret of the pods' certificates.
	ComponentCertificates = "certificates"
)

// TLSContainer is the name of the sidecar that ends TLS before a server.
const TLSContainer = "tls"

// Labels are those of a component's objects.
func Labels(p *v1alpha1.RAGPipeline, component string) map[string]string {
	return map[string]string{
		LabelName:      AppName,
		LabelInstance:  p.Name,
		LabelComponent: component,
		LabelManagedBy: Manager,
		LabelPipeline:  p.Name,
	}
}

// ClaimLabels are those of a claim that outlives its pipeline. They have no LabelInstance: Argo CD takes an object
// without an owner whose instance is an application's name for that application's own, and prunes what Git does not
// have.
func ClaimLabels(p *v1alpha1.RAGPipeline, component string) map[string]string {
	labels := Labels(p, component)
	delete(labels, LabelInstance)
	return labels
}

// Selector selects a component's pods. It never changes: a Deployment's and a StatefulSet's cannot.
func Selector(p *v1alpha1.RAGPipeline, component string) map[string]string {
	return map[string]string{LabelPipeline: p.Name, LabelComponent: component}
}
