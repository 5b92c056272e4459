package controllers_test

import (
	"fmt"
	"slices"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

func TestAfterAnUpgradeFewPipelinesAtATimeReadTheirDocumentsAgain(t *testing.T) {
	t.Parallel()
	const pipelines = plan.MaxUpgrades + 3
	c := startCluster(t)
	const earlier = "analyser/1 common/0"
	old := startOperatorOf(t, c.namespace, earlier)
	var names []string
	for i := range pipelines {
		names = append(names, fmt.Sprint("p", i))
		c.applySample("quickstart.yaml", func(p *unstructured.Unstructured) { p.SetName(names[i]) })
	}
	for _, name := range names {
		c.awaitReady(name)
	}
	suspended := c.pipeline(names[0])
	c.change(suspended, `{"spec":{"suspend":true}}`)
	old.stop()
	c.Hold(true)
	next := startOperator(t, c.namespace)
	c.awaitUpgrades(plan.MaxUpgrades, 2)
	c.passes(2 * resync)
	c.awaitUpgrades(plan.MaxUpgrades, 2)

	next.stop() // what runs by now counts for the operator that follows
	startOperator(t, c.namespace)
	c.passes(2 * resync)
	c.awaitUpgrades(plan.MaxUpgrades, 2)
	var waiting *v1alpha1.RAGPipeline
	for _, name := range names {
		if p := c.pipeline(name); reconcilingFor(p) == v1alpha1.ReasonQueued {
			waiting = p
		}
	}
	c.change(waiting, `{"metadata":{"annotations":{"`+naming.AnnotationSync+`":"now"}}}`)
	c.awaitUpgrades(plan.MaxUpgrades, 1) // a run that a user asks for takes no turn
	deleted := c.upgrading()[0]
	c.check(c.Delete(t.Context(), c.pipeline(deleted)))
	c.awaitUpgrades(plan.MaxUpgrades, 0)
	apiserver.Eventually(c, patience, func() string {
		if n := len(c.jobsOf(deleted)); n > 0 {
			return fmt.Sprintf("no run of the deleted pipeline, have %d", n)
		}
		return ""
	})

	c.Hold(false)
	names = slices.DeleteFunc(names, func(name string) bool { return name == deleted })
	for _, name := range names[1:] {
		p := c.awaitReady(name)
		for _, job := range c.jobsOf(name) {
			if job.Annotations[naming.AnnotationRules] != config.Rules() {
				t.Errorf("the run %s of %s goes by %q", job.Name, p.Name, job.Annotations[naming.AnnotationRules])
			}
		}
	}
	for _, job := range c.jobsOf(suspended.Name) {
		if job.Annotations[naming.AnnotationRules] != earlier {
			t.Errorf("the suspended pipeline has the new run %s", job.Name)
		}
	}
	if runs := c.Runs(); runs != pipelines+pipelines-2 {
		t.Errorf("%d runs, want one of each pipeline, and one more of each that is neither suspended nor deleted", runs)
	}
}

// awaitUpgrades waits until so many pipelines have a run after an upgrade, and so many wait for one.
func (c *cluster) awaitUpgrades(active, queued int) {
	c.Helper()
	apiserver.Eventually(c, patience, func() string {
		upgrading, waiting := len(c.upgrading()), 0
		var list v1alpha1.RAGPipelineList
		c.check(c.List(c.Context(), &list, client.InNamespace(c.namespace)))
		for _, p := range list.Items {
			if reconcilingFor(&p) == v1alpha1.ReasonQueued {
				waiting++
			}
		}
		if upgrading > plan.MaxUpgrades {
			c.Fatalf("%d pipelines read their documents again at once", upgrading)
		}
		if upgrading != active || waiting != queued {
			return fmt.Sprintf("%d runs and %d that wait, have %d and %d", active, queued, upgrading, waiting)
		}
		return ""
	})
}

// upgrading names the pipelines that have a run after an upgrade. The run of one that was deleted does not count: the
// garbage collector is about to take it.
func (c *cluster) upgrading() (names []string) {
	c.Helper()
	jobs := c.jobsOf("")
	var pipelines v1alpha1.RAGPipelineList
	c.check(c.List(c.Context(), &pipelines, client.InNamespace(c.namespace)))
	for _, p := range pipelines.Items {
		of := func(job batchv1.Job) bool {
			return plan.Upgrading(&job) && job.Labels[naming.LabelPipeline] == p.Name
		}
		if slices.ContainsFunc(jobs, of) {
			names = append(names, p.Name)
		}
	}
	return names
}

// reconcilingFor is the reason for which a pipeline is Reconciling; empty if it is not.
func reconcilingFor(p *v1alpha1.RAGPipeline) string {
	for _, condition := range p.Status.Conditions {
		if condition.Type == v1alpha1.ConditionReconciling && condition.Status == metav1.ConditionTrue {
			return condition.Reason
		}
	}
	return ""
}

// jobsOf are the Jobs of a pipeline, or of all.
func (c *cluster) jobsOf(name string) []batchv1.Job {
	c.Helper()
	options := []client.ListOption{client.InNamespace(c.namespace)}
	if name != "" {
		options = append(options, client.MatchingLabels{naming.LabelPipeline: name})
	}
	var list batchv1.JobList
	c.check(c.List(c.Context(), &list, options...))
	return list.Items
}
