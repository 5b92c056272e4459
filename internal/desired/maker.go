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

// maker makes the children of one pipeline.
type maker struct {
	p      *v1alpha1.RAGPipeline
	o      Operator
	f      Facts
	names  naming.Names
	wanted Record
}

func newMaker(p *v1alpha1.RAGPipeline, o Operator, f Facts) maker {
	return maker{p: p, o: o, f: f, names: naming.For(p), wanted: NewRecord(p)}
}

// pinned is the generation that a new gateway pod serves.
func (m maker) pinned() Record {
	if m.f.Live != nil {
		return *m.f.Live
	}
	return m.wanted
}

// generations are all that must exist: the wanted one, the live one, and those that a pod still serves.
func (m maker) generations() []Record {
	var list []Record
	seen := map[string]bool{}
	for _, r := range append([]Record{m.wanted, m.pinned()}, m.f.Draining...) {
		if fingerprint := r.Fingerprint(); !seen[fingerprint] {
			seen[fingerprint] = true
			list = append(list, r)
		}
	}
	return list
}

// embedding is where the embedding model of a generation is served.
func (m maker) embedding(r Record) v1alpha1.Model { return Embedding(m.p, r).Model }

// place is the cluster, as the config of a pod of that generation sees it. Hosts are Services by their short names,
// which a pod's resolver completes: nothing here knows the cluster's domain.
func (m maker) place(r Record) derive.DataPlane {
	return derive.DataPlane{
		Index:            m.index(),
		StandInURL:       serviceURL(m.names.StandIn(), modelPort) + "/v1",
		SourcesDirectory: sourcesDirectory,
		NIM: func(stage config.Stage) string {
			embedding := derive.ModelName(config.StageEmbedding, m.embedding(r))
			return serviceURL(m.names.NIM(string(stage), embedding), modelPort) + "/v1"
		},
	}
}

// secret gets the named entries, random, when it is created.
func (m maker) secret(name, component string, entries ...string) Child {
	secret := corev1ac.Secret(name, m.p.Namespace).WithLabels(naming.Labels(m.p, component)).WithType(corev1.SecretTypeOpaque)
	return Child{Object: secret, Once: true, Generate: entries}
}

// account is a ServiceAccount without any right; each component has its own, so that a cluster's rules, such as
// OpenShift's, can tell them apart.
func (m maker) account(name, component string) Child {
	return Child{Object: corev1ac.ServiceAccount(name, m.p.Namespace).
		WithLabels(naming.Labels(m.p, component)).
		WithAutomountServiceAccountToken(false)}
}

// immutable is a ConfigMap of one entry that is never changed.
func (m maker) immutable(name, component, fingerprint, entry string, value any) Child {
	return Child{Once: true, Object: corev1ac.ConfigMap(name, m.p.Namespace).
		WithLabels(naming.Labels(m.p, component)).
		WithLabels(map[string]string{naming.LabelGeneration: fingerprint}).
		WithImmutable(true).
		WithData(map[string]string{entry: document(value)})}
}
