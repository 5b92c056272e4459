package desired

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestTracesOfEveryProgramGoToTheReceiver(t *testing.T) {
	const installed, own = "http://otlp:4318", "http://ours:4318"
	for _, c := range []struct {
		name, installed string
		variables       []v1alpha1.EnvVar
		want            string
	}{
		{"nobody names one", "", nil, ""},
		{"the installation's", installed, nil, installed},
		{"the pipeline's", "", []v1alpha1.EnvVar{{Name: otlpEndpoint, Value: own}}, own},
		{"the pipeline's, not the installation's", installed, []v1alpha1.EnvVar{{Name: otlpEndpoint, Value: own}}, own},
		{"a pipeline that wants none", installed, []v1alpha1.EnvVar{{Name: otlpEndpoint}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := operator
			o.OTLPEndpoint = c.installed
			got, want := map[string]string{}, map[string]string{}
			if c.want != "" {
				want = map[string]string{
					naming.ComponentGateway: c.want + " k8s.namespace.name=rag,ragpipeline.name=papers",
					naming.ComponentIngest:  c.want + " k8s.namespace.name=rag,ragpipeline.name=papers",

					naming.ComponentEmbedding: c.want + " as papers-embedding, 1 otlp",
					naming.ComponentReranking: c.want + " as papers-reranking, 1 otlp",
				}
			}
			for component, pod := range adapted(t, o, &v1alpha1.Pods{Pod: v1alpha1.Pod{Env: c.variables}}) {
				env := map[string]string{}
				for _, v := range pod.Spec.Containers[0].Env {
					env[v.Name] = v.Value
				}
				if env["OTEL_RESOURCE_ATTRIBUTES"] != "" {
					got[component] = env[otlpEndpoint] + " " + env["OTEL_RESOURCE_ATTRIBUTES"]
				}
				if env["NIM_OTEL_SERVICE_NAME"] != "" {
					got[component] = env["NIM_OTEL_EXPORTER_OTLP_ENDPOINT"] + " as " + env["NIM_OTEL_SERVICE_NAME"] + ", " +
						env["NIM_ENABLE_OTEL"] + " " + env["NIM_OTEL_TRACES_EXPORTER"]
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStoreServesItsMetricsOnRequest(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		o := operator
		o.WeaviateMetrics = wanted
		container := adapted(t, o, nil)[naming.ComponentWeaviate].Spec.Containers[0]
		env, port := map[string]string{}, int32(0)
		for _, v := range container.Env {
			env[v.Name] = v.Value
		}
		for _, p := range container.Ports {
			if p.Name == "metrics" {
				port = p.ContainerPort
			}
		}
		on := env["PROMETHEUS_MONITORING_ENABLED"] == "true" && env["PROMETHEUS_MONITORING_GROUP"] == "true" &&
			env["PROMETHEUS_MONITORING_PORT"] == "2112" && port == 2112
		if on != wanted || !wanted && (port != 0 || env["PROMETHEUS_MONITORING_ENABLED"] != "") {
			t.Errorf("wanted %t: port %d, %v", wanted, port, env)
		}
	}
}
