package controllers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
	"github.com/ragpipeline/ragpipeline/test/played"
)

func TestTheQuickstartBecomesReadyAndIsInProgressUntilThen(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.applySample("quickstart.yaml")
	p = c.awaitReady(p.Name)
	if p.Status.Index == nil || p.Status.Index.Documents != played.Documents || p.Status.Endpoint == "" {
		t.Errorf("status: %+v", p.Status)
	}
	c.reads(p.Name, status.CurrentStatus)
	versions := c.seen(p.Name)
	ready := slices.IndexFunc(versions, func(v version) bool { return strings.HasPrefix(v.ready, "True") })
	if ready < 0 {
		t.Fatalf("no version of the pipeline was seen as ready: %v", versions)
	}
	for _, v := range versions[:ready] { // the status may be written again afterwards, with later figures
		if v.kstatus != status.InProgressStatus {
			t.Errorf("before it is ready kstatus says %s, in %v", v, versions)
			break
		}
	}
}

func TestEachConditionThatBecomesTrueIsAnEventOfItsOwn(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	apiserver.Eventually(t, patience, func() string {
		var events eventsv1.EventList
		c.check(c.List(t.Context(), &events, client.InNamespace(c.namespace)))
		told := map[string]bool{}
		for _, e := range events.Items {
			told[e.Action] = told[e.Action] || e.Regarding.UID == p.UID
		}
		for _, condition := range p.Status.Conditions {
			if !told[condition.Type] {
				return "an event of " + condition.Type
			}
		}
		return ""
	})
}

func TestAReadyPipelineCausesNoWrite(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	o := startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	c.quiet(t, o, p)
	before := c.pipeline(p.Name).ResourceVersion
	c.passes(10 * resync)
	if requests := o.requests.Take(); len(requests) != 0 {
		t.Errorf("a pipeline that nobody touches caused %v", requests)
	}
	if after := c.pipeline(p.Name).ResourceVersion; after != before {
		t.Errorf("its version went from %s to %s", before, after)
	}
}

// quiet waits for passes without a write: the last pods of a rollout go after the pipeline is Ready.
func (c *cluster) quiet(t *testing.T, o *operator, p *v1alpha1.RAGPipeline) {
	t.Helper()
	apiserver.Eventually(t, patience, func() string {
		c.passes(2 * resync)
		if requests := o.requests.Take(); len(requests) != 0 {
			return fmt.Sprint("quiet: ", requests)
		}
		return ""
	})
	if len(c.children(p)) == 0 {
		t.Fatal("no children")
	}
}

// passes lets the operator make passes for a while: that nothing happens has no condition to wait for.
func (c *cluster) passes(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.Context().Done():
	}
}

func TestEachChildThatIsDeletedIsMadeAgain(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	o := startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	c.quiet(t, o, p)
	for key, child := range c.children(p) {
		if key.Kind == "Job" || child.Labels[naming.LabelComponent] == naming.ComponentIngest && key.Kind == "ConfigMap" {
			continue // a run that has ended
		}
		t.Run(key.Kind+" "+key.Name, func(t *testing.T) {
			if child, ok := c.children(p)[key]; ok {
				c.check(c.Delete(t.Context(), child))
			}
			c.remade(t, p, key, child.UID)
			c.awaitReady(p.Name)
		})
	}
	if c.pipeline(p.Name).Generation != p.Generation {
		t.Error("the spec was changed")
	}
}

// remade waits for another object of the name.
func (c *cluster) remade(t *testing.T, p *v1alpha1.RAGPipeline, key apply.Key, old any) {
	t.Helper()
	apiserver.Eventually(t, patience, func() string {
		child, ok := c.children(p)[key]
		if !ok || any(child.UID) == old {
			return fmt.Sprintf("a new %s %s: %s", key.Kind, key.Name, conditions(c.pipeline(p.Name)))
		}
		return ""
	})
}
