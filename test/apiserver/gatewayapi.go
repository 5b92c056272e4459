package apiserver

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// The Gateway API's module, from which its CRDs come, and the checksum of its zip. It is no dependency:
// the newest versions need a newer Go than this module.
const (
	gatewayAPI    = "sigs.k8s.io/gateway-api@v1.6.3"
	gatewayAPISum = "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc="
)

// HTTPRoutes is the CRD of the Gateway API's HTTPRoute, as the API server of a cluster with the Gateway API has it.
func HTTPRoutes(t testing.TB) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", gatewayAPI)
	download.Dir = t.TempDir() // outside this module, whose versions it would be held to
	download.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	output, err := download.Output()
	if err != nil {
		t.Fatalf("download %s: %v", gatewayAPI, err)
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(output, &module); err != nil {
		t.Fatal(err)
	}
	if module.Sum != gatewayAPISum {
		t.Fatalf("%s has the checksum %s, not %s", gatewayAPI, module.Sum, gatewayAPISum)
	}
	text, err := os.ReadFile(filepath.Join(module.Dir, "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	definition := new(apiextensionsv1.CustomResourceDefinition)
	if err := yaml.UnmarshalStrict(text, definition); err != nil {
		t.Fatal(err)
	}
	return definition
}
