package query

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The outcomes of a question.
const (
	outcomeAnswered  = "answered"
	outcomeDegraded  = "degraded"  // a stage was down and the policy says Degrade
	outcomeEmpty     = "empty"     // no passage was found
	outcomeInvalid   = "invalid"   // the request cannot be answered
	outcomeFailed    = "failed"    // a stage was down
	outcomeCancelled = "cancelled" // whoever asked has left
)

// metrics counts questions and times their stages. Observers are looked up once: a question costs no map access.
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
		if w.Code != config.PassagesCut && w.Code != config.NoModel {
			return outcomeDegraded
		}
	}
	return outcomeAnswered
}
