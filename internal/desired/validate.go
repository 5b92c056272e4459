package desired

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive"
)

// validate finds what the API server would refuse in the children, and names the field of the spec
// that it comes from. The CRD's rules cannot: within their budget they parse neither quantities nor
// labels.
func (b builder) validate() error {
	spec := b.p.Spec
	var v validator
	b.configs(&v)
	v.resources("spec.ingest.resources", spec.Ingest.Resources)
	v.scheduling("spec.ingest.scheduling", spec.Ingest.Scheduling)
	v.resources("spec.gateway.resources", spec.Gateway.Resources)
	v.scheduling("spec.gateway.scheduling", spec.Gateway.Scheduling)
	v.nim("spec.models.embedding.nim", spec.Models.Embedding.NIM)
	if reranking := spec.Models.Reranking; reranking != nil {
		v.nim("spec.models.reranking.nim", reranking.NIM)
	}
	if llm := spec.Models.LLM; llm != nil {
		v.nim("spec.models.llm.nim", llm.NIM)
	}
	if extraction := spec.Extraction; extraction != nil && extraction.Server.Tika != nil {
		const field = "spec.extraction.server.tika"
		v.resources(field+".resources", extraction.Server.Tika.Resources)
		v.scheduling(field+".scheduling", extraction.Server.Tika.Scheduling)
	}
	if weaviate := spec.VectorStore.Weaviate; weaviate != nil {
		const field = "spec.vectorStore.weaviate"
		v.resources(field+".resources", weaviate.Resources)
		v.scheduling(field+".scheduling", weaviate.Scheduling)
		v.size(field+".storage.size", weaviate.Storage.Size)
		if b.weaviateImage() == "" {
			v.add(field+".image", "is required: this operator was installed without a default image")
		}
	}
	for i, s := range spec.Documents {
		if s.Container != nil {
			field := fmt.Sprintf("spec.documents[%d].container", i)
			v.resources(field+".resources", s.Container.Resources)
			v.size(field+".size", s.Container.Size)
		}
	}
	v.pods("spec.pods", spec.Pods)
	for _, ref := range References(b.p) {
		if wrong := validation.IsConfigMapKey(ref.Key); ref.Key != "" && len(wrong) > 0 {
			v.add(ref.Field+".key", "%q is not a valid key of a Secret: %s", ref.Key, wrong[0])
		}
	}
	return v.join()
}

// maxConfig is the size of the largest config, in bytes: a ConfigMap holds no more.
const maxConfig = 1 << 20

func (b builder) configs(v *validator) {
	ingest, err := derive.Ingest(b.p, b.dataPlaneFor(b.wanted))
	*v = append(*v, err)
	if size := len(indentedJSON(ingest)); size > maxConfig {
		v.add("spec.documents",
			"the config has %d bytes with its globs and metadata, but at most %d are allowed: shorten them", size, maxConfig)
	}
	gateway, err := b.gatewayConfig(b.pinned())
	if size := len(indentedJSON(gateway)); err == nil && size > maxConfig {
		v.add("spec.models.llm.extraBody",
			"the gateway's config has %d bytes with it, but at most %d are allowed: shorten it", size, maxConfig)
	}
}

// validator collects ConfigurationErrors.
type validator []error

func (v validator) join() error { return errors.Join(v...) }

func (v *validator) add(field, format string, args ...any) {
	*v = append(*v, derive.Errorf(field, format, args...))
}

func (v *validator) nim(field string, nim *v1alpha1.NIM) {
	if nim == nil {
		return
	}
	v.resources(field+".resources", nim.Resources)
	v.scheduling(field+".scheduling", nim.Scheduling)
	explicit := ptr.Deref(nim.Resources, v1alpha1.Resources{})
	if _, ok := explicit.Requests[nim.GPU.ResourceName]; ok {
		v.add(field+".resources.requests", "%s belongs in gpu.count: remove it from resources", nim.GPU.ResourceName)
	}
	if _, ok := explicit.Limits[nim.GPU.ResourceName]; ok {
		v.add(field+".resources.limits", "%s belongs in gpu.count: remove it from resources", nim.GPU.ResourceName)
	}
	for i, variable := range nim.Env {
		if !keepsPort(variable) {
			v.add(fmt.Sprintf("%s.env[%d]", field, i),
				"%s must keep port %d, which the Service and the probes use: remove the variable", variable.Name, modelPort)
		}
	}
	if nim.SharedMemory != "" {
		v.size(field+".sharedMemory", nim.SharedMemory)
	}
	if nim.Cache != nil && nim.Cache.ClaimName == "" {
		v.size(field+".cache.size", nim.Cache.Size)
	}
}

// keepsPort reports whether a variable leaves the NIM at its port. The address is the user's
// choice; it may be IPv6.
func keepsPort(variable v1alpha1.EnvVar) bool {
	switch variable.Name {
	case "NIM_HTTP_API_PORT", "NIM_SERVER_PORT":
		return variable.Value == strconv.Itoa(modelPort)
	case "NIM_SERVER_BIND_ADDR", "NIM_BIND_ADDR":
		return strings.HasSuffix(variable.Value, ":"+strconv.Itoa(modelPort))
	}
	return true
}

func (v *validator) size(field string, size v1alpha1.VolumeSize) {
	if _, err := resource.ParseQuantity(string(size)); err != nil {
		v.add(field, "%q is not a valid size: write a number and a unit, such as 50Gi", size)
	}
}

func (v *validator) resources(field string, r *v1alpha1.Resources) {
	if r == nil {
		return
	}
	v.quantities(field+".requests", r.Requests)
	v.quantities(field+".limits", r.Limits)
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request := r.Requests[name]
		limit, limited := r.Limits[name]
		switch {
		case limited && request.Cmp(limit) > 0:
			v.add(field+".requests", "%s exceeds its limit of %s: lower the request or raise the limit", name, limit.String())
		case extended(name) && (!limited || request.Cmp(limit) != 0):
			v.add(field+".requests", "%s cannot be shared: set it as a limit only", name)
		}
	}
}

// native are the resources without a domain that a container can request.
var native = []string{"cpu", "memory", "ephemeral-storage"}

// extended reports whether a resource is a device plugin's, which is counted in whole units and
// never overcommitted.
func extended(name string) bool {
	return !slices.Contains(native, name) && !strings.HasPrefix(name, "hugepages-")
}

func (v *validator) quantities(field string, quantities map[string]resource.Quantity) {
	for _, name := range slices.Sorted(maps.Keys(quantities)) {
		quantity := quantities[name]
		switch {
		case extended(name) && (!strings.Contains(name, "/") || len(validation.IsQualifiedName(name)) > 0):
			v.add(field, "%q is not a valid resource: use %s, or a device plugin's with its domain, such as example.com/device",
				name, strings.Join(native, ", "))
		case quantity.Sign() < 0:
			v.add(field, "%s must not be negative", name)
		case extended(name) && quantity.MilliValue()%1000 != 0:
			v.add(field, "%s must be a whole number, not %s", name, quantity.String())
		}
	}
}

func (v *validator) scheduling(field string, s *v1alpha1.Scheduling) {
	if s == nil {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(s.NodeSelector)) {
		value := string(s.NodeSelector[key])
		if wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(wrong) > 0 {
			v.add(field+".nodeSelector", "%s=%s is not a valid label: %s", key, value, wrong[0])
		}
	}
	for i, t := range s.Tolerations {
		v.toleration(fmt.Sprintf("%s.tolerations[%d]", field, i), t)
	}
	for i, c := range s.TopologySpreadConstraints {
		if wrong := validation.IsQualifiedName(c.TopologyKey); len(wrong) > 0 {
			v.add(fmt.Sprintf("%s.topologySpreadConstraints[%d].topologyKey", field, i),
				"%q is not a valid label key: %s", c.TopologyKey, wrong[0])
		}
	}
}

func (v *validator) toleration(field string, t v1alpha1.Toleration) {
	wrongKey, wrongValue := validation.IsQualifiedName(t.Key), validation.IsValidLabelValue(string(t.Value))
	switch {
	case t.Key == "" && t.Operator != "Exists":
		v.add(field, "a toleration without a key must have operator Exists, and then tolerates every taint: set either")
	case t.Key != "" && len(wrongKey) > 0:
		v.add(field+".key", "%q is not a valid taint key: %s", t.Key, wrongKey[0])
	case t.Operator == "Exists" && t.Value != "":
		v.add(field+".value", "must be empty with operator Exists: remove it, or set operator Equal")
	case len(wrongValue) > 0:
		v.add(field+".value", "%q is not a valid taint value: %s", t.Value, wrongValue[0])
	case t.TolerationSeconds != nil && t.Effect != "NoExecute":
		v.add(field+".tolerationSeconds", "requires effect NoExecute: set that effect, or remove tolerationSeconds")
	}
}
