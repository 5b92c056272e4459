//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// expandable is a StorageClass whose volumes grow in use; `make e2e-long` adds it to hack/cluster's cluster.
var expandable = v1alpha1.ObjectName(os.Getenv("E2E_EXPANDABLE"))

// reranker is a NIM without a GPU.
func reranker(t *testing.T, cache *v1alpha1.Cache, flags string) *v1alpha1.Model {
	return &v1alpha1.Model{NIM: &v1alpha1.NIM{
		Image: v1alpha1.Image(rerankingImage(t)), Model: "nvidia/llama-nemotron-rerank-vl-1b-v2", GPU: v1alpha1.GPU{Count: new(int32(0))},
		Cache: cache, Env: []v1alpha1.EnvVar{{Name: "NIMSIM_FLAGS", Value: flags}},
	}}
}

func TestVolumesGrowWhileQuestionsAreAnswered(t *testing.T) {
	t.Parallel()
	long(t)
	if expandable == "" {
		t.Skip("E2E_EXPANDABLE names no StorageClass whose volumes grow")
	}
	n := newNamespace(t)
	embedder := n.host("embedder")
	n.create(configMap("docs", valves(0, 30)))
	object := standIns("grows", "docs")
	object.Spec.Models.Embedding.Model = embedder.endpoint(config.StandInEmbedding)
	object.Spec.Models.Reranking = reranker(t, &v1alpha1.Cache{Size: "1Gi", StorageClassName: expandable}, "")
	object.Spec.VectorStore.Weaviate = &v1alpha1.Weaviate{
		Replicas: 3, Storage: v1alpha1.Storage{Size: "1Gi", StorageClassName: expandable},
	}
	p := n.pipeline(object)
	p.settled(2 * readyWithin)
	embedded := len(embedder.passages())

	told := p.listen("claim")
	p.growsAroundItsPods(t, "2Gi")
	nim := p.identities(naming.ComponentReranking)
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Models.Reranking.NIM.Cache.Size = "3Gi" })
	claims := map[string]string{p.names().NIM(naming.ComponentReranking, ""): "3Gi"}
	for replica := range 3 {
		claims[fmt.Sprintf("data-%s-%d", p.names().Weaviate(), replica)] = "2Gi"
	}
	n.hold(claims)
	p.settled(readyWithin)
	for _, message := range told() {
		t.Log("told:", message)
	}
	if diff := cmp.Diff(nim, p.identities(naming.ComponentReranking)); diff != "" {
		t.Errorf("the NIM's pod is another one, or was restarted: %s", diff)
	}
	if now := len(embedder.passages()); now != embedded {
		t.Errorf("%d passages were embedded again", now-embedded)
	}
	p.holdsOnce(30)

	smaller := p.get()
	smaller.Spec.VectorStore.Weaviate.Storage.Size = "1Gi"
	if err := api.Update(t.Context(), smaller); err == nil || !strings.Contains(err.Error(), "size can only grow") {
		t.Errorf("a smaller size: %v", err)
	}
}

// A store of one replica asks for more than its class gives, until an administrator lets the class expand volumes, and
// then for more than the driver has. It answers all the while. Its NIMs find their model on a claim that they share.
func TestAVolumeGrowsOnceItsClassAllowsThat(t *testing.T) {
	t.Parallel()
	long(t)
	if expandable == "" {
		t.Skip("E2E_EXPANDABLE names no StorageClass whose volumes grow")
	}
	n := newNamespace(t)
	class := n.fixedClass()
	n.download("models", "rerankers/vl")
	n.create(configMap("docs", valves(0, 30)))
	object := standIns("shares", "docs")
	object.Spec.Models.Reranking = reranker(t, &v1alpha1.Cache{ClaimName: "models", SubPath: "rerankers/vl"}, "-download=1h")
	object.Spec.Models.Reranking.NIM.Replicas = new(int32(2))
	object.Spec.VectorStore.Weaviate = &v1alpha1.Weaviate{
		Storage: v1alpha1.Storage{Size: "1Gi", StorageClassName: v1alpha1.ObjectName(class.Name)},
	}
	p := n.pipeline(object)
	p.settled(2 * readyWithin) // no NIM downloads its model
	if now := p.identities(naming.ComponentReranking); len(now) != 2 {
		t.Errorf("the claim is shared by %v", now)
	}

	prober, told := p.probe("At how many bar does valve V7 open?"), p.listen("claim")
	p.refusesToGrow("2Gi")
	class.AllowVolumeExpansion = new(true)
	if err := api.Update(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	n.hold(map[string]string{"data-" + p.names().Weaviate() + "-0": "2Gi"})
	p.settled(readyWithin)
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.VectorStore.Weaviate.Storage.Size = "4000Ti" })
	p.until(saidWithin, "says that the driver cannot", has(v1alpha1.ConditionVectorStoreReady, metav1.ConditionTrue,
		v1alpha1.ReasonVolumeResizeFailed, "4000Ti", "could not do"))
	prober.end()
	prober.unfailing(t)
	for _, message := range told() {
		t.Log("told:", message)
	}
}

// listen notes each message of the pipeline's conditions with a word in it, and returns those of until then.
func (p *pipeline) listen(word string) (end func() []string) {
	ctx, stop := context.WithCancel(p.t.Context())
	p.t.Cleanup(stop)
	var messages []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for tick := time.NewTicker(100 * time.Millisecond); ctx.Err() == nil; <-tick.C {
			object, err := p.read(ctx)
			if err != nil {
				continue
			}
			for _, c := range object.Status.Conditions {
				message := fmt.Sprintf("%s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
				if strings.Contains(message, word) && !slices.Contains(messages, message) {
					messages = append(messages, message)
				}
			}
		}
	}()
	return func() []string {
		stop()
		<-done
		return messages
	}
}

// hold waits until the claims' volumes have these sizes by their status, and as the kubelet measures them in the pods,
// which it does once in a minute or two.
func (n *namespace) hold(sizes map[string]string) {
	n.t.Helper()
	eventually(n.t, readyWithin, "the volumes have grown", func(ctx context.Context) error {
		for name, size := range sizes {
			var claim corev1.PersistentVolumeClaim
			if err := api.Get(ctx, n.key(name), &claim); err != nil {
				return err
			}
			if has := claim.Status.Capacity.Storage().String(); has != size {
				return fmt.Errorf("claim %s has %s: %+v", name, has, claim.Status.Conditions)
			}
		}
		return nil
	})
	eventually(n.t, readyWithin, "the file systems have grown", func(ctx context.Context) error {
		measured, err := n.measured(ctx)
		for name, size := range sizes {
			want := resource.MustParse(size)
			if bytes := measured[name]; bytes < want.Value()*9/10 { // a file system has some for itself
				err = errors.Join(err, fmt.Errorf("that of claim %s has %d bytes", name, bytes))
			}
		}
		return err
	})
}

// measured are the sizes of the file systems, in bytes, by claim.
func (n *namespace) measured(ctx context.Context) (map[string]int64, error) {
	var nodes corev1.NodeList
	if err := api.List(ctx, &nodes); err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, node := range nodes.Items {
		raw, err := pods.CoreV1().RESTClient().Get().Resource("nodes").Name(node.Name).SubResource("proxy").
			Suffix("stats/summary").DoRaw(ctx)
		if err != nil {
			return nil, err
		}
		var summary struct {
			Pods []struct {
				Volume []struct {
					CapacityBytes int64
					PVCRef        struct{ Name, Namespace string }
				}
			}
		}
		if err := json.Unmarshal(raw, &summary); err != nil {
			return nil, err
		}
		for _, pod := range summary.Pods {
			for _, volume := range pod.Volume {
				if volume.PVCRef.Namespace == n.name {
					sizes[volume.PVCRef.Name] = volume.CapacityBytes
				}
			}
		}
	}
	return sizes, nil
}

// fixedClass is a StorageClass of the same driver, which does not allow that volumes grow.
func (n *namespace) fixedClass() *storagev1.StorageClass {
	n.t.Helper()
	class := new(storagev1.StorageClass)
	if err := api.Get(n.t.Context(), client.ObjectKey{Name: string(expandable)}, class); err != nil {
		n.t.Fatal(err)
	}
	class.ObjectMeta = metav1.ObjectMeta{Name: n.name}
	class.AllowVolumeExpansion = new(false)
	if err := api.Create(n.t.Context(), class); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = api.Delete(context.Background(), class) })
	return class
}

// download makes a claim, and has a NIM leave its model in a directory of it.
func (n *namespace) download(claim, directory string) {
	n.t.Helper()
	n.create(&corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: claim},
		Spec: corev1.PersistentVolumeClaimSpec{
			StorageClassName: new(string(expandable)), AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
		},
	})
	spec := restricted(corev1.Container{
		Name: "nim", Image: simulatorImage, Args: []string{"-role=reranking"},
		Env:          []corev1.EnvVar{{Name: "NIM_CACHE_PATH", Value: "/cache"}},
		VolumeMounts: []corev1.VolumeMount{{Name: "cache", MountPath: "/cache", SubPath: directory}},
	})
	spec.Volumes = []corev1.Volume{{Name: "cache", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
	}}}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "download"}, Spec: spec}
	n.create(pod)
	eventually(n.t, readyWithin, "the model is downloaded", func(ctx context.Context) error {
		return containsAll(logs(ctx, pod, 10), "listening on") // once it listens, it has nothing to do but this
	})
	if err := api.Delete(n.t.Context(), pod, client.GracePeriodSeconds(10)); err != nil {
		n.t.Fatal(err)
	}
}

// growsAroundItsPods gives the store's volumes a size that they were provided with, so that nothing but the template
// of the claims is behind. The StatefulSet is made anew, no pod is restarted, and every question is answered.
func (p *pipeline) growsAroundItsPods(t *testing.T, size v1alpha1.VolumeSize) {
	t.Helper()
	var before appsv1.StatefulSet
	if err := api.Get(t.Context(), p.key(p.names().Weaviate()), &before); err != nil {
		t.Fatal(err)
	}
	pods := p.identities(naming.ComponentWeaviate)
	prober, since := p.probe("At how many bar does valve V7 open?"), time.Now()
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.VectorStore.Weaviate.Storage.Size = size })
	eventually(t, saidWithin, "the StatefulSet is made anew and knows its pods", func(ctx context.Context) error {
		var set appsv1.StatefulSet
		if err := api.Get(ctx, p.key(before.Name), &set); err != nil {
			return err
		}
		request := set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage().String()
		if set.UID == before.UID || request != string(size) || set.Status.ReadyReplicas != before.Status.ReadyReplicas {
			return fmt.Errorf("its claims are of %s, %d replicas are ready", request, set.Status.ReadyReplicas)
		}
		return nil
	})
	p.settled(readyWithin)
	if diff := cmp.Diff(pods, p.identities(naming.ComponentWeaviate)); diff != "" {
		t.Errorf("pods of the store are others, or were restarted: %s", diff)
	}
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, since)
}

// identities tell of a component's pods which they are, and how often each was restarted.
func (p *pipeline) identities(component string) map[string]string {
	p.t.Helper()
	list, err := p.podsOf(p.t.Context(), component)
	if err != nil {
		p.t.Fatal(err)
	}
	pods := map[string]string{}
	for _, pod := range list {
		if len(pod.Status.ContainerStatuses) == 0 {
			p.t.Fatalf("%s has no containers yet", pod.Name)
		}
		pods[pod.Name] = fmt.Sprint(pod.UID, " owned by ", metav1.GetControllerOf(&pod).Kind, ", restarts: ",
			pod.Status.ContainerStatuses[0].RestartCount)
	}
	return pods
}

// refusesToGrow asks for more than the volumes have, of a StorageClass that cannot expand them.
func (p *pipeline) refusesToGrow(size v1alpha1.VolumeSize) {
	p.t.Helper()
	p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.VectorStore.Weaviate.Storage.Size = size })
	p.until(saidWithin, "says that the volumes cannot grow", has(v1alpha1.ConditionStalled, metav1.ConditionTrue,
		v1alpha1.ReasonVolumeResizeFailed, string(size), "must support resize", "allowVolumeExpansion"))
	p.until(saidWithin, "answers questions", has(v1alpha1.ConditionReady, metav1.ConditionTrue, "questions are answered", "allowVolumeExpansion"))
	var claim corev1.PersistentVolumeClaim
	if err := api.Get(p.t.Context(), p.key("data-"+p.names().Weaviate()+"-0"), &claim); err != nil {
		p.t.Fatal(err)
	}
	p.t.Logf("claim %s asks for %s and has %s", claim.Name, claim.Spec.Resources.Requests.Storage(), claim.Status.Capacity.Storage())
}
