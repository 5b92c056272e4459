package controllers_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// change patches the pipeline.
func (c *cluster) change(p *v1alpha1.RAGPipeline, patch string) {
	c.Helper()
	c.check(c.Patch(c.Context(), p, client.RawPatch("application/merge-patch+json", []byte(patch))))
}

// awaitReason waits until a condition has the status and reason.
func (c *cluster) awaitReason(name, condition string, want metav1.ConditionStatus, reason string) *metav1.Condition {
	c.Helper()
	var found *metav1.Condition
	apiserver.Eventually(c, patience, func() string {
		p := c.pipeline(name)
		found = meta.FindStatusCondition(p.Status.Conditions, condition)
		if found == nil || found.Status != want || found.Reason != reason {
			return fmt.Sprintf("%s=%s %s: %s", condition, want, reason, conditions(p))
		}
		return ""
	})
	return found
}

func TestAChangeOfChunkingIsBuiltBesideWhatServesAndThenTakesOver(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	first := p.Status.Index.Generation
	before := len(c.seen(p.Name))
	c.Hold(true)
	c.change(p, `{"spec":{"chunking":{"size":400,"overlap":50},"index":{"retain":"0s"}}}`)
	c.awaitReason(p.Name, v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonIndexing)
	c.reads(p.Name, status.InProgressStatus)
	if pods := c.pods(p, naming.ComponentGateway); len(pods) != 1 || pods[0].Labels[naming.LabelGeneration] != first {
		t.Errorf("while the next generation is built there are %d gateways", len(pods))
	}
	c.Hold(false)
	apiserver.Eventually(t, patience, func() string {
		if p = c.awaitReady(p.Name); p.Status.Index.Generation == first {
			return "another generation"
		}
		return ""
	})
	second := p.Status.Index.Generation
	names := naming.For(p)
	apiserver.Eventually(t, patience, func() string {
		pods := c.pods(p, naming.ComponentGateway)
		_, old := c.children(p)[apply.Key{Kind: "ConfigMap", Name: names.Generation(first)}]
		if old || len(pods) != 1 || pods[0].Labels[naming.LabelGeneration] != second {
			return "the old generation to go"
		}
		return ""
	})
	c.reads(p.Name, status.CurrentStatus)
	for _, v := range c.seen(p.Name)[before:] {
		if !strings.HasPrefix(v.ready, "True") {
			t.Errorf("in between it was %v", v)
		}
	}
}

func TestAnOperatorThatIsReplacedDuringARunGoesOnWithIt(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	old := startOperator(t, c.namespace)
	c.Hold(true)
	p := c.applySample("quickstart.yaml")
	c.awaitReason(p.Name, v1alpha1.ConditionIndexReady, metav1.ConditionFalse, v1alpha1.ReasonIndexing)
	old.stop()
	before := c.children(p)
	o := startOperator(t, c.namespace)
	c.passes(4 * resync)
	for key, child := range c.children(p) {
		if was, ok := before[key]; !ok || was.UID != child.UID {
			t.Errorf("the new operator made %s %s", key.Kind, key.Name)
		}
	}
	c.Hold(false)
	c.awaitReady(p.Name)
	c.quiet(t, o, p)
	if runs := c.Runs(); runs != 1 {
		t.Errorf("%d runs", runs)
	}
}

func TestAStageThatFailsIsSaidAndClearsByItself(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	c.Report(config.StageLLM, &config.StageStatus{Reason: config.ModelUnauthorized, HTTPStatus: 401, Message: "the key was refused", Since: p.CreationTimestamp.Time})
	apiserver.Eventually(t, patience, func() string {
		p = c.pipeline(p.Name)
		if !meta.IsStatusConditionFalse(p.Status.Conditions, v1alpha1.ConditionReady) || !meta.IsStatusConditionFalse(p.Status.Conditions, v1alpha1.ConditionLLMReady) {
			return "the failure to be said: " + conditions(p)
		}
		return ""
	})
	c.reads(p.Name, status.InProgressStatus)
	c.Report(config.StageLLM, nil)
	c.awaitReady(p.Name)
	c.reads(p.Name, status.CurrentStatus)
}

func TestAnImageThatCannotBePulledIsSaidAndClearsByItself(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	c.check(c.Trouble(t.Context(), naming.ComponentWeaviate, func(s *corev1.PodStatus) {
		s.Phase = corev1.PodPending
		s.ContainerStatuses = []corev1.ContainerStatus{{Name: "weaviate", Image: "example.com/weaviate:test", State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image"}}}}
	}))
	p := c.applySample("quickstart.yaml")
	c.awaitReason(p.Name, v1alpha1.ConditionVectorStoreReady, metav1.ConditionFalse, v1alpha1.ReasonImagePullFailed)
	c.reads(p.Name, status.InProgressStatus)
	c.check(c.EndTrouble(t.Context(), naming.ComponentWeaviate))
	c.awaitReady(p.Name)
	c.reads(p.Name, status.CurrentStatus)
}

func TestANameThatIsTakenIsLeftAloneAndSaid(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	o := startOperator(t, c.namespace)
	theirs := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "quickstart-gateway"},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1234}}}}
	c.check(c.Create(t.Context(), theirs))
	p := c.applySample("quickstart.yaml")
	said := c.awaitReason(p.Name, v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNameTaken)
	if !strings.Contains(said.Message, "Service") || !strings.Contains(said.Message, theirs.Name) {
		t.Errorf("the message names no object: %s", said.Message)
	}
	c.reads(p.Name, status.FailedStatus)
	c.quiet(t, o, p)
	after := new(corev1.Service)
	c.check(c.Get(t.Context(), client.ObjectKeyFromObject(theirs), after))
	if after.ResourceVersion != theirs.ResourceVersion {
		t.Error("the Service of someone else was changed")
	}
	c.check(c.Delete(t.Context(), after))
	c.awaitReady(p.Name)
}

func TestAMissingSourceIsSaidAndTakenUpWhenItAppears(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	startOperator(t, c.namespace)
	p := c.applySample("quickstart.yaml", func(p *unstructured.Unstructured) {
		sources, _, _ := unstructured.NestedSlice(p.Object, "spec", "documents")
		sources[0].(map[string]any)["configMap"] = map[string]any{"name": "later"}
		c.check(unstructured.SetNestedSlice(p.Object, sources, "spec", "documents"))
	})
	said := c.awaitReason(p.Name, v1alpha1.ConditionIndexReady, metav1.ConditionFalse, v1alpha1.ReasonConfigMapNotFound)
	if !strings.Contains(said.Message, "later") {
		t.Errorf("the message does not name it: %s", said.Message)
	}
	c.reads(p.Name, status.InProgressStatus)
	c.check(c.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "later"}, Data: map[string]string{"a.md": "# A"}}))
	c.awaitReady(p.Name)
}

func TestASuspendedPipelineIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	o := startOperator(t, c.namespace)
	p := c.awaitReady(c.applySample("quickstart.yaml").Name)
	c.quiet(t, o, p)
	c.change(p, `{"spec":{"suspend":true,"chunking":{"size":400,"overlap":50}}}`)
	apiserver.Eventually(t, patience, func() string {
		if p = c.pipeline(p.Name); p.Status.ObservedGeneration != p.Generation {
			return "the change to be seen: " + conditions(p)
		}
		return ""
	})
	gateway := c.children(p)[apply.Key{Kind: "Deployment", Name: "quickstart-gateway"}]
	c.check(c.Delete(t.Context(), gateway))
	o.requests.Take()
	c.passes(4 * resync)
	for _, request := range o.requests.Take() {
		if !strings.Contains(request, "/status") && !strings.Contains(request, "/events") {
			t.Errorf("a suspended pipeline caused %s", request)
		}
	}
	c.change(p, `{"spec":{"suspend":false}}`)
	c.awaitReady(p.Name)
}
