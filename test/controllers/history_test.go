package controllers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// version is a pipeline as a client that watches it has seen it, and what kstatus says of that.
type version struct {
	kstatus status.Status
	ready   string // the condition's status and reason
	message string // kstatus's
}

func (v version) String() string {
	return fmt.Sprintf("%s (Ready=%s: %s)", v.kstatus, v.ready, v.message)
}

// watchPipelines records every version of the namespace's pipelines from now on, by name.
func watchPipelines(t testing.TB, namespace string) func(name string) []version {
	t.Helper()
	c, err := client.NewWithWatch(apiserver.Config(t), client.Options{Scheme: controllers.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	list := new(unstructured.UnstructuredList)
	list.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.Kind + "List"))
	watcher, err := c.Watch(context.Background(), list, client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string][]version{}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for event := range watcher.ResultChan() {
			object, ok := event.Object.(*unstructured.Unstructured)
			if !ok || event.Type == watch.Deleted {
				continue
			}
			mu.Lock()
			seen[object.GetName()] = append(seen[object.GetName()], versionOf(t, object))
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		watcher.Stop()
		<-ended
		for _, versions := range seen {
			neverSettledTooEarly(t, versions)
		}
	})
	return func(name string) []version {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen[name])
	}
}

// reads waits until a client that reads the pipeline by kstatus is told that.
func (c *cluster) reads(name string, want status.Status) {
	c.Helper()
	apiserver.Eventually(c, patience, func() string {
		if versions := c.seen(name); len(versions) == 0 || versions[len(versions)-1].kstatus != want {
			return fmt.Sprint(want, " after ", versions)
		}
		return ""
	})
}

// neverSettledTooEarly holds whatever a test does: who waits for Current may ask at once.
func neverSettledTooEarly(t testing.TB, versions []version) {
	for _, v := range versions {
		if v.kstatus == status.CurrentStatus && !strings.HasPrefix(v.ready, "True") {
			t.Errorf("kstatus was told %v", v)
		}
	}
}

func versionOf(t testing.TB, object *unstructured.Unstructured) version {
	result, err := status.Compute(object)
	if err != nil {
		t.Error(err)
		return version{}
	}
	v := version{kstatus: result.Status, message: result.Message}
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, condition := range conditions {
		if c := condition.(map[string]any); c["type"] == v1alpha1.ConditionReady {
			v.ready = fmt.Sprint(c["status"], " ", c["reason"])
		}
	}
	return v
}
