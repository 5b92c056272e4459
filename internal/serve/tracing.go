package serve

import (
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
)

// Tracing passes W3C trace headers on, and sends spans by OTLP over HTTP when the standard variables name a
// receiver: OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. OTEL_SDK_DISABLED,
// OTEL_TRACES_EXPORTER=none, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and the exporter's own variables are
// obeyed. shutdown sends what is left; it is never nil.
func Tracing(ctx context.Context, service string) (shutdown func(context.Context) error, err error) {
	// Baggage is left alone: what callers put there must not reach a hosted model.
	otel.SetTextMapPropagator(propagation.TraceContext{})
	nothing := func(context.Context) error { return nil }
	if !tracingWanted() {
		return nothing, nil
	}
	p := firstSet("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
	if p != "" && p != "http/protobuf" {
		return nothing, fmt.Errorf("tracing: OTLP protocol %q is not supported; "+
			"set it to http/protobuf and the endpoint to the receiver's HTTP port, by default 4318", p)
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nothing, fmt.Errorf("tracing: make the OTLP exporter: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", service)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nothing, fmt.Errorf("tracing: read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter), trace.WithResource(about))
	otel.SetTracerProvider(provider)
	return provider.Shutdown, nil
}

func tracingWanted() bool {
	return firstSet("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT") != "" &&
		os.Getenv("OTEL_SDK_DISABLED") != "true" && os.Getenv("OTEL_TRACES_EXPORTER") != "none"
}

// firstSet is the value of the first variable that has one.
func firstSet(names ...string) string {
	for _, name := range names {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}
