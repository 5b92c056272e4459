package chart

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// One server takes all. It is the test's own: the CRD has to come from the chart.
func TestInstalling(t *testing.T) {
	if os.Getenv(apiserver.Assets) == "" {
		t.Skipf("%s is not set: `make test` builds an API server and sets it", apiserver.Assets)
	}
	environment := &envtest.Environment{BinaryAssetsDirectory: os.Getenv(apiserver.Assets), ControlPlaneStartTimeout: 2 * time.Minute}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := cluster{kubeconfig: filepath.Join(t.TempDir(), "kubeconfig")}
	write(t, c.kubeconfig, string(environment.KubeConfig))
	if c.clients, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	t.Run("Helm installs, upgrades and uninstalls, and no pipeline is lost", c.losesNothing)
	t.Run("an operator of one namespace may work in that one only", c.namespaced)
	t.Run("kustomize installs what Helm uninstalled", c.kustomize)
	t.Run("the operator may do what it has to, everywhere, and no more", c.clusterWide)
	t.Run("the operator's pod passes Pod Security restricted", c.restricted)
	t.Run("the pod that fills a volume does too", c.fillsVolume)
}

type cluster struct {
	kubeconfig string
	clients    *kubernetes.Clientset
}

func (c cluster) helm(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, helm(t), append(args, "--kubeconfig", c.kubeconfig)...)
}

func (c cluster) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return output(t, kubectl(t), append(args, "--kubeconfig", c.kubeconfig)...)
}

func (c cluster) losesNothing(t *testing.T) {
	notes := c.helm(t, "install", release, chart, "--namespace", namespace, "--create-namespace")
	if !strings.Contains(notes, "kubectl apply -f config/samples/quickstart.yaml") || !strings.Contains(notes, "kubectl get rag -w") {
		t.Errorf("the notes don't say what comes next:\n%s", notes)
	}
	c.kubectl(t, "wait", "--for=condition=Established", "crd/ragpipelines.ragpipeline.io", "--timeout=1m")
	c.kubectl(t, "create", "namespace", "team")
	c.kubectl(t, "apply", "-n", "team", "-f", config+"/samples/quickstart.yaml")
	uid := c.kubectl(t, "get", "rag", "quickstart", "-n", "team", "-o", "jsonpath={.metadata.uid}")

	c.helm(t, "upgrade", release, chart, "--namespace", namespace, "--set", "replicas=2,logLevel=debug")
	c.kubectl(t, "get", "pdb", "ragpipeline-operator", "-n", namespace)
	c.helm(t, "rollback", release, "1", "--namespace", namespace)
	c.helm(t, "uninstall", release, "--namespace", namespace)
	if left := c.kubectl(t, "get", "deployments,services,serviceaccounts,roles,rolebindings", "-n", namespace, "-o", "name"); strings.Contains(left, "ragpipeline") {
		t.Errorf("uninstalling left %s", left)
	}
	c.helm(t, "install", release, chart, "--namespace", namespace)
	if again := c.kubectl(t, "get", "rag", "quickstart", "-n", "team", "-o", "jsonpath={.metadata.uid}"); again != uid {
		t.Errorf("the pipeline is another one: %s, was %s", again, uid)
	}
	c.helm(t, "uninstall", release, "--namespace", namespace)
	// Another release name does not own the CRD that was kept, and has to say that it takes it over.
	c.helm(t, "install", "other", chart, "--namespace", "team", "--take-ownership")
	c.helm(t, "uninstall", "other", "--namespace", "team")
}

func (c cluster) namespaced(t *testing.T) {
	c.kubectl(t, "create", "namespace", "watched")
	c.helm(t, "install", "narrow", chart, "--namespace", "team", "--set", "watchNamespaces={watched},crds.install=false,rbac.userRoles=false")
	defer c.helm(t, "uninstall", "narrow", "--namespace", "team")
	user := "system:serviceaccount:team:narrow-ragpipeline-operator"
	c.check(t, user, []review{
		{"ragpipeline.io", "ragpipelines", "", "list", "watched", true},
		{"ragpipeline.io", "ragpipelines", "", "list", "default", false},
		{"ragpipeline.io", "ragpipelines", "", "list", "", false},
		{"", "secrets", "", "list", "watched", true},
		{"", "secrets", "", "list", "team", false},
		{"storage.k8s.io", "storageclasses", "", "get", "", false},
		{"coordination.k8s.io", "leases", "", "create", "team", true},
		{"coordination.k8s.io", "leases", "", "create", "watched", true},
		{"coordination.k8s.io", "leases", "", "create", "default", false},
	})
}

func (c cluster) kustomize(t *testing.T) {
	c.kubectl(t, "apply", "--server-side", "--force-conflicts", "--validate=strict", "-k", config+"/default")
	c.kubectl(t, "get", "deployment", "ragpipeline-operator", "-n", namespace)
}

func (c cluster) clusterWide(t *testing.T) {
	var reviews []review
	for resource, group := range map[string]string{
		"deployments": "apps", "statefulsets": "apps", "jobs": "batch", "services": "", "serviceaccounts": "", "configmaps": "", "secrets": "",
		"networkpolicies": "networking.k8s.io", "poddisruptionbudgets": "policy", "persistentvolumeclaims": "",
	} {
		for _, verb := range []string{"get", "list", "watch", "create", "patch"} {
			reviews = append(reviews, review{group, resource, "", verb, "team", true})
		}
		reviews = append(reviews,
			review{group, resource, "", "delete", "team", resource != "persistentvolumeclaims"},
			review{group, resource, "", "update", "team", false},
			review{group, resource, "", "deletecollection", "team", false})
	}
	for _, verb := range []string{"create", "update", "patch", "delete"} {
		reviews = append(reviews, review{"ragpipeline.io", "ragpipelines", "", verb, "team", false}, review{"", "pods", "", verb, "team", verb == "delete"})
	}
	c.check(t, "system:serviceaccount:"+namespace+":ragpipeline-operator", append(reviews, []review{
		{"ragpipeline.io", "ragpipelines", "", "watch", "", true},
		{"ragpipeline.io", "ragpipelines", "status", "update", "team", true},
		{"ragpipeline.io", "ragpipelines", "finalizers", "update", "team", true},
		{"", "pods", "", "watch", "", true},
		{"", "pods", "", "deletecollection", "team", false},
		{"", "pods", "exec", "create", "team", false},
		{"", "pods", "log", "get", "team", false},
		{"", "nodes", "", "list", "", false},
		{"", "namespaces", "", "list", "", false},
		{"", "serviceaccounts", "token", "create", "team", false},
		{"storage.k8s.io", "storageclasses", "", "get", "", true},
		{"storage.k8s.io", "storageclasses", "", "watch", "", false},
		{"networking.k8s.io", "ingressclasses", "", "get", "", true},
		{"networking.k8s.io", "ingressclasses", "", "list", "", false},
		{"storage.k8s.io", "storageclasses", "", "create", "", false},
		{"events.k8s.io", "events", "", "create", "team", true},
		{"", "events", "", "list", "team", true},
		{"", "events", "", "watch", "team", false},
		{"rbac.authorization.k8s.io", "roles", "", "create", "team", false},
		{"coordination.k8s.io", "leases", "", "create", namespace, true},
		{"coordination.k8s.io", "leases", "", "create", "team", true},
		{"coordination.k8s.io", "leases", "", "update", "team", false}, // but for the one that it names
		{"coordination.k8s.io", "leases", "", "list", "team", false},
		{"coordination.k8s.io", "leases", "", "delete", "team", false},
	}...))
}

// A review is one question to the API server's authorizer. An empty namespace means all, or none at cluster scope.
type review struct {
	group, resource, subresource, verb, namespace string
	allowed                                       bool
}

func (c cluster) check(t *testing.T, user string, reviews []review) {
	t.Helper()
	for _, r := range reviews {
		answer, err := c.clients.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{User: user, ResourceAttributes: &authorizationv1.ResourceAttributes{
				Group: r.group, Resource: r.resource, Subresource: r.subresource, Verb: r.verb, Namespace: r.namespace,
			}},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if answer.Status.Allowed != r.allowed {
			t.Errorf("%+v: allowed is %v", r, answer.Status.Allowed)
		}
	}
}

// The namespace that config/default makes enforces it.
func (c cluster) restricted(t *testing.T) {
	deployment, err := c.clients.AppsV1().Deployments(namespace).Get(t.Context(), "ragpipeline-operator", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "operator", Labels: deployment.Spec.Template.Labels}, Spec: deployment.Spec.Template.Spec}
	_, err = c.clients.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		t.Error(err)
	}
	pod.Spec.Containers[0].SecurityContext.Capabilities = nil
	_, err = c.clients.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err == nil || !strings.Contains(err.Error(), "restricted") {
		t.Errorf("the namespace does not enforce it: %v", err)
	}
}
