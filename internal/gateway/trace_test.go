package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// A question's spans, one for each stage, continue the client's trace and hold nothing of the
// question or the passages.
func TestSpans(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSpanProcessor(spans)))
	otel.SetTextMapPropagator(propagation.TraceContext{})
	const parent = "0af7651916cd43dd8448eb211c80319c"
	got := newFixture().call("POST", chatRoute, chatBody("What was the xyzzy?"),
		"traceparent", "00-"+parent+"-b7ad6b7169203331-01")
	if got.Code != 200 {
		t.Fatalf("status %d: %s", got.Code, got.Body)
	}
	var names []string
	for _, s := range spans.Ended() {
		if s.SpanContext().TraceID().String() != parent {
			continue // another test's
		}
		names = append(names, s.Name())
		for _, content := range []string{"xyzzy", "Revenue", "Twelve"} {
			if told := fmt.Sprint(s.Attributes(), s.Events(), s.Status()); strings.Contains(told, content) {
				t.Errorf("span %s holds %q: %s", s.Name(), content, told)
			}
		}
	}
	slices.Sort(names)
	want := []string{
		"POST " + chatRoute, "embedding", "llm", "reranking", "retrieval fetch", "retrieval keyword", "retrieval vector",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}
