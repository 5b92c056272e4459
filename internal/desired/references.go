package desired

import (
	"fmt"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Reference is an object that a spec names, and the component that cannot work without it.
type Reference struct {
	derive.Object
	Component string
}

// References lists the objects that the spec names, in the order of its fields. An object that
// several fields name is listed for each. The field of an entry of a Secret or ConfigMap is that of the
// reference: its name and key are below it.
func References(p *v1alpha1.RAGPipeline) []Reference {
	var w walker
	for i, source := range p.Spec.Documents {
		for _, object := range derive.KindOf(source).Objects {
			object.Field = fmt.Sprintf("spec.documents[%d].%s", i, object.Field)
			w.add(naming.ComponentIngest, object)
		}
	}
	if extraction := p.Spec.Extraction; extraction != nil && extraction.Server.Endpoint != nil {
		w.key(naming.ComponentExtraction, "spec.extraction.server.endpoint.secretRef", extraction.Server.Endpoint.SecretRef)
	}
	w.model(naming.ComponentEmbedding, &p.Spec.Models.Embedding.Model)
	w.model(naming.ComponentReranking, p.Spec.Models.Reranking)
	if llm := p.Spec.Models.LLM; llm != nil {
		w.model(naming.ComponentLLM, &llm.Model)
	}
	if store := p.Spec.VectorStore.Weaviate; store != nil {
		w.storageClass(naming.ComponentWeaviate, "spec.vectorStore.weaviate.storage", store.Storage.StorageClassName)
	}
	if store := p.Spec.VectorStore.External; store != nil {
		w.key(naming.ComponentWeaviate, "spec.vectorStore.external.secretRef", store.SecretRef)
	}
	if auth := p.Spec.Gateway.Auth; auth != nil && auth.SecretName != "" {
		w.secret(naming.ComponentGateway, "spec.gateway.auth.secretName", string(auth.SecretName))
	}
	if tls := p.Spec.Gateway.TLS; tls != nil {
		w.secret(naming.ComponentGateway, "spec.gateway.tls.secretName", string(tls.SecretName))
	}
	if route := p.Spec.Gateway.Route; route != nil && route.Ingress != nil {
		w.ingress(*route.Ingress)
	}
	if network := p.Spec.Network; network != nil && network.CABundle != nil {
		w.add(naming.ComponentGateway, derive.Object{
			Kind: derive.KindConfigMap, Name: string(network.CABundle.Name), Key: network.CABundle.Key,
			Field: "spec.network.caBundle",
		})
	}
	if pods := p.Spec.Pods; pods != nil {
		w.pod(naming.ComponentGateway, "spec.pods", pods.Pod)
		for i, own := range pods.Components {
			w.pod(componentNames[own.Component], fmt.Sprintf("spec.pods.components[%d]", i), own.Pod)
		}
	}
	return w.found
}

// walker collects what the fields of a spec refer to.
type walker struct{ found []Reference }

func (w *walker) add(component string, o derive.Object) {
	w.found = append(w.found, Reference{Object: o, Component: component})
}

func (w *walker) secret(component, field, name string) {
	w.add(component, derive.Object{Kind: derive.KindSecret, Name: name, Field: field})
}

func (w *walker) key(component, field string, ref *v1alpha1.SecretKey) {
	if ref != nil {
		w.add(component, derive.Object{Kind: derive.KindSecret, Name: string(ref.Name), Key: ref.Key, Field: field})
	}
}

func (w *walker) storageClass(component, field string, name v1alpha1.ObjectName) {
	if name != "" {
		w.add(component, derive.Object{Kind: derive.KindStorageClass, Name: string(name), Field: field + ".storageClassName"})
	}
}

func (w *walker) ingress(i v1alpha1.Ingress) {
	const field = "spec.gateway.route.ingress"
	if i.ClassName != "" {
		w.add(naming.ComponentRoute, derive.Object{
			Kind: derive.KindIngressClass, Name: string(i.ClassName), Field: field + ".className",
		})
	}
	if i.SecretName != "" {
		w.secret(naming.ComponentRoute, field+".secretName", string(i.SecretName))
	}
}

func (w *walker) model(stage string, m *v1alpha1.Model) {
	if m == nil {
		return
	}
	field := "spec.models." + stage
	if endpoint := m.Endpoint; endpoint != nil {
		w.key(stage, field+".endpoint.secretRef", endpoint.SecretRef)
	}
	if m.NIM == nil {
		return
	}
	field += ".nim"
	w.key(stage, field+".authSecretRef", m.NIM.AuthSecretRef)
	for i, name := range m.NIM.PullSecrets {
		w.secret(stage, fmt.Sprintf("%s.pullSecrets[%d]", field, i), string(name))
	}
	w.env(stage, field, m.NIM.Env)
	if cache := m.NIM.Cache; cache != nil {
		w.storageClass(stage, field+".cache", cache.StorageClassName)
		if cache.ClaimName != "" {
			w.add(stage, derive.Object{
				Kind: derive.KindClaim, Name: string(cache.ClaimName), Field: field + ".cache.claimName",
			})
		}
	}
}

func (w *walker) pod(component, field string, p v1alpha1.Pod) {
	for i, name := range p.ImagePullSecrets {
		w.secret(component, fmt.Sprintf("%s.imagePullSecrets[%d]", field, i), string(name))
	}
	w.env(component, field, p.Env)
}

func (w *walker) env(component, field string, vars []v1alpha1.EnvVar) {
	for i, variable := range vars {
		if from := variable.ValueFrom; from != nil {
			w.key(component, fmt.Sprintf("%s.env[%d].valueFrom.secretKeyRef", field, i), &from.SecretKeyRef)
		}
	}
}
