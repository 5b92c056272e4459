package model

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// NewMetrics registers ragpipeline_model_request_duration_seconds{model_role,outcome}, and returns
// the observer that feeds it. outcome is "ok" or the error's Failure.
func NewMetrics(r prometheus.Registerer) Observer {
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "ragpipeline_model_request_duration_seconds",
		Help: "Duration of HTTP requests to models, each attempt counted but those that only show what form " +
			"a server wants; " +
			"streamed answers to their end.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120},
	}, []string{"model_role", "outcome"})
	r.MustRegister(durations)
	return func(stage config.Stage, took time.Duration, err error) {
		outcome := "ok"
		if err != nil {
			outcome = string(FailureOf(err))
		}
		durations.WithLabelValues(string(stage), outcome).Observe(took.Seconds())
	}
}

// Observers calls all of them, in order, and leaves out nil ones.
func Observers(all ...Observer) Observer {
	return func(stage config.Stage, took time.Duration, err error) {
		for _, observe := range all {
			if observe != nil {
				observe(stage, took, err)
			}
		}
	}
}

var tracer = otel.Tracer("github.com/ragpipeline/ragpipeline/internal/model")

// The keys are those of OpenTelemetry's conventions for generative AI, which its Go module no
// longer carries.
const (
	keyOperation    = attribute.Key("gen_ai.operation.name")
	keyModel        = attribute.Key("gen_ai.request.model")
	keyInputTokens  = attribute.Key("gen_ai.usage.input_tokens")
	keyOutputTokens = attribute.Key("gen_ai.usage.output_tokens")
	keyFinish       = attribute.Key("gen_ai.response.finish_reasons")
	keyError        = attribute.Key("error.type")
)

// startSpan begins the span of one call, retries included. It never holds content.
func (c *client) startSpan(ctx context.Context, operation string) (context.Context, trace.Span) {
	return tracer.Start(ctx, operation+" "+c.model, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(keyOperation.String(operation), keyModel.String(c.model)))
}

// describe adds to the current span the answer's finish reason and usage.
func describe(ctx context.Context, finish string, usage *Usage) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	if finish != "" {
		span.SetAttributes(keyFinish.StringSlice([]string{finish}))
	}
	if usage != nil {
		span.SetAttributes(keyInputTokens.Int(usage.PromptTokens), keyOutputTokens.Int(usage.CompletionTokens))
	}
}

func endSpan(span trace.Span, err error) {
	if span.IsRecording() && err != nil {
		reason := "cancelled"
		if failure := FailureOf(err); failure != "" {
			reason = string(failure)
		}
		span.SetAttributes(keyError.String(reason))
		span.SetStatus(codes.Error, reason)
	}
	span.End()
}

// learned tells of a way in which the server departs from its protocol.
func (c *client) learned(fact string) {
	c.log.Info("Learned how the model's server works", "stage", string(c.stage), "model", c.model, "it", fact)
	c.onLearn(c.stage, fact)
}
