package controllers_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// holder is who holds the namespace.
func (c *cluster) holder() string {
	c.Helper()
	var lease coordinationv1.Lease
	c.check(c.Get(c.Context(), client.ObjectKey{Namespace: c.namespace, Name: "ragpipeline-operator"}, &lease))
	if len(lease.OwnerReferences) == 0 {
		c.Error("the Lease would outlive the pipelines")
	}
	return *lease.Spec.HolderIdentity
}

func TestASecondOperatorStandsBackUntilTheFirstHasLeft(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	first := startOperatorWith(t, c.namespace, func(r *controllers.Reconciler) { r.Identity = "team/one" })
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	if holder := c.holder(); holder != "team/one" {
		t.Errorf("%s holds the Lease", holder)
	}

	var later atomic.Int64 // by how much the second one's clock is ahead
	later.Store(int64(time.Hour))
	second := startOperatorWith(t, c.namespace, func(r *controllers.Reconciler) {
		r.Identity = "system/two"
		r.Clock = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	apiserver.Eventually(t, patience, func() string {
		var events eventsv1.EventList
		c.check(c.List(t.Context(), &events, client.InNamespace(c.namespace)))
		if !slices.ContainsFunc(events.Items, func(e eventsv1.Event) bool {
			return e.Reason == "StoodBack" && strings.Contains(e.Note, "system/two") && strings.Contains(e.Note, "team/one")
		}) {
			return "an event of the operator that stands back"
		}
		return ""
	})
	c.change(p, `{"spec":{"gateway":{"replicas":2}}}`)
	c.awaitReady(p.Name)
	for _, request := range second.requests.Take() {
		if !strings.Contains(request, "/events.k8s.io/") {
			t.Errorf("the operator that stands back sent %s", request)
		}
	}
	if holder := c.holder(); holder != "team/one" {
		t.Errorf("%s holds the Lease, because its clock is ahead", holder)
	}

	first.stop()
	c.change(p, `{"spec":{"sync":{"interval":"1h"}}}`) // the second one sees the Lease as the first one left it
	apiserver.Eventually(t, patience, func() string {
		later.Add(int64(4 * time.Minute))
		c.change(p, `{"spec":{"sync":{"interval":"`+time.Duration(later.Load()).Truncate(time.Minute).String()+`"}}}`)
		if c.holder() != "system/two" {
			return "the second operator to take the Lease"
		}
		return ""
	})
	c.awaitReady(p.Name)
}
