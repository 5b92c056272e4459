//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

const samples = "../../config/samples"

// namespace is a test's own.
type namespace struct {
	t    *testing.T
	name string
}

// newNamespace makes a namespace that enforces Pod Security "restricted", and deletes it when the
// test ends.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "e2e-" + strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))[:min(30, len(t.Name()))] + "-",
		Labels: map[string]string{
			"pod-security.kubernetes.io/enforce":         "restricted",
			"pod-security.kubernetes.io/enforce-version": "latest",
		},
	}}
	if err := api.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	n := &namespace{t, object.Name}
	t.Cleanup(n.remove)
	return n
}

func (n *namespace) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if n.t.Failed() {
		n.dump(ctx)
		if os.Getenv("E2E_KEEP") != "" {
			n.t.Logf("E2E_KEEP is set: the namespace %s stays", n.name)
			return
		}
	}
	if err := n.empty(ctx); err != nil {
		n.t.Errorf("empty the namespace %s: %v", n.name, err)
	}
	object := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: n.name}}
	if err := api.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
		n.t.Errorf("delete the namespace %s: %v", n.name, err)
	}
	if err := await(ctx, 90*time.Second, func(ctx context.Context) error {
		if err := api.Get(ctx, client.ObjectKeyFromObject(object), object); !apierrors.IsNotFound(err) {
			return errors.Join(err, errors.New("it is still there"))
		}
		return nil
	}); err != nil {
		n.t.Errorf("delete the namespace %s: %v", n.name, err)
	}
}

// empty ends the pods. The namespace's own deletion would come back to it only after half the grace
// of the slowest, a minute.
func (n *namespace) empty(ctx context.Context) error {
	return await(ctx, time.Minute, func(ctx context.Context) error {
		for _, kind := range []client.Object{new(v1alpha1.RAGPipeline), new(appsv1.Deployment)} {
			if err := api.DeleteAllOf(ctx, kind, client.InNamespace(n.name)); err != nil {
				return err
			}
		}
		if err := api.DeleteAllOf(ctx, new(corev1.Pod), client.InNamespace(n.name), client.GracePeriodSeconds(1)); err != nil {
			return err
		}
		switch left, err := n.pods(ctx, nil); {
		case err != nil:
			return err
		case len(left) > 0:
			return fmt.Errorf("%d pods are left", len(left))
		}
		return nil
	})
}

// key names an object in the namespace.
func (n *namespace) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: n.name, Name: name}
}

// create makes an object in the namespace.
func (n *namespace) create(objects ...client.Object) {
	n.t.Helper()
	for _, object := range objects {
		object.SetNamespace(n.name)
		if err := api.Create(n.t.Context(), object); err != nil {
			n.t.Fatalf("create %T %s: %v", object, object.GetName(), err)
		}
	}
}

// sample applies the objects of a file under config/samples as `kubectl apply` does, changed by
// edit, and returns the pipeline.
func (n *namespace) sample(file string, edit func(*v1alpha1.RAGPipeline)) *pipeline {
	n.t.Helper()
	raw, err := os.ReadFile(filepath.Join(samples, file))
	if err != nil {
		n.t.Fatal(err)
	}
	var made *pipeline
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(string(raw)), 4096)
	for {
		object := new(unstructured.Unstructured)
		if err := decoder.Decode(&object.Object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			n.t.Fatal(err)
		}
		object.SetNamespace(n.name)
		if object.GetKind() == v1alpha1.Kind {
			made = &pipeline{n, object.GetName()}
			object = edited(n.t, object, edit)
		}
		if err := api.Apply(n.t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("e2e"), client.ForceOwnership); err != nil {
			n.t.Fatalf("apply %s: %v", file, err)
		}
	}
	if made == nil {
		n.t.Fatalf("%s holds no pipeline", file)
	}
	return made
}

// configMap is one of documents, by file name.
func configMap(name string, documents map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: documents}
}

func secret(name string, data map[string]string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data}
}

// list reads the pods of a component; all of them when it is empty.
func (n *namespace) pods(ctx context.Context, labels client.MatchingLabels) ([]corev1.Pod, error) {
	var list corev1.PodList
	err := api.List(ctx, &list, client.InNamespace(n.name), labels)
	return list.Items, err
}

// dump prints what somebody needs who was not there.
func (n *namespace) dump(ctx context.Context) {
	n.t.Logf("--- what is in the namespace %s", n.name)
	var pipelines v1alpha1.RAGPipelineList
	_ = api.List(ctx, &pipelines, client.InNamespace(n.name))
	for _, p := range pipelines.Items {
		n.t.Logf("pipeline %s: generation %d, observed %d, index %+v", p.Name, p.Generation, p.Status.ObservedGeneration, p.Status.Index)
		for _, c := range p.Status.Conditions {
			n.t.Logf("  %s=%s %s: %s (%s)", c.Type, c.Status, c.Reason, c.Message, c.LastTransitionTime.Format(time.TimeOnly))
		}
	}
	list, _ := n.pods(ctx, nil)
	for _, pod := range list {
		n.dumpPod(ctx, pod)
	}
	var events corev1.EventList
	_ = api.List(ctx, &events, client.InNamespace(n.name))
	for _, e := range events.Items[max(0, len(events.Items)-60):] {
		n.t.Logf("event %s %s/%s %s: %s", e.LastTimestamp.Format(time.TimeOnly), e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, bounded(e.Message, 300))
	}
	var operators corev1.PodList
	_ = api.List(ctx, &operators, client.InNamespace(operatorNamespace))
	for _, pod := range operators.Items {
		n.t.Logf("operator %s %s, restarts %d: lines about %s:\n%s", pod.Name, pod.Status.Phase, restarts(&pod), n.name,
			about(n.name, logs(ctx, &pod, 4000), 60))
	}
}

func (n *namespace) dumpPod(ctx context.Context, pod corev1.Pod) {
	var states []string
	for _, c := range pod.Status.ContainerStatuses {
		states = append(states, fmt.Sprintf("%s ready=%t restarts=%d waiting=%v terminated=%v", c.Name, c.Ready, c.RestartCount, c.State.Waiting, c.State.Terminated))
	}
	for _, c := range pod.Status.Conditions {
		if c.Status != corev1.ConditionTrue {
			states = append(states, fmt.Sprintf("%s=%s %s %s", c.Type, c.Status, c.Reason, c.Message))
		}
	}
	n.t.Logf("pod %s %s\n  %s\n%s", pod.Name, pod.Status.Phase, strings.Join(states, "\n  "), bounded(logs(ctx, &pod, 25), 2500))
}

func restarts(pod *corev1.Pod) (count int32) {
	for _, c := range pod.Status.ContainerStatuses {
		count += c.RestartCount
	}
	return count
}

// logs are the last lines of a pod's.
func logs(ctx context.Context, pod *corev1.Pod, lines int64) string {
	raw, err := pods.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: &lines}).DoRaw(ctx)
	if err != nil {
		return "no logs: " + err.Error()
	}
	return string(raw)
}

// about keeps the last lines that hold a word.
func about(word, text string, lines int) string {
	var kept []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			kept = append(kept, bounded(line, 600))
		}
	}
	return strings.Join(kept[max(0, len(kept)-lines):], "")
}

// bounded is the end of a text.
func bounded(text string, length int) string { return text[max(0, len(text)-length):] }

// eachItem calls visit with every object of a list.
func eachItem(list client.ObjectList, visit func(client.Object)) error {
	return meta.EachListItem(list, func(object runtime.Object) error {
		visit(object.(client.Object))
		return nil
	})
}
