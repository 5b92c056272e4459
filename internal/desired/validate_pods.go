package desired

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive"
)

// native are the resources without a domain that a container may ask for.
var native = []string{"cpu", "memory", "ephemeral-storage"}

func resourcesError(field string, r *v1alpha1.Resources) error {
	if r == nil {
		return nil
	}
	errs := []error{quantitiesError(field+".requests", r.Requests), quantitiesError(field+".limits", r.Limits)}
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request := r.Requests[name]
		limit, limited := r.Limits[name]
		switch {
		case limited && request.Cmp(limit) > 0:
			errs = append(errs, derive.Errorf(field+".requests", "%s is more than the limit of %s: lower the request or raise the limit", name, limit.String()))
		case extended(name) && (!limited || request.Cmp(limit) != 0):
			errs = append(errs, derive.Errorf(field+".requests", "%s cannot be shared: give it as a limit alone", name))
		}
	}
	return errors.Join(errs...)
}

// extended says whether a resource is one of a device plugin's: whole units, not overcommitted.
func extended(name string) bool {
	return !slices.Contains(native, name) && !strings.HasPrefix(name, "hugepages-")
}

func quantitiesError(field string, quantities map[string]resource.Quantity) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(quantities)) {
		quantity := quantities[name]
		switch {
		case extended(name) && (!strings.Contains(name, "/") || len(validation.IsQualifiedName(name)) > 0):
			errs = append(errs, derive.Errorf(field, "%q is no resource: it is %s, or a device plugin's with its domain, such as example.com/device", name, strings.Join(native, ", ")))
		case quantity.Sign() < 0:
			errs = append(errs, derive.Errorf(field, "%s must not be negative", name))
		case extended(name) && quantity.MilliValue()%1000 != 0:
			errs = append(errs, derive.Errorf(field, "%s comes in whole units: %s is none", name, quantity.String()))
		}
	}
	return errors.Join(errs...)
}

func schedulingError(field string, s *v1alpha1.Scheduling) error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(s.NodeSelector)) {
		if wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(string(s.NodeSelector[key]))...); len(wrong) > 0 {
			errs = append(errs, derive.Errorf(field+".nodeSelector", "%s=%s is no label: %s", key, s.NodeSelector[key], wrong[0]))
		}
	}
	for i, t := range s.Tolerations {
		errs = append(errs, tolerationError(fmt.Sprintf("%s.tolerations[%d]", field, i), t))
	}
	for i, c := range s.TopologySpreadConstraints {
		if wrong := validation.IsQualifiedName(c.TopologyKey); len(wrong) > 0 {
			errs = append(errs, derive.Errorf(fmt.Sprintf("%s.topologySpreadConstraints[%d].topologyKey", field, i), "%q is no label's key: %s", c.TopologyKey, wrong[0]))
		}
	}
	return errors.Join(errs...)
}

func tolerationError(field string, t v1alpha1.Toleration) error {
	switch {
	case t.Key == "" && t.Operator != "Exists":
		return derive.Errorf(field, "without a key it needs operator Exists, and then tolerates every taint")
	case t.Key != "" && len(validation.IsQualifiedName(t.Key)) > 0:
		return derive.Errorf(field+".key", "%q is no taint's key: %s", t.Key, validation.IsQualifiedName(t.Key)[0])
	case t.Operator == "Exists" && t.Value != "":
		return derive.Errorf(field+".value", "operator Exists takes no value: remove it, or set operator Equal")
	case len(validation.IsValidLabelValue(string(t.Value))) > 0:
		return derive.Errorf(field+".value", "%q is no taint's value: %s", t.Value, validation.IsValidLabelValue(string(t.Value))[0])
	case t.TolerationSeconds != nil && t.Effect != "NoExecute":
		return derive.Errorf(field+".tolerationSeconds", "is for effect NoExecute only: set that effect, or remove it")
	}
	return nil
}
