package model

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// NewMetrics registers ragpipeline_model_request_duration_seconds{model_role,outcome} and returns what feeds
// it. outcome is "ok" or the error's Kind.
func NewMetrics(r prometheus.Registerer) Observer {
	durations := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "ragpipeline_model_request_duration_seconds",
		Help:    "Duration of HTTP requests to models, each attempt counted; streamed answers to their end.",
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

// Observers tells all of them, in order; nil ones are left out.
func Observers(all ...Observer) Observer {
	return func(stage config.Stage, took time.Duration, err error) {
		for _, observe := range all {
			if observe != nil {
				observe(stage, took, err)
			}
		}
	}
}
