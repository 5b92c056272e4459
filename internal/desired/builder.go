package desired

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// The ports of what we run, besides config.OpsPort.
const (
	GatewayPort = 8080
	modelPort   = 8000
)

// builder makes the children of one pipeline.
type builder struct {
	p      *v1alpha1.RAGPipeline
	o      Operator
	f      Facts
	names  naming.Names
	wanted Record
}

func newBuilder(p *v1alpha1.RAGPipeline, o Operator, f Facts) builder {
	return builder{p: p, o: o, f: f, names: naming.For(p), wanted: NewRecord(p)}
}

// pinned is the generation that a new gateway pod serves.
func (b builder) pinned() Record {
	if b.f.Live != nil {
		return *b.f.Live
	}
	return b.wanted
}

// generations are all that must exist: the wanted one, the live one, and those that a pod still serves.
func (b builder) generations() []Record {
	var list []Record
	seen := map[string]bool{}
	for _, r := range append([]Record{b.wanted, b.pinned()}, b.f.Draining...) {
		if fingerprint := r.Fingerprint(); !seen[fingerprint] {
			seen[fingerprint] = true
			list = append(list, r)
		}
	}
	return list
}

// embedding is where the embedding model of a generation is served.
func (b builder) embedding(r Record) v1alpha1.Model { return Embedding(b.p, r).Model }

// place is the cluster, as the config of a pod of that generation sees it. Hosts are Services by their short names,
// which a pod's resolver completes: nothing here knows the cluster's domain.
func (b builder) dataPlaneFor(r Record) derive.DataPlane {
	return derive.DataPlane{
		Index:            b.index(),
		StandInURL:       serviceURL(b.names.StandIn(), modelPort) + "/v1",
		SourcesDirectory: sourcesDirectory,
		NIM: func(stage config.Stage) string {
			embedding := derive.ModelName(config.StageEmbedding, b.embedding(r))
			return serviceURL(b.names.NIM(string(stage), embedding), modelPort) + "/v1"
		},
	}
}

// secret gets the named entries, random, when it is created.
func (b builder) secret(name, component string, entries ...string) Child {
	secret := corev1ac.Secret(name, b.p.Namespace).WithLabels(naming.Labels(b.p, component)).WithType(corev1.SecretTypeOpaque)
	return Child{Object: secret, Once: true, Generate: entries}
}

// account is a ServiceAccount without any right; each component has its own, so that a cluster's rules, such as
// OpenShift's, can tell them apart.
func (b builder) account(name, component string) Child {
	return Child{Object: corev1ac.ServiceAccount(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithAutomountServiceAccountToken(false)}
}

// immutable is a ConfigMap of one entry that is never changed.
func (b builder) immutable(name, component, fingerprint, entry string, value any) Child {
	return Child{Once: true, Object: corev1ac.ConfigMap(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithLabels(map[string]string{naming.LabelGeneration: fingerprint}).
		WithImmutable(true).
		WithData(map[string]string{entry: indentedJSON(value)})}
}
