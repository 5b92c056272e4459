package query

import (
	"context"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
)

var tracer = otel.Tracer("github.com/ragpipeline/ragpipeline/internal/query")

// The attributes of a retrieval's span: the GenAI semantic conventions v0.1.0, whose Go package has no release yet.
// Calls of models have spans of their own, made by their client. None holds content.
const (
	keyOperation  = attribute.Key("gen_ai.operation.name")
	keyDataSource = attribute.Key("gen_ai.data_source.id")
	keyTopK       = attribute.Key("gen_ai.retrieval.top_k")
)

// stage runs do under a deadline and a span, and says how long it took. When the caller's own context has ended, its
// error is returned instead of what do made of it.
func stage(ctx context.Context, span string, deadline time.Duration,
	do func(ctx context.Context) error) (time.Duration, error) {
	bounded, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	bounded, s := tracer.Start(bounded, span)
	defer s.End()

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
