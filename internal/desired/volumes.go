package desired

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Volume is a claim of the pipeline's own, whose size the spec gives.
type Volume struct {
	Claim     string // its name
	Component string
	Field     string // of the spec, with the size
	Size      resource.Quantity
}

// Volumes lists the claims whose sizes the spec gives: those of the models' caches, and those that the StatefulSet of
// the store makes. A size that is not valid counts as 0.
func Volumes(p *v1alpha1.RAGPipeline) (list []Volume) {
	names := naming.For(p)
	model := func(component string, m *v1alpha1.Model) {
		if m == nil || m.NIM == nil || m.NIM.Cache == nil || m.NIM.Cache.ClaimName != "" {
			return
		}
		list = append(list, Volume{
			Claim: names.NIM(component, string(m.NIM.Model)), Component: component,
			Field: "spec.models." + component + ".nim.cache.size", Size: quantity(m.NIM.Cache.Size),
		})
	}
	model(naming.ComponentEmbedding, &p.Spec.Models.Embedding.Model)
	model(naming.ComponentReranking, p.Spec.Models.Reranking)
	if llm := p.Spec.Models.LLM; llm != nil {
		model(naming.ComponentLLM, &llm.Model)
	}
	if store := p.Spec.VectorStore.Weaviate; store != nil {
		for i := range int(store.Replicas) {
			list = append(list, Volume{
				Claim: weaviateClaimName + "-" + names.Weaviate() + "-" + strconv.Itoa(i), Component: naming.ComponentWeaviate,
				Field: "spec.vectorStore.weaviate.storage.size", Size: quantity(store.Storage.Size),
			})
		}
	}
	return list
}

// weaviateClaimName is the name of the template of the store's claims.
const weaviateClaimName = "data"

// storage is the request of a claim: the size in the spec, unless the object of the name exists with another one.
// A volume grows apart from the apply, which could only be refused, and cannot shrink.
func (b builder) storage(name string, size v1alpha1.VolumeSize) *corev1ac.VolumeResourceRequirementsApplyConfiguration {
	request, exists := b.facts.Sizes[name]
	if !exists {
		request = quantity(size)
	}
	return corev1ac.VolumeResourceRequirements().WithRequests(corev1.ResourceList{corev1.ResourceStorage: request})
}

// quantity is a size as a quantity. One that is not valid is found by validate.
func quantity(size v1alpha1.VolumeSize) resource.Quantity {
	q, _ := resource.ParseQuantity(string(size))
	return q
}
