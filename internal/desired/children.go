// Package desired returns the objects that should exist for a pipeline, a file for each component.
// It is pure: no client, no clock, no files. The pipeline is one that the CRD's schema has accepted
// and defaulted.
package desired

import (
	"encoding/json"
	"errors"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/certificates"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Configuration is an apply configuration with its kind, name and namespace set. It holds only what
// the operator manages.
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
	// Once means that the object is created when absent and never applied over, as with Jobs,
	// immutable ConfigMaps and generated Secrets.
	Once bool
	// Kept means that the object outlives the pipeline, is taken over by a pipeline of the same
	// name, and is never pruned. It has no owner reference and is recognised by its labels.
	Kept bool
	// Generate names the entries of a Secret that get a random token when it is created.
	Generate []string
	// Certificates are those of a Secret, which are renewed in time; nil for other objects.
	Certificates *certificates.Request
	// Exact means that an object of the name that holds anything else is made anew.
	Exact bool
	// Voucher is the workload whose annotation, naming.AnnotationKey unless its Key is another one, is the digest of
	// these tokens. It vouches for the Secret where its owner reference is lost, as after a restore, or may be forged.
	Voucher derive.Object
}

// Operator is what children depend on of the operator that creates them.
type Operator struct {
	// Image is the operator's own, which data-plane pods run.
	Image string
	// WeaviateImage is the image of a new store whose spec names none.
	WeaviateImage string
	// Namespace and Labels are those of the operator's pods, which NetworkPolicies admit to the ops
	// ports.
	Namespace string
	Labels    map[string]string
	// PullPolicy applies to data-plane pods; empty means the cluster's default.
	PullPolicy string
	// Pods adapts the pods of all pipelines; nil adds nothing.
	Pods *v1alpha1.Pods
	// OTLPEndpoint is the URL of the receiver of traces, empty for none.
	OTLPEndpoint string
	// WeaviateMetrics reports whether stores serve metrics.
	WeaviateMetrics bool
}

// Facts are what children depend on besides the pipeline and the operator.
type Facts struct {
	// Live is the complete generation that questions are answered from. It is nil before the first;
	// the gateway is then pinned to the wanted one.
	Live *Record
	// Retained are generations that another one has replaced and that are kept for a way back.
	Retained []Record
	// Draining are further generations that a pod is still pinned to.
	Draining []Record
	// WeaviateKey is the UID of the store's API-key Secret, which the templates of the store and
	// its clients carry.
	WeaviateKey types.UID
	// Digests are those of the generated Secrets' tokens, by the Secrets' names.
	Digests map[string]string
	// WeaviateReader is the UID of the Secret of the store's key for reading.
	WeaviateReader types.UID
	// OneKey reports whether the existing store is from an operator that gave it the writing key alone. It
	// gets the reading key when it is made anew, because an upgrade of the operator restarts no store.
	OneKey bool
	// GatewayWrites reports whether the gateway keeps the writing key: until every replica of the store
	// knows the reading one.
	GatewayWrites bool
	// WeaviateImage is the image of an existing StatefulSet, empty before the first.
	WeaviateImage string
	// Sizes are the requests of existing claims, and under the store's name that of the template of its
	// claims. An apply leaves them as they are.
	Sizes map[string]resource.Quantity
	// Plain and Encrypted report whether a server's pod is there that answers without TLS, and whether any pod is
	// there that answers with it.
	Plain, Encrypted bool
	// Terminators are the sidecars for TLS of existing workloads, by the workloads' names.
	Terminators map[string]Terminator
	// Authority is a digest of the pipeline's own authority, by which its pods know each other.
	Authority string
	// NoHTTPRoutes reports whether the cluster lacks HTTPRouteKind.
	NoHTTPRoutes bool
	// Tasks are the tasks to have.
	Tasks []Task
}

// Secrets returns the children whose UIDs or digests others carry. They are applied first.
func Secrets(p *v1alpha1.RAGPipeline, f Facts) []Child {
	b := newBuilder(p, Operator{}, f)
	children := b.certificates()
	if p.Spec.VectorStore.Weaviate != nil {
		children = append(children,
			b.secret(b.names.WeaviateKey(), naming.ComponentWeaviate, "StatefulSet", b.names.Weaviate(),
				weaviateKeyEntry, weaviatePeersEntry),
			b.readerSecret())
	}
	if p.Spec.Gateway.Auth == nil {
		children = append(children, b.secret(b.names.GatewayKey(), naming.ComponentGateway, "Deployment", b.names.Gateway(),
			GatewayKeyEntry))
	}
	return children
}

// Certificates returns the Secret of the pipeline's certificates, if it has one. Those of a suspended pipeline expire,
// too.
func Certificates(p *v1alpha1.RAGPipeline, f Facts) []Child {
	children := newBuilder(p, Operator{}, f).certificates()
	for _, c := range children {
		c.Certificates.KeepAuthority = true // the gateway's pods are not replaced, and read the authority at their start
	}
	return children
}

// Children returns all other objects that the pipeline should have, in the order in which they are
// applied. Its error is a *derive.ConfigurationError or several joined.
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
	return slices.Concat(b.records(), b.models(), b.extraction(), b.weaviate(), gateway, b.route(), b.tasks()), err
}

// UpkeepConfig returns the config of the runs that bring a generation beside the wanted one up to date
// with the sources.
func UpkeepConfig(p *v1alpha1.RAGPipeline, r Record) (config.Ingest, error) {
	b := newBuilder(p, Operator{}, Facts{})
	dataPlane := b.dataPlaneFor(r)
	c, err := derive.Ingest(p, dataPlane)
	if err != nil {
		return config.Ingest{}, err
	}
	c.Generation, c.Upkeep = r.Generation, true
	c.Embedding, err = dataPlane.Model(config.StageEmbedding, b.embedding(r))
	return c, err
}

// IngestConfig returns the config of the runs that build or update the generation that the spec
// wants.
func IngestConfig(p *v1alpha1.RAGPipeline, f Facts) (config.Ingest, error) {
	b := newBuilder(p, Operator{}, f)
	c, err := derive.Ingest(p, b.dataPlaneFor(b.wanted))
	if err != nil {
		return config.Ingest{}, err
	}
	if live := f.Live; live != nil && live.Generation.SameTexts(b.wanted.Generation) {
		c.Texts = &live.Generation
	}
	for _, r := range b.generations() {
		c.Keep = append(c.Keep, r.Fingerprint())
	}
	slices.Sort(c.Keep)
	return c, nil
}

// The ports of what the operator runs, besides config.OpsPort.
const (
	GatewayPort = 8080
	modelPort   = 8000
)

// builder builds the children of one pipeline.
type builder struct {
	p        *v1alpha1.RAGPipeline
	operator Operator
	facts    Facts
	names    naming.Names
	wanted   Record
}

func newBuilder(p *v1alpha1.RAGPipeline, o Operator, f Facts) builder {
	return builder{p: p, operator: o, facts: f, names: naming.For(p), wanted: NewRecord(p)}
}

// dataPlaneFor describes the cluster to the pods of a generation. Hosts are Services by their short
// names, which a pod's resolver completes: nothing here knows the cluster's domain.
func (b builder) dataPlaneFor(r Record) derive.DataPlane {
	return derive.DataPlane{
		Index:            b.index(),
		TikaURL:          b.url(b.names.Stage(naming.ComponentExtraction), tikaListener),
		StandInURL:       b.url(b.names.StandIn(), modelListener) + "/v1",
		SourcesDirectory: sourcesDirectory,
		NIM: func(stage config.Stage) string {
			embedding := derive.ModelName(config.StageEmbedding, b.embedding(r))
			return b.url(b.names.NIM(string(stage), embedding), modelListener) + "/v1"
		},
	}
}

// secret returns a Secret whose named entries get random tokens when it is created, and for which a workload vouches.
func (b builder) secret(name, component, voucherKind, voucher string, entries ...string) Child {
	secret := corev1ac.Secret(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithType(corev1.SecretTypeOpaque)
	return Child{
		Object: secret, Once: true, Generate: entries, Voucher: derive.Object{Kind: voucherKind, Name: voucher},
	}
}

// readerSecret is the Secret of the store's key for reading. The store vouches for it, too.
func (b builder) readerSecret() Child {
	child := b.secret(b.names.WeaviateReader(), naming.ComponentWeaviate, "StatefulSet", b.names.Weaviate(),
		weaviateKeyEntry)
	child.Voucher.Key = naming.AnnotationReaderKey
	return child
}

// voucher is the annotation of the workload that vouches for a generated Secret.
func (b builder) voucher(secret string) map[string]string {
	if digest := b.facts.Digests[secret]; digest != "" {
		return map[string]string{naming.AnnotationKey: digest}
	}
	return nil
}

// account returns a ServiceAccount without any permission. Each component has its own, so that a
// cluster's rules, such as OpenShift's, can tell them apart.
func (b builder) account(name, component string) Child {
	return Child{Object: corev1ac.ServiceAccount(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithAutomountServiceAccountToken(false)}
}

// immutable returns an immutable ConfigMap of one entry.
func (b builder) immutable(name, component, fingerprint, entry string, value any) Child {
	// A record keeps what an earlier operator, or an earlier spec, wrote.
	keeps := component == naming.ComponentGeneration && Reported(b.p, fingerprint)
	return Child{Once: true, Exact: !keeps, Object: corev1ac.ConfigMap(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithLabels(map[string]string{naming.LabelGeneration: fingerprint}).
		WithImmutable(true).
		WithData(map[string]string{entry: indentedJSON(value)})}
}

// indentedJSON returns v as JSON that a person can read.
func indentedJSON(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("desired: " + err.Error()) // only configs and records come here; config.Hash has marshalled them before
	}
	return string(text) + "\n"
}
