package command

import (
	"os"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// The chart renders the same arguments: test/chart compares the two.
func TestTheOperatorTakesTheArgumentsOfItsDeployment(t *testing.T) {
	var deployment appsv1.Deployment
	manifest, err := os.ReadFile("../../config/manager/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(manifest, &deployment); err != nil {
		t.Fatal(err)
	}
	container := deployment.Spec.Template.Spec.Containers[0]
	for _, e := range container.Env {
		t.Setenv(e.Name, e.Value)
	}
	cmd := newOperatorCommand()
	if name := container.Args[0]; cmd.Name() != name {
		t.Fatalf("the deployment runs %s, not %s", name, cmd.Name())
	}
	if err := cmd.ParseFlags(append(container.Args[1:], "--namespace=team-a", "--namespace=team-b")); err != nil {
		t.Error(err)
	}
	var f operatorFlags
	operator, err := f.operator()
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range deployment.Spec.Template.Labels {
		if operator.Labels[key] != value {
			t.Errorf("NetworkPolicies would not let the operator in: its pods have %s=%s, its labels are %v",
				key, value, operator.Labels)
		}
	}
}

func TestAReceiverOfTracesIsCheckedAtTheStart(t *testing.T) {
	for endpoint, valid := range map[string]bool{"": true, "http://otlp.example.svc:4318": true, "otlp:4317": false, "grpc://otlp:4317": false} {
		o, err := (&operatorFlags{otlpEndpoint: endpoint}).operator()
		if (err == nil) != valid || o.OTLPEndpoint != endpoint && valid {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestPodsOfAnInstallationAreCheckedAtItsStart(t *testing.T) {
	for pods, want := range map[string]string{
		`{"labels":{"team":"a"},"components":[{"component":"Gateway","user":"Cluster"}]}`: "",
		`{"lables":{}}`:                           `--pods: json: unknown field "lables"; write it in the form of spec.pods`,
		`{"labels":{"a b":"c"}}`:                  "--pods.labels: a b=c is not a valid label",
		`{"components":[{"component":"Gatway"}]}`: `--pods.components[0].component: "Gatway" is not a component`,
	} {
		_, err := (&operatorFlags{pods: pods}).operator()
		if (err == nil) != (want == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", pods, err, want)
		}
	}
}
