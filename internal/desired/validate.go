package desired

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive"
)

// validate finds what the API server would refuse in our children, and names the field of the spec that it comes
// from. The CRD's rules cannot: they parse neither quantities nor labels within their budget.
func (m maker) validate() error {
	spec := m.p.Spec
	errs := []error{
		m.configErrors(),
		resourcesError("spec.ingest.resources", spec.Ingest.Resources),
		schedulingError("spec.ingest.scheduling", spec.Ingest.Scheduling),
		resourcesError("spec.gateway.resources", spec.Gateway.Resources),
		schedulingError("spec.gateway.scheduling", spec.Gateway.Scheduling),
		nimError("spec.models.embedding.nim", spec.Models.Embedding.NIM),
	}
	if reranking := spec.Models.Reranking; reranking != nil {
		errs = append(errs, nimError("spec.models.reranking.nim", reranking.NIM))
	}
	if llm := spec.Models.LLM; llm != nil {
		errs = append(errs, nimError("spec.models.llm.nim", llm.NIM))
	}
	if weaviate := spec.VectorStore.Weaviate; weaviate != nil {
		errs = append(errs,
			resourcesError("spec.vectorStore.weaviate.resources", weaviate.Resources),
			schedulingError("spec.vectorStore.weaviate.scheduling", weaviate.Scheduling),
			sizeError("spec.vectorStore.weaviate.storage.size", weaviate.Storage.Size))
		if m.weaviateImage() == "" {
			errs = append(errs, derive.Errorf("spec.vectorStore.weaviate.image", "is needed: this operator was installed without an image of its own choice"))
		}
	}
	for _, ref := range References(m.p) {
		if wrong := validation.IsConfigMapKey(ref.Key); ref.Key != "" && len(wrong) > 0 {
			errs = append(errs, derive.Errorf(ref.Field+".key", "%q is not a valid key of a Secret: %s", ref.Key, wrong[0]))
		}
	}
	return errors.Join(errs...)
}

// maxConfig is as much as a ConfigMap holds.
const maxConfig = 1 << 20

func (m maker) configErrors() error {
	ingest, err := derive.Ingest(m.p, m.place(m.wanted))
	errs := []error{err}
	if size := len(document(ingest)); size > maxConfig {
		errs = append(errs, derive.Errorf("spec.documents", "globs and metadata take %d bytes as JSON, and a config holds %d: write fewer", size, maxConfig))
	}
	gateway, err := m.gatewayConfig(m.pinned())
	if size := len(document(gateway)); err == nil && size > maxConfig {
		errs = append(errs, derive.Errorf("spec.models.llm.extraBody", "the gateway's config has %d bytes with it, and may have %d: shorten it", size, maxConfig))
	}
	return errors.Join(errs...)
}

func nimError(field string, nim *v1alpha1.NIM) error {
	if nim == nil {
		return nil
	}
	errs := []error{resourcesError(field+".resources", nim.Resources), schedulingError(field+".scheduling", nim.Scheduling)}
	given := ptr.Deref(nim.Resources, v1alpha1.Resources{})
	for list, quantities := range map[string]map[string]resource.Quantity{"requests": given.Requests, "limits": given.Limits} {
		if _, twice := quantities[nim.GPU.ResourceName]; twice {
			errs = append(errs, derive.Errorf(field+".resources."+list, "%s belongs in gpu.count: remove it here", nim.GPU.ResourceName))
		}
	}
	for i, variable := range nim.Env {
		if !keepsPort(variable) {
			errs = append(errs, derive.Errorf(fmt.Sprintf("%s.env[%d]", field, i), "%s must leave port %d, where the Service and the probes are: remove it", variable.Name, modelPort))
		}
	}
	if nim.Cache != nil {
		errs = append(errs, sizeError(field+".cache.size", nim.Cache.Size))
	}
	return errors.Join(errs...)
}

// keepsPort says whether a variable leaves the NIM at its port. An address is the user's choice, say one of version 6.
func keepsPort(variable v1alpha1.EnvVar) bool {
	switch variable.Name {
	case "NIM_HTTP_API_PORT", "NIM_SERVER_PORT":
		return variable.Value == strconv.Itoa(modelPort)
	case "NIM_SERVER_BIND_ADDR", "NIM_BIND_ADDR":
		return strings.HasSuffix(variable.Value, ":"+strconv.Itoa(modelPort))
	}
	return true
}

func sizeError(field string, size v1alpha1.VolumeSize) error {
	if _, err := resource.ParseQuantity(string(size)); err != nil {
		return derive.Errorf(field, "%q is no size: write a number with its unit, such as 50Gi", size)
	}
	return nil
}
