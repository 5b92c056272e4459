package chart

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The chart's defaults and config/default install the same, but for Helm's own labels, the CRD's keep annotation, and
// the namespace, which `helm install --create-namespace` makes.
func TestChartAndKustomizationDeclareTheSameObjects(t *testing.T) {
	chart := byName(render(t))
	kustomization := byName(objects(t, output(t, kubectl(t), "kustomize", config+"/default")))
	delete(kustomization, "Namespace//"+namespace)
	if diff := cmp.Diff(kustomization, chart); diff != "" {
		t.Errorf("(-config/default +chart):\n%s", diff)
	}
}

// overlay is what kustomize makes of config/default with a component.
func overlay(t *testing.T, component string) []*unstructured.Unstructured {
	t.Helper()
	dir := inTree(t)
	relative, err := filepath.Rel(dir, absolute(t, config)) // kustomize takes no absolute path
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "kustomization.yaml"), "resources: ["+relative+"/default]\ncomponents: ["+relative+"/"+component+"]\n")
	// The kubelet puts the namespace into the arguments.
	return objects(t, strings.ReplaceAll(output(t, kubectl(t), "kustomize", dir), "$(POD_NAMESPACE)", namespace))
}

func inTree(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}

// A component adds to config/default what values add to the chart's defaults.
func TestComponentsAddWhatTheChartAdds(t *testing.T) {
	for component, values := range map[string][]string{
		"monitoring": {"metrics.serviceMonitor.enabled=true", "metrics.podMonitors.enabled=true", "metrics.rules.enabled=true",
			"metrics.dashboard.enabled=true"},
		"components/namespaced": {"watchNamespaces={" + namespace + "}"},
	} {
		chart, kustomization := byName(render(t, values...)), byName(overlay(t, component))
		delete(kustomization, "Namespace//"+namespace)
		if got, want := slices.Sorted(maps.Keys(kustomization)), slices.Sorted(maps.Keys(chart)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, of the chart %v", component, got, want)
		}
		for name, object := range kustomization {
			if diff := cmp.Diff(chart[name], object); diff != "" {
				t.Errorf("%s (-chart +component):\n%s", name, diff)
			}
		}
	}
}

func TestTheOperatorsPolicyAdmitsReadersOfMetricsAlone(t *testing.T) {
	all := overlay(t, "components/network-policy")
	policy := find(t, all, "NetworkPolicy/"+namespace+"/ragpipeline-operator").Object["spec"].(map[string]any)
	deployment := find(t, all, "Deployment/"+namespace+"/ragpipeline-operator").Object["spec"].(map[string]any)
	if diff := cmp.Diff(deployment["selector"], policy["podSelector"]); diff != "" {
		t.Errorf("it selects (-the operator +the policy):\n%s", diff)
	}
	want := []any{map[string]any{
		"from":  []any{map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"metrics": "enabled"}}}},
		"ports": []any{map[string]any{"protocol": "TCP", "port": "metrics"}},
	}}
	if diff := cmp.Diff(want, policy["ingress"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The overlay of docs/install.md, with the base in this tree: pipelines' pods get the image that the operator gets.
func TestAnOverlayNamesAnotherImageOnce(t *testing.T) {
	_, after, _ := strings.Cut(string(read(t, "../../docs/install.md")), "```yaml\n")
	text, _, _ := strings.Cut(after, "```")
	dir := inTree(t)
	relative, err := filepath.Rel(dir, absolute(t, config+"/default"))
	if err != nil {
		t.Fatal(err)
	}
	text = strings.Replace(text, "github.com/ragpipeline/ragpipeline/config/default", relative, 1)
	write(t, filepath.Join(dir, "kustomization.yaml"), text)
	container := operator(t, objects(t, output(t, kubectl(t), "kustomize", dir)))
	const want = "registry.example.com/ragpipeline:dev"
	if env := container["env"].([]any)[0].(map[string]any); container["image"] != want || env["value"] != want {
		t.Errorf("the operator runs %v, and pipelines %v", container["image"], env)
	}
}

// byName has the objects' content, without what Helm adds.
func byName(all []*unstructured.Unstructured) map[string]map[string]any {
	objects := map[string]map[string]any{}
	for _, o := range all {
		labels, annotations := o.GetLabels(), o.GetAnnotations()
		for _, label := range []string{"helm.sh/chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by"} {
			delete(labels, label)
		}
		delete(annotations, "helm.sh/resource-policy")
		o.SetLabels(labels)
		o.SetAnnotations(annotations)
		objects[name(o)] = o.Object
	}
	return objects
}

func TestTheChartsFilesAreThoseOfConfig(t *testing.T) {
	files, err := filepath.Glob(chart + "/files/*")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, file := range files {
		sources, err := filepath.Glob(config + "/*/" + filepath.Base(file))
		if err != nil || len(sources) != 1 {
			t.Fatalf("%s has %d sources: %v", file, len(sources), err)
		}
		if !bytes.Equal(read(t, file), read(t, sources[0])) {
			t.Errorf("%s is not %s: run make generate", file, sources[0])
		}
	}
}

func TestTheCRDIsKeptUnlessToldOtherwise(t *testing.T) {
	const crd = "CustomResourceDefinition//ragpipelines.ragpipeline.io"
	for _, c := range []struct{ set, policy string }{{"crds.keep=true", "keep"}, {"crds.keep=false", ""}} {
		if got := find(t, render(t, c.set), crd).GetAnnotations()["helm.sh/resource-policy"]; got != c.policy {
			t.Errorf("%s: the resource policy is %q, not %q", c.set, got, c.policy)
		}
	}
	if all := names(render(t, "crds.install=false")); slices.Contains(all, crd) {
		t.Error("crds.install=false installs it")
	}
}

func TestAnOperatorOfSomeNamespacesGetsNothingBeyondThem(t *testing.T) {
	all := render(t, "watchNamespaces={team-a,team-b}")
	var roles []string
	for _, o := range all {
		if strings.HasSuffix(o.GetKind(), "Role") || strings.HasSuffix(o.GetKind(), "RoleBinding") {
			roles = append(roles, name(o))
		}
	}
	slices.Sort(roles)
	want := []string{
		"ClusterRole//ragpipeline-edit", "ClusterRole//ragpipeline-view", // for users, not for the operator
		"Role/ragpipeline-system/ragpipeline-operator-leader", "Role/team-a/ragpipeline-operator", "Role/team-b/ragpipeline-operator",
		"RoleBinding/ragpipeline-system/ragpipeline-operator-leader", "RoleBinding/team-a/ragpipeline-operator", "RoleBinding/team-b/ragpipeline-operator",
	}
	if diff := cmp.Diff(want, roles); diff != "" {
		t.Errorf("roles and bindings (-want +got):\n%s", diff)
	}
	if args := operator(t, all)["args"].([]any); !slices.Contains(args, "--namespace=team-a") || !slices.Contains(args, "--namespace=team-b") {
		t.Errorf("the operator is not told its namespaces: %v", args)
	}
}

func TestSwitchedOffPartsLeaveNothingBehind(t *testing.T) {
	all := names(render(t, "crds.install=false", "rbac.create=false", "rbac.userRoles=false", "metrics.service.enabled=false",
		"serviceAccount.create=false", "serviceAccount.name=mine"))
	if diff := cmp.Diff([]string{"Deployment/ragpipeline-system/ragpipeline-operator"}, all); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheOperatorIsToldWhatThePodsOfPipelinesGet(t *testing.T) {
	all := render(t, "operands.pods.labels.team=a", "user=Cluster", "imageRegistry=mirror.example.com/all", "extraArgs={--log-level=debug}",
		"extraEnv[0].name=A", "extraEnv[0].value=b", "extraVolumes[0].name=ca", "extraVolumeMounts[0].name=ca", "extraVolumeMounts[0].mountPath=/ca")
	container := operator(t, all)
	args := container["args"].([]any)
	for _, arg := range []string{`--pods={"labels":{"team":"a"}}`, "--log-level=debug", "--weaviate-image=mirror.example.com/all/cr.weaviate.io/semitechnologies/weaviate:1.39.1"} {
		if !slices.Contains(args, any(arg)) {
			t.Errorf("the arguments lack %s: %v", arg, args)
		}
	}
	if image, _ := container["image"].(string); !strings.HasPrefix(image, "mirror.example.com/all/ghcr.io/") {
		t.Errorf("the image is %s", image)
	}
	spec := find(t, all, "Deployment/ragpipeline-system/ragpipeline-operator").Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
	if spec["securityContext"].(map[string]any)["runAsUser"] != nil || spec["volumes"] == nil || container["volumeMounts"] == nil {
		t.Errorf("the pod is %v", spec)
	}
}

func TestOperatorPodsAreWhatTheValuesSay(t *testing.T) {
	all := render(t, "replicas=2", "image.digest=sha256:"+strings.Repeat("0", 64), "imagePullSecrets[0].name=registry", "podLabels.team=a",
		"podAnnotations.note=b", "priorityClassName=high", "nodeSelector.disk=ssd", "tolerations[0].operator=Exists",
		"affinity.nodeAffinity.x=y", "topologySpreadConstraints[0].maxSkew=1", "resources.limits.memory=1Gi", "image.pullPolicy=Always")
	find(t, all, "PodDisruptionBudget/ragpipeline-system/ragpipeline-operator")
	container := operator(t, all)
	image := "ghcr.io/ragpipeline/ragpipeline@sha256:" + strings.Repeat("0", 64)
	if container["image"] != image || container["imagePullPolicy"] != "Always" {
		t.Errorf("image %v, %v", container["image"], container["imagePullPolicy"])
	}
	if env := container["env"].([]any)[0].(map[string]any); env["name"] != "OPERATOR_IMAGE" || env["value"] != image {
		t.Errorf("the pods of pipelines would run another image: %v", env)
	}
	template := find(t, all, "Deployment/ragpipeline-system/ragpipeline-operator").Object["spec"].(map[string]any)["template"].(map[string]any)
	spec := template["spec"].(map[string]any)
	for _, field := range []string{"imagePullSecrets", "priorityClassName", "nodeSelector", "tolerations", "affinity", "topologySpreadConstraints"} {
		if spec[field] == nil {
			t.Errorf("%s is missing from %v", field, slices.Sorted(maps.Keys(spec)))
		}
	}
	metadata := unstructured.Unstructured{Object: template}
	if metadata.GetLabels()["team"] != "a" || metadata.GetAnnotations()["note"] != "b" {
		t.Errorf("labels %v, annotations %v", metadata.GetLabels(), metadata.GetAnnotations())
	}
}

// operator is the operator's container.
func operator(t *testing.T, all []*unstructured.Unstructured) map[string]any {
	t.Helper()
	deployment := find(t, all, "Deployment/ragpipeline-system/ragpipeline-operator")
	containers, _, err := unstructured.NestedSlice(deployment.Object, "spec", "template", "spec", "containers")
	if err != nil || len(containers) != 1 {
		t.Fatalf("%d containers: %v", len(containers), err)
	}
	return containers[0].(map[string]any)
}

// Names stay within their limits however long the release's is; Helm allows 53 characters.
func TestLongReleaseNames(t *testing.T) {
	long := strings.Repeat("r", 53)
	for _, o := range objects(t, output(t, helm(t), "template", long, chart)) {
		if n := o.GetName(); o.GetKind() == "Service" && len(n) > 63 || strings.Contains(n, "--") {
			t.Errorf("%s", name(o))
		}
	}
}
