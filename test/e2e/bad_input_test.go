//go:build e2e

package e2e

import (
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/test/crd"
)

// The CRD that the chart has installed refuses what the CRD's own fixtures say, with their words.
func TestAMalformedManifestIsRefusedByField(t *testing.T) {
	t.Parallel()
	strict := client.WithFieldValidation(api, metav1.FieldValidationStrict) // as kubectl is
	for _, fixture := range crd.Fixtures(t, "../crd/testdata", "refused") {
		object := new(unstructured.Unstructured)
		if err := yaml.Unmarshal(fixture.Objects[0], &object.Object); err != nil {
			t.Fatal(err)
		}
		object.SetNamespace("default")
		err := strict.Create(t.Context(), object, client.DryRunAll)
		if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
			t.Errorf("%s: not refused as malformed: %v", fixture.Name, err)
		} else if !strings.Contains(err.Error(), fixture.Error) {
			t.Errorf("%s: the refusal does not say %q: %v", fixture.Name, fixture.Error, err)
		}
	}
}
