package crd

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

func TestMain(m *testing.M) { os.Exit(apiserver.Main(m)) }

func TestARealAPIServer(t *testing.T) {
	s := connect(t, apiserver.Config(t))
	t.Run("accepts", s.accepts)
	t.Run("refuses", s.refuses)
	t.Run("accepts as an update", s.acceptsUpdates)
	t.Run("refuses as an update", s.refusesUpdates)
	t.Run("accepts every sample", s.acceptsSamples)
	t.Run("starts the status at generation -1", s.startsStatus)
	t.Run("prints a row", s.printsRow)
	t.Run("keeps a null in extraBody", s.keepsNull)
	t.Run("lets an applier take back all that it set in an object", s.letsTakeBack)
}

type server struct {
	client.Client
	rest rest.Interface
}

// connect is strict about unknown fields, as kubectl is.
func connect(t *testing.T, config *rest.Config) server {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(config, client.Options{Scheme: scheme, FieldOwner: "test", FieldValidation: metav1.FieldValidationStrict})
	if err != nil {
		t.Fatal(err)
	}
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return server{c, clientset.RESTClient()}
}

func (s server) accepts(t *testing.T) {
	for _, f := range Fixtures(t, "testdata", "accepted") {
		t.Run(f.Name, func(t *testing.T) {
			if err := s.create(t, apiserver.Namespace(t, nil), f.Objects[0]); err != nil {
				t.Error(err)
			}
		})
	}
}

func (s server) refuses(t *testing.T) {
	namespace := apiserver.Namespace(t, nil)
	for _, f := range Fixtures(t, "testdata", "refused") {
		t.Run(f.Name, func(t *testing.T) {
			refused(t, s.create(t, namespace, f.Objects[0]), f.Error)
		})
	}
}

func (s server) acceptsUpdates(t *testing.T) {
	for _, f := range Fixtures(t, "testdata", "updates/accepted") {
		t.Run(f.Name, func(t *testing.T) {
			if err := s.update(t, f); err != nil {
				t.Error(err)
			}
		})
	}
}

func (s server) refusesUpdates(t *testing.T) {
	for _, f := range Fixtures(t, "testdata", "updates/refused") {
		t.Run(f.Name, func(t *testing.T) {
			refused(t, s.update(t, f), f.Error)
		})
	}
}

func (s server) acceptsSamples(t *testing.T) {
	for _, f := range Fixtures(t, "../../config", "samples") {
		t.Run(f.Name, func(t *testing.T) {
			namespace := apiserver.Namespace(t, nil)
			for _, object := range f.Objects {
				if err := s.apply(t, namespace, object); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A null in extraBody removes a field of the gateway's requests. It must survive both an object's creation
// and its change by server-side apply.
func (s server) keepsNull(t *testing.T) {
	namespace := apiserver.Namespace(t, nil)
	for _, f := range Fixtures(t, "testdata", "accepted") {
		if !strings.Contains(f.Name, "extra-body-of-any-fields") {
			continue
		}
		for range 2 {
			if err := s.apply(t, namespace, f.Objects[0]); err != nil {
				t.Fatal(err)
			}
			got := object(t, namespace, f.Objects[0])
			if err := s.Get(t.Context(), client.ObjectKeyFromObject(got), got); err != nil {
				t.Fatal(err)
			}
			extra, _, _ := unstructured.NestedFieldNoCopy(got.Object, "spec", "models", "llm", "extraBody")
			if value, has := extra.(map[string]any)["temperature"]; !has || value != nil {
				t.Errorf("extraBody is %v", extra)
			}
		}
		return
	}
	t.Error("there is no such fixture")
}

// A status that nobody wrote yet must not look as if the operator had acted: kstatus reads it.
// Server-side apply makes an object null that an applier empties, unless the object is atomic. The applier may have set
// only defaults: it owns those of an object that it created without server-side apply.
func (s server) letsTakeBack(t *testing.T) {
	const text = `{apiVersion: ragpipeline.io/v1alpha1, kind: RAGPipeline, metadata: {name: taken-back}, spec: {
		documents: [{name: a, configMap: {name: a}}], models: {embedding: {standIn: {}}}, vectorStore: {weaviate: %s}}}`
	for _, weaviate := range []string{"{replicas: 1, storage: {size: 10Gi, whenDeleted: Retain}}", "{}"} {
		if err := s.apply(t, "default", fmt.Appendf(nil, text, weaviate)); err != nil {
			t.Errorf("weaviate: %s: %v", weaviate, err)
		}
	}
}

func (s server) startsStatus(t *testing.T) {
	namespace := apiserver.Namespace(t, nil)
	if err := s.create(t, namespace, minimal(t)); err != nil {
		t.Fatal(err)
	}
	var stored v1alpha1.RAGPipeline
	if err := s.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: "fixture"}, &stored); err != nil {
		t.Fatal(err)
	}
	if stored.Status.ObservedGeneration != -1 {
		t.Errorf("status.observedGeneration is %d, not -1", stored.Status.ObservedGeneration)
	}
}

func (s server) create(t *testing.T, namespace string, text []byte) error {
	t.Helper()
	return s.Create(t.Context(), object(t, namespace, text))
}

// apply applies as kubectl apply --server-side does.
func (s server) apply(t *testing.T, namespace string, text []byte) error {
	t.Helper()
	return s.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object(t, namespace, text)))
}

// update applies the second object over the first, which has to be accepted.
func (s server) update(t *testing.T, f Fixture) error {
	t.Helper()
	if len(f.Objects) != 2 {
		t.Fatalf("%d objects, not one before and one after", len(f.Objects))
	}
	namespace := apiserver.Namespace(t, nil)
	if err := s.apply(t, namespace, f.Objects[0]); err != nil {
		t.Fatalf("the object before: %v", err)
	}
	return s.apply(t, namespace, f.Objects[1])
}

func object(t *testing.T, namespace string, text []byte) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict(text, &u.Object); err != nil {
		t.Fatal(err)
	}
	u.SetNamespace(namespace)
	return u
}

func minimal(t *testing.T) []byte {
	t.Helper()
	for _, f := range Fixtures(t, "testdata", "accepted") {
		if f.Name == "minimal.yaml" {
			return f.Objects[0]
		}
	}
	t.Fatal("no minimal.yaml")
	return nil
}

// refused demands an error of the user's making that holds the words and names the field.
func refused(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil {
		t.Fatal("accepted")
	}
	if !strings.Contains(err.Error(), words) {
		t.Errorf("error\n%v\ndoes not hold\n%s", err, words)
	}
	if !namesField(err) {
		t.Errorf("the error names no field: %v", err)
	}
}

// namesField: each cause of an invalid object has its field, but for a rule on the whole object, which names it in its
// words. An unknown field is named by the strict decoder.
func namesField(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	if apierrors.IsBadRequest(err) {
		return strings.Contains(err.Error(), `unknown field "`)
	}
	if !apierrors.IsInvalid(err) || status.Status().Details == nil {
		return false
	}
	named := 0
	for _, cause := range status.Status().Details.Causes {
		switch {
		case strings.Contains(cause.Message, "some validation rules were not checked"):
		case cause.Field != "<nil>", strings.Contains(cause.Message, "metadata.name"):
			named++
		default:
			return false
		}
	}
	return named > 0
}
