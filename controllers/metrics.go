package controllers

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

var conditionMetric = prometheus.NewDesc("ragpipeline_condition",
	"1 for the status that a condition of a pipeline has.", []string{"namespace", "name", "type", "status"}, nil)

// conditionGauge holds the conditions of every pipeline, and gives them to Prometheus when asked.
type conditionGauge struct {
	mu         sync.Mutex
	conditions map[types.NamespacedName][]metav1.Condition
}

func (g *conditionGauge) set(p *v1alpha1.RAGPipeline, conditions []metav1.Condition) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conditions == nil {
		g.conditions = map[types.NamespacedName][]metav1.Condition{}
	}
	g.conditions[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = conditions
}

func (g *conditionGauge) forget(key types.NamespacedName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conditions, key)
}

// Describe implements prometheus.Collector.
func (g *conditionGauge) Describe(ch chan<- *prometheus.Desc) { ch <- conditionMetric }

// Collect implements prometheus.Collector.
func (g *conditionGauge) Collect(ch chan<- prometheus.Metric) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for key, conditions := range g.conditions {
		for _, c := range conditions {
			ch <- prometheus.MustNewConstMetric(conditionMetric, prometheus.GaugeValue, 1,
				key.Namespace, key.Name, c.Type, string(c.Status))
		}
	}
}
