package controllers_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// applySample makes the objects of one of config/samples, and returns the pipeline. The functions change its spec.
func (c *cluster) applySample(file string, changes ...func(*unstructured.Unstructured)) *v1alpha1.RAGPipeline {
	c.Helper()
	text, err := os.ReadFile("../../config/samples/" + file)
	c.check(err)
	decoder := utilyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	name := ""
	for {
		object := new(unstructured.Unstructured)
		err := decoder.Decode(&object.Object)
		if err == io.EOF {
			break
		}
		c.check(err)
		if object.Object == nil {
			continue
		}
		object.SetNamespace(c.namespace)
		if object.GetKind() == v1alpha1.Kind {
			for _, change := range changes {
				change(object)
			}
			name = object.GetName()
		}
		c.check(client.IgnoreAlreadyExists(c.Create(c.Context(), object)))
	}
	return c.pipeline(name)
}

func (c *cluster) check(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) pipeline(name string) *v1alpha1.RAGPipeline {
	c.Helper()
	p := new(v1alpha1.RAGPipeline)
	c.check(c.Get(c.Context(), client.ObjectKey{Namespace: c.namespace, Name: name}, p))
	return p
}

// awaitReady waits until the pipeline is Ready, for its present generation, and nothing is in progress.
func (c *cluster) awaitReady(name string) *v1alpha1.RAGPipeline {
	c.Helper()
	var p *v1alpha1.RAGPipeline
	apiserver.Eventually(c, patience, func() string {
		p = c.pipeline(name)
		switch {
		case p.Status.ObservedGeneration != p.Generation:
			return "the spec to be seen: " + conditions(p)
		case !meta.IsStatusConditionTrue(p.Status.Conditions, v1alpha1.ConditionReady):
			return "Ready: " + conditions(p)
		case meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReconciling) != nil:
			return "the end of reconciling: " + conditions(p)
		}
		return ""
	})
	return p
}

func conditions(p *v1alpha1.RAGPipeline) string {
	var text []string
	for _, c := range p.Status.Conditions {
		text = append(text, fmt.Sprintf("\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message))
	}
	slices.Sort(text)
	return fmt.Sprint(text)
}

// children are what the pipeline controls and what is kept for its name, by kind and name.
func (c *cluster) children(p *v1alpha1.RAGPipeline) map[apply.Key]*metav1.PartialObjectMetadata {
	c.Helper()
	children := map[apply.Key]*metav1.PartialObjectMetadata{}
	for _, kind := range apply.Kinds() {
		list := new(metav1.PartialObjectMetadataList)
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		c.check(c.List(c.Context(), list, client.InNamespace(c.namespace), client.MatchingLabels{naming.LabelPipeline: p.Name}))
		for i, item := range list.Items {
			list.Items[i].SetGroupVersionKind(kind.GroupVersionKind)
			children[apply.Key{Kind: kind.Kind, Name: item.Name}] = &list.Items[i]
		}
	}
	return children
}

func (c *cluster) pods(p *v1alpha1.RAGPipeline, component string) []corev1.Pod {
	c.Helper()
	var pods corev1.PodList
	c.check(c.List(c.Context(), &pods, client.InNamespace(c.namespace), client.MatchingLabels{naming.LabelPipeline: p.Name, naming.LabelComponent: component}))
	return pods.Items
}
