package controllers

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// reference is an object that a spec names and that the user makes.
type reference struct {
	kind, name string
	field      string // of the spec
	component  string // that cannot work without it
}

func (r reference) key() string { return r.kind + "/" + r.name }

// The kinds of references.
const (
	kindSecret       = "Secret"
	kindConfigMap    = "ConfigMap"
	kindClaim        = "PersistentVolumeClaim"
	kindStorageClass = "StorageClass"
)

// references are the objects that the spec names, by field.
func references(p *v1alpha1.RAGPipeline) (list []reference) {
	for i, source := range p.Spec.Documents {
		field := fmt.Sprintf("spec.documents[%d].", i)
		if source.ConfigMap != nil {
			list = append(list, reference{kindConfigMap, string(source.ConfigMap.Name), field + "configMap.name", naming.ComponentIngest})
		}
		if source.PersistentVolumeClaim != nil {
			list = append(list, reference{kindClaim, string(source.PersistentVolumeClaim.ClaimName), field + "persistentVolumeClaim.claimName", naming.ComponentIngest})
		}
	}
	models := p.Spec.Models
	list = append(list, modelReferences(naming.ComponentEmbedding, models.Embedding.Model)...)
	if models.Reranking != nil {
		list = append(list, modelReferences(naming.ComponentReranking, *models.Reranking)...)
	}
	if models.LLM != nil {
		list = append(list, modelReferences(naming.ComponentLLM, models.LLM.Model)...)
	}
	list = append(list, storeReferences(p.Spec.VectorStore)...)
	if auth := p.Spec.Gateway.Auth; auth != nil && auth.SecretName != "" {
		list = append(list, reference{kindSecret, string(auth.SecretName), "spec.gateway.auth.secretName", naming.ComponentGateway})
	}
	return list
}

func modelReferences(stage string, m v1alpha1.Model) (list []reference) {
	field := "spec.models." + stage + "."
	if m.Endpoint != nil && m.Endpoint.SecretRef != nil {
		return []reference{{kindSecret, string(m.Endpoint.SecretRef.Name), field + "endpoint.secretRef", stage}}
	}
	if m.NIM == nil {
		return nil
	}
	if ref := m.NIM.AuthSecretRef; ref != nil {
		list = append(list, reference{kindSecret, string(ref.Name), field + "nim.authSecretRef", stage})
	}
	for i, name := range m.NIM.PullSecrets {
		list = append(list, reference{kindSecret, string(name), fmt.Sprintf("%snim.pullSecrets[%d]", field, i), stage})
	}
	for i, variable := range m.NIM.Env {
		if variable.ValueFrom != nil {
			list = append(list, reference{kindSecret, string(variable.ValueFrom.SecretKeyRef.Name), fmt.Sprintf("%snim.env[%d].valueFrom.secretKeyRef", field, i), stage})
		}
	}
	if m.NIM.Cache != nil && m.NIM.Cache.StorageClassName != "" {
		list = append(list, reference{kindStorageClass, string(m.NIM.Cache.StorageClassName), field + "nim.cache.storageClassName", stage})
	}
	return list
}

func storeReferences(v v1alpha1.VectorStore) (list []reference) {
	if v.Weaviate != nil && v.Weaviate.Storage.StorageClassName != "" {
		list = append(list, reference{kindStorageClass, string(v.Weaviate.Storage.StorageClassName), "spec.vectorStore.weaviate.storage.storageClassName", naming.ComponentWeaviate})
	}
	if v.External != nil && v.External.SecretRef != nil {
		list = append(list, reference{kindSecret, string(v.External.SecretRef.Name), "spec.vectorStore.external.secretRef", naming.ComponentWeaviate})
	}
	return list
}

// lookAtReferences finds which referenced objects exist, and the versions of the sources'. Contents are never
// read: a Secret's are none of the operator's business, and the pods read the documents.
func (r *Reconciler) lookAtReferences(ctx context.Context, s *scene) error {
	versions := map[string]metav1.PartialObjectMetadata{}
	for _, ref := range references(s.pipeline) {
		if ref.kind == kindStorageClass && s.runs(ref.component) {
			continue // its volume is there
		}
		found, err := r.lookUp(ctx, s.pipeline.Namespace, ref)
		switch {
		case apierrors.IsNotFound(err):
			s.missing = append(s.missing, status.Missing{Kind: ref.kind, Name: ref.name, Field: ref.field, Component: ref.component})
		case err != nil:
			return err
		default:
			versions[ref.key()] = found
		}
	}
	for _, source := range s.pipeline.Spec.Documents {
		s.sources = append(s.sources, version(source, versions))
	}
	return nil
}

func version(source v1alpha1.Source, versions map[string]metav1.PartialObjectMetadata) desired.SourceVersion {
	v := desired.SourceVersion{Source: source.Name}
	switch {
	case source.ConfigMap != nil:
		object := versions[kindConfigMap+"/"+string(source.ConfigMap.Name)]
		v.UID, v.ResourceVersion = object.UID, object.ResourceVersion
	case source.PersistentVolumeClaim != nil:
		v.UID = versions[kindClaim+"/"+string(source.PersistentVolumeClaim.ClaimName)].UID
	}
	return v
}

// lookUp reads an object's metadata. A StorageClass is none of a namespace's: where the operator may not read one,
// it is taken to exist, and the pod that waits for its volume says the rest.
func (r *Reconciler) lookUp(ctx context.Context, namespace string, ref reference) (metav1.PartialObjectMetadata, error) {
	var object metav1.PartialObjectMetadata
	if ref.kind == kindStorageClass {
		object.SetGroupVersionKind(storagev1.SchemeGroupVersion.WithKind(kindStorageClass))
		err := r.Uncached.Get(ctx, client.ObjectKey{Name: ref.name}, &object)
		if apierrors.IsForbidden(err) {
			err = nil
		}
		return object, err
	}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(ref.kind))
	err := r.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.name}, &object)
	return object, err
}

// runs says whether the component has pods and none is pending: then they have their volumes.
func (s *scene) runs(component string) bool {
	pods := s.podsOf(component)
	return len(pods) > 0 && !slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return pod.Status.Phase != corev1.PodRunning })
}

func (s *scene) missingSources() []status.Missing {
	return slices.DeleteFunc(slices.Clone(s.missing), func(m status.Missing) bool { return m.Component != naming.ComponentIngest })
}
