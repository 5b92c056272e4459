package status

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// subject is what a message is about, with the fields of the spec that its remedies name.
type subject struct {
	title    string // as in "the embedding model is starting"
	podLabel string // the value of its pods' component label
	field    string // of the spec
	// image and memory are the fields to correct; empty if the spec has none.
	image, memory string
	storageClass  string
	certificate   string // the Secret of gateway.tls; empty for other subjects
	claim         string // the field that names an existing claim; empty for a volume of the pipeline's own
	pipeline      string
	timeout       time.Duration // a model's startupTimeout
	priorityClass string        // the field of the component's own; empty if that is not set
	pods          *v1alpha1.Pods
	// program is the name of the container that a source's program runs in; empty for other subjects.
	program string
	// sidecar is the name of the container if it is a sidecar of the operator's; empty for other subjects.
	sidecar string
	// programs are the subjects of a pod's containers that have one of their own, by name.
	programs map[string]subject
}

// modelTitles name the models in messages.
var modelTitles = map[config.Stage]string{
	config.StageEmbedding: "the embedding model",
	config.StageReranking: "the reranking model",
	config.StageLLM:       "the LLM",
}

// modelOf is the spec's model for a stage; nil if it has none.
func modelOf(p *v1alpha1.RAGPipeline, stage config.Stage) *v1alpha1.Model {
	models := &p.Spec.Models
	switch {
	case stage == config.StageEmbedding:
		return &models.Embedding.Model
	case stage == config.StageReranking:
		return models.Reranking
	case stage == config.StageLLM && models.LLM != nil:
		return &models.LLM.Model
	}
	return nil
}

func modelSubject(p *v1alpha1.RAGPipeline, stage config.Stage, c Component) subject {
	s := subject{title: modelTitles[stage], podLabel: string(stage), pipeline: p.Name, pods: p.Spec.Pods,
		timeout: c.StartupTimeout}
	s.field = "spec.models." + string(stage)
	m := modelOf(p, stage)
	if m != nil && m.StandIn != nil {
		s.title, s.podLabel = "the stand-in for "+s.title, naming.ComponentStandIn
		return s
	}
	s.field += ".nim"
	s.image = s.field + ".image and .pullSecrets"
	s.memory = s.field + ".resources.limits.memory"
	s.storageClass = s.field + ".cache.storageClassName"
	if m != nil && m.NIM != nil && m.NIM.Cache != nil && m.NIM.Cache.ClaimName != "" {
		s.claim = s.field + ".cache.claimName"
	}
	if m != nil && m.NIM != nil && m.NIM.PriorityClassName != "" {
		s.priorityClass = s.field + ".priorityClassName"
	}
	return s
}

func storeSubject(p *v1alpha1.RAGPipeline) subject {
	const field = "spec.vectorStore.weaviate"
	return subject{
		title: "the vector store", podLabel: naming.ComponentWeaviate, pipeline: p.Name, field: field, pods: p.Spec.Pods,
		image:        field + ".image",
		memory:       field + ".resources.limits.memory",
		storageClass: field + ".storage.storageClassName",
	}
}

func gatewaySubject(p *v1alpha1.RAGPipeline) subject {
	s := subject{
		title: "the gateway", podLabel: naming.ComponentGateway, pipeline: p.Name, field: "spec.gateway", pods: p.Spec.Pods,
		memory: "spec.gateway.resources.limits.memory",
	}
	if tls := p.Spec.Gateway.TLS; tls != nil {
		s.certificate = string(tls.SecretName)
	}
	return s
}

func ingestSubject(p *v1alpha1.RAGPipeline) subject {
	s := subject{
		title: "the ingestion run", podLabel: naming.ComponentIngest, pipeline: p.Name, field: "spec.ingest",
		pods: p.Spec.Pods, memory: "spec.ingest.resources.limits.memory", programs: map[string]subject{},
	}
	for i, source := range p.Spec.Documents {
		if source.Container == nil {
			continue
		}
		field, name := fmt.Sprintf("spec.documents[%d].container", i), naming.Program(source.Name)
		s.programs[name] = subject{
			title: fmt.Sprintf("the program of source %q", source.Name), podLabel: naming.ComponentIngest, pipeline: p.Name,
			field: field, image: field + ".image and .pullSecrets", memory: field + ".resources.limits.memory", program: name,
		}
	}
	return s
}

// logs is the command that shows the log of the subject's pods.
func (s subject) logs() string {
	if container := cmp.Or(s.program, s.sidecar); container != "" {
		return "kubectl logs -l " + s.selector() + " -c " + container
	}
	return "kubectl logs -l " + s.selector()
}

// terminator is the sidecar that ends TLS before the subject. It runs the operator's image, and the spec has no fields
// of its own for it.
func (s subject) terminator() subject {
	return subject{
		title: "the sidecar for TLS of " + s.title, podLabel: s.podLabel, pipeline: s.pipeline, field: "spec.pods",
		sidecar: naming.TLSContainer,
	}
}

// describe is the command that describes the subject's pods.
func (s subject) describe() string { return "kubectl describe pods -l " + s.selector() }

func (s subject) selector() string {
	return fmt.Sprintf("%s=%s,%s=%s", naming.LabelPipeline, s.pipeline, naming.LabelComponent, s.podLabel)
}

// notFound are the reasons for missing objects, by kind.
var notFound = map[string]string{
	"Secret":                v1alpha1.ReasonSecretNotFound,
	"ConfigMap":             v1alpha1.ReasonConfigMapNotFound,
	"PersistentVolumeClaim": v1alpha1.ReasonClaimNotFound,
	"IngressClass":          v1alpha1.ReasonIngressClassNotFound,
	"StorageClass":          v1alpha1.ReasonStorageClassNotFound,
}

// isNotFound reports whether a reason is that of a missing object, or of an entry that it lacks.
func isNotFound(reason string) bool {
	if reason == v1alpha1.ReasonConfigMapKeyNotFound {
		return true
	}
	for _, r := range notFound {
		if r == reason {
			return true
		}
	}
	return false
}

func (m Missing) finding() finding {
	if m.Key != "" {
		return bad(fault, v1alpha1.ReasonConfigMapKeyNotFound,
			fmt.Sprintf("%s %q does not have the key %q; add it, or correct %s", m.Kind, m.Name, m.Key, m.Field))
	}
	reason, known := notFound[m.Kind]
	if !known {
		reason = m.Kind + "NotFound"
	}
	return bad(fault, reason,
		fmt.Sprintf("%s %q does not exist; create it, or correct %s", m.Kind, m.Name, m.Field))
}
