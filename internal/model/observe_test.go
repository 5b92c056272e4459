package model

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestEveryAttemptIsObservedWithItsOutcome(t *testing.T) {
	var stages []config.Stage
	var failures []config.Failure
	note := func(stage config.Stage, took time.Duration, err error) {
		if took <= 0 {
			t.Errorf("it took %s", took)
		}
		stages, failures = append(stages, stage), append(failures, FailureOf(err))
	}
	n := 0
	s := serve(t, func(w http.ResponseWriter, _ []byte) {
		if n++; n < 3 {
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.Write([]byte(vectorsOf(1)))
	})
	e := NewEmbedder(s.model(), config.EmbeddingSpace{}, nil, Transport{Observe: Observers(nil, note)})
	if _, err := e.Query(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]config.Failure{config.ModelOverloaded, config.ModelOverloaded, ""}, failures); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]config.Stage{config.StageEmbedding, config.StageEmbedding, config.StageEmbedding}, stages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMetricsCountByRoleAndOutcome(t *testing.T) {
	r := prometheus.NewPedanticRegistry()
	observe := NewMetrics(r)
	observe(config.StageLLM, time.Second, nil)
	observe(config.StageLLM, time.Second, nil)
	observe(config.StageReranking, time.Minute, &Error{Failure: config.ModelTimedOut})
	families, err := r.Gather()
	if err != nil || len(families) != 1 || families[0].GetName() != "ragpipeline_model_request_duration_seconds" {
		t.Fatalf("%v, %v", families, err)
	}
	var got []string
	for _, m := range families[0].GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetName()+"="+l.GetValue())
		}
		got = append(got, fmt.Sprintf("%s: %d", strings.Join(labels, ","), m.GetHistogram().GetSampleCount()))
	}
	want := []string{"model_role=llm,outcome=ok: 2", "model_role=reranking,outcome=ModelTimedOut: 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCallsAreTracedWithoutContentAndTheTraceIsPassedOn(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	previous, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t.Cleanup(func() { otel.SetTracerProvider(previous); otel.SetTextMapPropagator(propagator) })

	s := answer(t, http.StatusOK, `{"choices":[{"message":{"content":"the answer"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`)
	ctx, parent := provider.Tracer("test").Start(t.Context(), "question")
	if _, err := s.chat().Complete(ctx, ask("the question")); err != nil {
		t.Fatal(err)
	}
	parent.End()
	if _, err := answer(t, http.StatusGone, "").embedder().Query(t.Context(), "the question"); err == nil {
		t.Fatal("no error")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.embedder().Query(cancelled, "the question"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}

	spans := recorder.Ended()
	chat, embed, left := spans[0], spans[2], spans[3]
	if chat.Name() != "chat acme/model-1.5" || chat.Parent().SpanID() != parent.SpanContext().SpanID() {
		t.Errorf("the span is %q below %s", chat.Name(), chat.Parent().SpanID())
	}
	if h := s.requests[0].Header.Get("Traceparent"); !strings.Contains(h, parent.SpanContext().TraceID().String()) ||
		!strings.Contains(h, chat.SpanContext().SpanID().String()) {
		t.Errorf("the model got traceparent %q", h)
	}
	attributes := func(s trace.ReadOnlySpan) map[string]string {
		out := map[string]string{}
		for _, a := range s.Attributes() {
			out[string(a.Key)] = a.Value.String()
			if strings.Contains(a.Value.String(), "the question") || strings.Contains(a.Value.String(), "the answer") {
				t.Errorf("content in %s", a.Key)
			}
		}
		return out
	}
	if diff := cmp.Diff(map[string]string{"gen_ai.operation.name": "chat", "gen_ai.request.model": "acme/model-1.5",
		"gen_ai.usage.input_tokens": "3", "gen_ai.usage.output_tokens": "2", "gen_ai.response.finish_reasons": `["stop"]`}, attributes(chat)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := attributes(embed)["error.type"]; got != string(config.ModelRetired) || embed.Status().Code != codes.Error {
		t.Errorf("a failed call has error.type %q, status %v", got, embed.Status())
	}
	if got := attributes(left)["error.type"]; got != "cancelled" {
		t.Errorf("a cancelled call has error.type %q", got)
	}
}
