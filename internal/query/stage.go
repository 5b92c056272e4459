package query

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

var tracer = otel.Tracer("github.com/ragpipeline/ragpipeline/internal/query")

// The attributes of spans: the GenAI semantic conventions v0.1.0, whose Go package has no release yet. None of
// them holds content.
const (
	keyOperation    = attribute.Key("gen_ai.operation.name")
	keyModel        = attribute.Key("gen_ai.request.model")
	keyDataSource   = attribute.Key("gen_ai.data_source.id")
	keyTopK         = attribute.Key("gen_ai.retrieval.top_k")
	keyInputTokens  = attribute.Key("gen_ai.usage.input_tokens")
	keyOutputTokens = attribute.Key("gen_ai.usage.output_tokens")
	keyFinish       = attribute.Key("gen_ai.response.finish_reasons")
	keyFirstChunk   = attribute.Key("gen_ai.response.time_to_first_chunk")
)

// stage runs do under a deadline and a span, and says how long it took. When the caller's own context has ended, its
// error is returned instead of what do made of it.
func stage(ctx context.Context, span string, deadline time.Duration, attributes []attribute.KeyValue,
	do func(ctx context.Context) error) (time.Duration, error) {
	bounded, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	bounded, s := tracer.Start(bounded, span, trace.WithSpanKind(trace.SpanKindClient))
	defer s.End()
	if s.IsRecording() {
		s.SetAttributes(attributes...)
	}

	start := time.Now()
	err := do(bounded)
	took := time.Since(start)
	if err == nil {
		return took, nil
	}
	s.SetStatus(codes.Error, "") // the error's text may quote a server; its kind is in metrics and log
	if ctx.Err() != nil {
		return took, ctx.Err()
	}
	if bounded.Err() != nil {
		return took, context.DeadlineExceeded
	}
	return took, err
}
