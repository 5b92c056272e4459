// Package apiserver starts a real API server and etcd for a test, with the CRD installed.
package apiserver

import (
	"os"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/config/crd"
)

// startTimeout is far more than a start takes (4 s), because tests of other packages compile beside it.
const startTimeout = 2 * time.Minute

// Start returns a client's configuration for a server that ends with the test. There is no node, no scheduler and no
// controller behind it. It skips the test when the binaries are not there.
func Start(t testing.TB) *rest.Config {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Skip("needs an API server: `make test` builds one and sets KUBEBUILDER_ASSETS; eval \"$(hack/cluster/cluster assets)\" does here")
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(crd.RAGPipelines, &definition); err != nil {
		t.Fatal(err)
	}
	environment := &envtest.Environment{
		CRDs:                     []*apiextensionsv1.CustomResourceDefinition{&definition},
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  startTimeout,
	}
	config, err := environment.Start()
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Errorf("stop the API server: %v", err)
		}
	})
	if err != nil {
		t.Fatalf("start an API server from KUBEBUILDER_ASSETS=%s: %v", os.Getenv("KUBEBUILDER_ASSETS"), err)
	}
	config.QPS = -1 // tests are not to wait for their own client
	return config
}
