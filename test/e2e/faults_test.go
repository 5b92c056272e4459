//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// saidWithin is how soon a cause has to be in the status, and how soon to be gone, on a busy
// machine.
const saidWithin = 90 * time.Second

// turbine is a document to ask about.
var turbine = map[string]string{"turbine.md": "# Turbine\n\nThe turbine of plant Kestrel turns 1234 times a minute.\n"}

const howFast = "How many times a minute does the turbine of plant Kestrel turn?"

// over is a source of one ConfigMap's documents.
func (n *namespace) documentsOf(data map[string]string) string {
	n.t.Helper()
	n.create(configMap("docs", data))
	return "docs"
}

func TestAnImageThatCannotBePulledIsSaidAndClears(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	object := standIns("image", n.documentsOf(turbine))
	none := int32(0)
	object.Spec.Models.Reranking = &v1alpha1.Model{NIM: &v1alpha1.NIM{
		Image: "localhost:1/no/such-image:1", Model: "nvidia/llama-nemotron-rerank-vl-1b-v2", GPU: v1alpha1.GPU{Count: &none},
	}}
	p := n.pipeline(object)
	p.until(saidWithin, "says which image", has(v1alpha1.ConditionReady, metav1.ConditionFalse,
		"ImagePullFailed", "localhost:1/no/such-image:1", "the reranking model", "spec.models.reranking.nim.image"))
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Models.Reranking.NIM.Image = v1alpha1.Image(rerankingImage(t)) })
	p.settled(readyWithin)
	p.answers(howFast, "1234")
}

// A StatefulSet's controller waits for a pod to become available before it replaces it, and this one never does.
func TestAnImageOfTheStoreThatNeverRanDoesNotStick(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	object := standIns("store-image", n.documentsOf(turbine))
	object.Spec.VectorStore.Weaviate.Image = "localhost:1/no/such-weaviate:1"
	p := n.pipeline(object)
	p.until(saidWithin, "says which image", has(v1alpha1.ConditionVectorStoreReady, metav1.ConditionFalse,
		"ImagePullFailed", "localhost:1/no/such-weaviate:1", "spec.vectorStore.weaviate.image"))
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.VectorStore.Weaviate.Image = "" })
	p.settled(readyWithin)
	p.answers(howFast, "1234")
}

func TestAWeaviateOutOfMemoryIsSaidAndClears(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	object := standIns("memory", n.documentsOf(turbine))
	object.Spec.VectorStore.Weaviate.Resources = &v1alpha1.Resources{
		Requests: map[string]resource.Quantity{"memory": resource.MustParse("16Mi")}, Limits: map[string]resource.Quantity{"memory": resource.MustParse("16Mi")},
	}
	p := n.pipeline(object)
	p.until(saidWithin, "says which limit", has(v1alpha1.ConditionReady, metav1.ConditionFalse,
		"OutOfMemory", "the vector store", "16Mi", "raise spec.vectorStore.weaviate.resources.limits.memory"))
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.VectorStore.Weaviate.Resources = nil })
	p.settled(readyWithin)
	p.answers(howFast, "1234")
}

func TestAVolumeThatCannotBeBoundIsSaid(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	object := standIns("volume", n.documentsOf(turbine))
	object.Spec.VectorStore.Weaviate.Storage.Size = "900Ti" // which no volume has
	p := n.pipeline(object)
	p.until(saidWithin, "says which volume", has(v1alpha1.ConditionReady, metav1.ConditionFalse,
		"VolumeNotBound", "the vector store", "spec.vectorStore.weaviate.storage.storageClassName"))
}

func TestWhatIsMissingIsNamedAndTakenUpWhenItAppears(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	catalogue := n.host("catalogue")
	class := "e2e-" + n.name
	object := standIns("missing", "docs")
	object.Spec.Documents = append(object.Spec.Documents, v1alpha1.Source{Name: "notes", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "notes"}})
	object.Spec.VectorStore.Weaviate.Storage = v1alpha1.Storage{Size: "1Gi", StorageClassName: v1alpha1.ObjectName(class)}
	object.Spec.Models.LLM.Model = catalogue.endpoint(config.StandInLLM)
	object.Spec.Models.LLM.Endpoint.SecretRef = &v1alpha1.SecretKey{Name: "nvidia", Key: "NVIDIA_API_KEY"}
	p := n.pipeline(object)

	p.until(saidWithin, "names the StorageClass", has(v1alpha1.ConditionVectorStoreReady, metav1.ConditionFalse, "StorageClassNotFound", class, "spec.vectorStore"))
	p.until(saidWithin, "names the Secret", has(v1alpha1.ConditionLLMReady, metav1.ConditionFalse, "SecretNotFound", `"nvidia"`, "spec.models.llm.endpoint.secretRef"))
	p.until(saidWithin, "names a source", has(v1alpha1.ConditionIndexReady, metav1.ConditionFalse, "ConfigMapNotFound", `"docs"`, "spec.documents[0]"))
	n.documentsOf(turbine)
	p.until(saidWithin, "names the other source", has(v1alpha1.ConditionIndexReady, metav1.ConditionFalse, "ClaimNotFound", `"notes"`, "spec.documents[1]"))
	n.fill("notes", 0, 2)
	n.create(secret("nvidia", map[string]string{"NVIDIA_API_KEY": "nvapi-e2e"}))
	storageClass(t, class)
	p.settled(readyWithin)
	p.answers(howFast, "1234")
	p.answers("At how many bar does valve V1 open?", "2")
}

// storageClass makes another class of what the default class gives.
func storageClass(t *testing.T, name string) {
	t.Helper()
	var classes storagev1.StorageClassList
	if err := api.List(t.Context(), &classes); err != nil {
		t.Fatal(err)
	}
	for _, class := range classes.Items {
		if class.Annotations["storageclass.kubernetes.io/is-default-class"] != "true" {
			continue
		}
		copied := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: class.Provisioner, VolumeBindingMode: class.VolumeBindingMode,
			ReclaimPolicy: class.ReclaimPolicy, Parameters: class.Parameters}
		if err := api.Create(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = api.Delete(context.Background(), copied) })
		if class.Provisioner == "kubernetes.io/no-provisioner" {
			eventually(t, time.Minute, "a volume of the class", func(ctx context.Context) error { return move(ctx, class.Name, name) })
		}
		return
	}
	t.Fatal("no StorageClass is the default")
}

// move takes a free volume from one class to another.
func move(ctx context.Context, from, to string) error {
	var volumes corev1.PersistentVolumeList
	if err := api.List(ctx, &volumes); err != nil {
		return err
	}
	for _, volume := range volumes.Items {
		if volume.Status.Phase == corev1.VolumeAvailable && volume.Spec.ClaimRef == nil && volume.Spec.StorageClassName == from {
			volume.Spec.StorageClassName = to
			return api.Update(ctx, &volume)
		}
	}
	return errors.New("no volume is free")
}

func TestWhatAHostedModelRefusesIsSaidAndClears(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	catalogue := n.host("catalogue", "-key=nvapi-right")
	n.create(secret("nvidia", map[string]string{"NVIDIA_API_KEY": "nvapi-wrong"}))
	object := standIns("hosted", n.documentsOf(turbine))
	object.Spec.Models.LLM.Model = catalogue.endpoint(config.StandInLLM)
	object.Spec.Models.LLM.Endpoint.SecretRef = &v1alpha1.SecretKey{Name: "nvidia", Key: "NVIDIA_API_KEY"}
	p := n.pipeline(object)
	prober := p.probe(howFast)

	p.until(readyWithin, "says that the key is wrong", has(v1alpha1.ConditionReady, metav1.ConditionFalse,
		"ModelUnauthorized", "401", "Secret"))
	before := p.startTimes()
	p.update(n.key("nvidia"), "NVIDIA_API_KEY", "nvapi-right")
	p.settled(readyWithin)
	p.answers(howFast, "1234")
	if after := p.startTimes(); after != before {
		t.Errorf("a new key restarted something:\n%s\n%s", before, after)
	}

	calm.RLock() // the operator is needed in time
	defer calm.RUnlock()
	for _, fault := range []struct {
		name    string
		says    []string
		stalled metav1.ConditionStatus
	}{
		{"no-model", []string{"ModelNotFound", "404"}, metav1.ConditionTrue},
		{"retired", []string{"ModelRetired", "410"}, metav1.ConditionTrue},
		{"unauthorized", []string{"ModelUnauthorized", "401"}, ""},
	} {
		since := time.Now()
		catalogue.must(http.MethodPut, "faults/llm/"+fault.name)
		p.until(readyFollows+5*time.Second, "says what is wrong: "+fault.name, has(v1alpha1.ConditionReady, metav1.ConditionFalse, fault.says...))
		if fault.stalled != "" {
			p.until(readyFollows, "is stalled at once: "+fault.name, has(v1alpha1.ConditionStalled, fault.stalled, fault.says...))
		}
		mended := time.Now()
		catalogue.must(http.MethodDelete, "faults/llm")
		prober.follows(t, since, saidWithin)
		t.Logf("%s: ready again %s after it was mended", fault.name, time.Since(mended).Round(100*time.Millisecond))
		p.settled(saidWithin)
	}
}

// update sets an entry of a Secret.
func (n *namespace) update(key client.ObjectKey, entry, value string) {
	n.t.Helper()
	object := new(corev1.Secret)
	if err := api.Get(n.t.Context(), key, object); err != nil {
		n.t.Fatal(err)
	}
	object.Data[entry] = []byte(value)
	if err := api.Update(n.t.Context(), object); err != nil {
		n.t.Fatal(err)
	}
}

// startTimes are when the pods that serve were started, by component: what restarts changes them.
func (p *pipeline) startTimes(components ...string) string {
	p.t.Helper()
	if len(components) == 0 {
		components = []string{naming.ComponentGateway, naming.ComponentWeaviate, naming.ComponentStandIn}
	}
	var all string
	for _, component := range components {
		list, err := p.podsOf(p.t.Context(), component)
		if err != nil {
			p.t.Fatal(err)
		}
		for _, pod := range list {
			all += fmt.Sprintf("%s %s restarts %d; ", component, pod.UID, restarts(&pod))
		}
	}
	return all
}
