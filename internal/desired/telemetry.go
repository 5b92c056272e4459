package desired

import (
	"strconv"

	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// otlpEndpoint is the variable that names the receiver of traces, as OpenTelemetry defines it.
const otlpEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"

// telemetryVariables are the environment of a program that sends traces. The receiver is the one that
// the pipeline's own variables name, none if they name an empty one, and without them the installation's.
func (b builder) telemetryVariables(component string, own []v1alpha1.EnvVar) []v1alpha1.EnvVar {
	endpoint := b.operator.OTLPEndpoint
	for _, v := range own {
		if v.Name == otlpEndpoint {
			endpoint = v.Value
		}
	}
	if endpoint == "" {
		return nil
	}
	switch component {
	case naming.ComponentGateway, naming.ComponentIngest:
		return []v1alpha1.EnvVar{
			{Name: otlpEndpoint, Value: endpoint},
			{Name: "OTEL_RESOURCE_ATTRIBUTES", Value: "k8s.namespace.name=" + b.p.Namespace + ",ragpipeline.name=" + b.p.Name},
		}
	case naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM: // NIMs have names of their own
		return []v1alpha1.EnvVar{
			{Name: "NIM_ENABLE_OTEL", Value: "1"},
			{Name: "NIM_OTEL_TRACES_EXPORTER", Value: "otlp"},
			{Name: "NIM_OTEL_EXPORTER_OTLP_ENDPOINT", Value: endpoint},
			{Name: "NIM_OTEL_SERVICE_NAME", Value: b.p.Name + "-" + component},
		}
	}
	return nil
}

// weaviateMetrics has a store serve its metrics, if the installation wants them. They are grouped: without
// that, each collection has its own series, and each generation brings new collections.
func (b builder) weaviateMetrics(container *corev1ac.ContainerApplyConfiguration) {
	if !b.operator.WeaviateMetrics {
		return
	}
	container.WithPorts(port("metrics", weaviateMetricsPort)).WithEnv(
		env("PROMETHEUS_MONITORING_ENABLED", "true"),
		env("PROMETHEUS_MONITORING_PORT", strconv.Itoa(weaviateMetricsPort)),
		env("PROMETHEUS_MONITORING_GROUP", "true"),
	)
}
