// Package apiserver gives tests a real kube-apiserver and etcd, with the CRD installed: one of each a test binary.
// Nothing runs on it but what a test starts: no garbage collector, no workload controllers, no kubelet.
package apiserver

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/config/crd"
)

// Assets is the environment variable that names the directory of the binaries etcd and kube-apiserver.
const Assets = "KUBEBUILDER_ASSETS"

// startTimeout is for each of the two on a busy machine.
const startTimeout = 2 * time.Minute

// environment is set once a test has asked for it, and stopControllers if it has controllers.
var (
	environment     *envtest.Environment
	stopControllers = func() {}
)

var start = sync.OnceValues(func() (*rest.Config, error) {
	definition := new(apiextensionsv1.CustomResourceDefinition)
	if err := yaml.UnmarshalStrict(crd.RAGPipelines, definition); err != nil {
		return nil, err
	}
	log.SetLogger(logr.Discard()) // else controller-runtime complains that there is none
	environment = &envtest.Environment{
		CRDs:                     []*apiextensionsv1.CustomResourceDefinition{definition},
		BinaryAssetsDirectory:    os.Getenv(Assets),
		ControlPlaneStartTimeout: startTimeout,
	}
	// As on OpenShift: who makes an object that blocks the deletion of its owner must be allowed to finalize that one.
	environment.ControlPlane.GetAPIServer().Configure().
		Append("enable-admission-plugins", "OwnerReferencesPermissionEnforcement")
	if withControllers {
		environment.ControlPlane.GetAPIServer().Configure().Set("disable-admission-plugins", "")
	}
	config, err := environment.Start()
	if err != nil {
		return nil, err
	}
	if withControllers {
		if stopControllers, err = startControllers(environment); err != nil {
			return nil, err
		}
	}
	config.QPS = -1 // the server's own fairness is enough
	return config, nil
})

// Main runs a package's tests and stops the servers, if a test has started them. TestMain exits with what it returns.
func Main(m *testing.M) int {
	code := m.Run()
	if environment == nil {
		return code
	}
	stopControllers()
	if err := environment.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "stop the API server:", err)
		return max(code, 1)
	}
	return code
}

// Config is for a client that may do anything. It starts the servers when the first test asks, and skips the test
// where there are no binaries. The package's TestMain must call Main.
func Config(t testing.TB) *rest.Config {
	t.Helper()
	if os.Getenv(Assets) == "" {
		t.Skipf("%s is not set: `make test` builds an API server and sets it", Assets)
	}
	if _, err := os.Stat(manager()); withControllers && err != nil {
		t.Skipf("%v: `make test` builds it if %s is not set", err, Assets)
	}
	config, err := start()
	if err != nil {
		t.Fatalf("start the API server: %v", err)
	}
	return rest.CopyConfig(config)
}

var namespaces atomic.Int64

// Namespace makes a namespace of the test's own. It stays until the server stops: no controller would empty it.
func Namespace(t testing.TB, labels map[string]string) string {
	t.Helper()
	clients, err := kubernetes.NewForConfig(Config(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	name := fmt.Sprintf("test-%d", namespaces.Add(1))
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
	if _, err := clients.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return name
}

// KubeConfig is Config as a file for kubectl.
func KubeConfig(t testing.TB) []byte {
	t.Helper()
	Config(t)
	user, err := environment.AddUser(envtest.User{Name: "person", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := user.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	return text
}
