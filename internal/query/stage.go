package query

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

var tracer = otel.Tracer("github.com/ragpipeline/ragpipeline/internal/query")

// The attributes of a retrieval's span: the GenAI semantic conventions v0.1.0, whose Go package has
// no release yet. Calls of models have spans of their own, made by their client. None holds
// content.
const (
	keyOperation  = attribute.Key("gen_ai.operation.name")
	keyDataSource = attribute.Key("gen_ai.data_source.id")
	keyTopK       = attribute.Key("gen_ai.retrieval.top_k")
)

// stage runs do under a deadline and a span, and returns how long it took. When the caller's own
// context has ended, its error is returned instead of what do made of it.
func stage(ctx context.Context, span string, deadline time.Duration,
	do func(ctx context.Context) error) (time.Duration, error) {
	bounded, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	s := trace.SpanFromContext(ctx)
	if trace.SpanContextFromContext(ctx).IsValid() { // spare the spans of a question that is not traced
		bounded, s = tracer.Start(bounded, span)
		defer s.End()
	}

	start := time.Now()
	err := do(bounded)
	took := time.Since(start)
	if err == nil {
		return took, nil
	}
	s.SetStatus(codes.Error, "") // the error's text may quote a server; its failure is in metrics and log
	if ctx.Err() != nil {
		return took, ctx.Err()
	}
	if bounded.Err() != nil {
		return took, context.DeadlineExceeded
	}
	return took, err
}

// The outcomes of a question.
const (
	outcomeAnswered  = "answered"
	outcomeDegraded  = "degraded"  // a stage was down and the policy was Degrade
	outcomeEmpty     = "empty"     // no passage was found
	outcomeInvalid   = "invalid"   // the request cannot be answered
	outcomeFailed    = "failed"    // a stage was down
	outcomeCancelled = "cancelled" // the caller has left
)

// metrics counts questions and times their stages. Observers are looked up once: a question costs
// no map access.
type metrics struct {
	queries *prometheus.CounterVec

	embedding, keyword, vector, fetch, reranking, firstToken, llm, total prometheus.Observer
}

func newMetrics(r prometheus.Registerer) *metrics {
	queries := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "ragpipeline_queries_total",
		Help: "Questions and searches by outcome.",
	}, []string{"outcome"})
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "ragpipeline_query_duration_seconds",
		Help:    "Time of a question's stages; total is the whole of it.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
	}, []string{"stage"})
	if r != nil {
		r.MustRegister(queries, durations)
	}
	for _, outcome := range []string{outcomeAnswered, outcomeDegraded, outcomeEmpty, outcomeInvalid,
		outcomeFailed, outcomeCancelled} {
		queries.WithLabelValues(outcome) // a rate needs its zero
	}
	return &metrics{
		queries:    queries,
		embedding:  durations.WithLabelValues("embedding"),
		keyword:    durations.WithLabelValues("keyword"),
		vector:     durations.WithLabelValues("vector"),
		fetch:      durations.WithLabelValues("fetch"),
		reranking:  durations.WithLabelValues("reranking"),
		firstToken: durations.WithLabelValues("first_token"),
		llm:        durations.WithLabelValues("llm"),
		total:      durations.WithLabelValues("total"),
	}
}

// count records a finished question.
func (m *metrics) count(passages []Passage, warnings []Warning, t *Times, err error) {
	m.queries.WithLabelValues(outcome(passages, warnings, err)).Inc()
	for _, s := range []struct {
		to   prometheus.Observer
		took time.Duration
	}{
		{m.embedding, t.Embedding}, {m.keyword, t.Keyword}, {m.vector, t.Vector}, {m.fetch, t.Fetch},
		{m.reranking, t.Reranking}, {m.firstToken, t.FirstToken}, {m.llm, t.LLM}, {m.total, t.Total},
	} {
		if s.took > 0 {
			s.to.Observe(s.took.Seconds())
		}
	}
}

func outcome(passages []Passage, warnings []Warning, err error) string {
	if err != nil {
		if _, invalid := errors.AsType[*Invalid](err); invalid {
			return outcomeInvalid
		}
		if _, failed := errors.AsType[*StageError](err); failed {
			return outcomeFailed
		}
		return outcomeCancelled
	}
	if len(passages) == 0 {
		return outcomeEmpty
	}
	for _, w := range warnings {
		switch w.Code {
		case config.PassagesCut, config.NoModel, config.AnswerRefused, config.FieldsOmitted,
			config.FilterKeyUnknown, config.FilterTypeMismatch,
			config.ToolsIgnored, config.ToolTurnsDropped, config.PartsDropped:
		default:
			return outcomeDegraded
		}
	}
	return outcomeAnswered
}
