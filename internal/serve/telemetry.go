package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	"golang.org/x/term"
)

// Logger writes text to a terminal, and JSON lines to anything else.
func Logger(w io.Writer, level slog.Leveler) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return slog.New(slog.NewTextHandler(Plain(w), options))
	}
	return slog.New(slog.NewJSONHandler(Plain(w), options))
}

// Tracing forwards W3C trace headers. It sends spans by OTLP over HTTP if the standard variables
// name a receiver: OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT. It obeys
// OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER=none, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and the
// exporter's own variables. shutdown sends the remaining spans; it is never nil.
func Tracing(ctx context.Context, service string) (shutdown func(context.Context) error, err error) {
	// Baggage is not forwarded, because its content must not reach a hosted model.
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

// firstSet returns the value of the first variable that is set.
func firstSet(names ...string) string {
	for _, name := range names {
		if v := os.Getenv(name); v != "" {
			return v
		}
	}
	return ""
}
