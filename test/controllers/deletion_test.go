package controllers_test

import (
	"fmt"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

func TestADeletedPipelineLeavesNothingAndCanBeAppliedAgain(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	c.check(c.Delete(t.Context(), p))
	again := c.applySample("quickstart.yaml") // at once, before the garbage collector has come by
	if again.UID == p.UID {
		t.Fatal("it was not deleted")
	}
	again = c.awaitReady(again.Name)
	for key, child := range c.children(again) {
		if key.Kind != "PersistentVolumeClaim" && (len(child.OwnerReferences) != 1 || child.OwnerReferences[0].UID != again.UID) {
			t.Errorf("%s %s belongs to %v", key.Kind, key.Name, child.OwnerReferences)
		}
	}
	c.check(c.Delete(t.Context(), again))
	apiserver.Eventually(t, patience, func() string {
		for key := range c.children(again) {
			if key.Kind != "PersistentVolumeClaim" {
				return fmt.Sprintf("%s %s to go", key.Kind, key.Name)
			}
		}
		return ""
	})
}

func TestPipelinesSideBySideBecomeReadyAndKeepApart(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	o := startOperator(t, c.namespace)
	names := []string{"one", "two", "one-more"}
	var group sync.WaitGroup
	for _, name := range names {
		c.applySample("quickstart.yaml", func(p *unstructured.Unstructured) { p.SetName(name) })
	}
	for _, name := range names {
		group.Go(func() { c.awaitReady(name) })
	}
	group.Wait()
	p := c.pipeline("one")
	c.quiet(t, o, p)
	kept := c.children(c.pipeline("one-more"))
	c.check(c.Delete(t.Context(), p))
	apiserver.Eventually(t, patience, func() string {
		if left := len(c.children(p)); left > 0 {
			return fmt.Sprintf("%d children to go", left)
		}
		return ""
	})
	for key, child := range c.children(c.awaitReady("one-more")) {
		if was, ok := kept[key]; !ok || was.UID != child.UID {
			t.Errorf("%s %s was made anew", key.Kind, key.Name)
		}
	}
}
