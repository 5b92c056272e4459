//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

const gpu = "nvidia.com/gpu"

// loading is how long the simulated LLM is not ready after it has started.
const loading = 60 * time.Second

// gpus lets each node claim so many GPUs. No other test uses any.
func gpus(t *testing.T, count int) {
	t.Helper()
	var nodes corev1.NodeList
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := api.List(ctx, &nodes); err != nil {
		t.Fatal(err)
	}
	patch := fmt.Appendf(nil, `{"status": {"capacity": {%q: "%d"}, "allocatable": {%q: "%d"}}}`, gpu, count, gpu, count)
	for _, node := range nodes.Items {
		if err := api.Status().Patch(ctx, &node, client.RawPatch(types.MergePatchType, patch)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNIMsRunOnGPUsAndSayWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	gpus(t, 2)
	t.Cleanup(func() { gpus(t, 8) })
	n := newNamespace(t)
	registry := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "ngc-registry"}, Type: corev1.SecretTypeDockerConfigJson,
		StringData: map[string]string{corev1.DockerConfigJsonKey: `{"auths": {"nvcr.io": {"auth": "eDp5"}}}`}}
	n.create(secret("ngc", map[string]string{"NGC_API_KEY": "nvapi-e2e"}), registry)
	n.fill("papers", 3, 0)
	p := n.sample("nim.yaml", func(p *v1alpha1.RAGPipeline) {
		p.Spec.Models.LLM.NIM.Env = []v1alpha1.EnvVar{{Name: "NIMSIM_FLAGS", Value: "-load=" + loading.String()}}
	})

	p.until(2*time.Minute, "says which model waits for a GPU", func(object *v1alpha1.RAGPipeline) error {
		waiting, err := p.pending(t.Context())
		if err != nil {
			return err
		}
		title := map[string]string{naming.ComponentEmbedding: "the embedding model", naming.ComponentReranking: "the reranking model", naming.ComponentLLM: "the LLM"}[waiting]
		return has(v1alpha1.ConditionReady, metav1.ConditionFalse, "InsufficientGPU", title+" is waiting for 1 "+gpu)(object)
	})
	gpus(t, 3)
	p.settled(loading + readyWithin)
	p.runsThreeNIMs()
	if started, ready := p.llmTimes(); ready.Sub(started) < loading {
		t.Errorf("the LLM became ready %s after its start", ready.Sub(started))
	}
	p.answers("How many times a minute does the turbine of plant 2 turn?", "1002")

	// No GPU is to spare: the old pod has to go first.
	before := p.pod(naming.ComponentEmbedding).UID
	p.edit(func(s *v1alpha1.RAGPipelineSpec) {
		s.Models.Embedding.NIM.Env = []v1alpha1.EnvVar{{Name: "NIM_LOG_LEVEL", Value: "INFO"}}
		s.Models.LLM.NIM.Env = nil                     // it loads at once
		s.Network = &v1alpha1.Network{TLS: "Internal"} // of all its pods
	})
	p.settled(readyWithin)
	for _, stage := range []string{naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM} {
		host := p.pod(stage).Spec.ServiceAccountName
		p.speaksTLS(host, "/v1/health/ready")
		p.refusesPlainText(host, stage, 8443)
	}
	if now := p.pod(naming.ComponentEmbedding); now.UID == before {
		t.Error("the embedding model's pod was not replaced")
	}
	p.answers("How many times a minute does the turbine of plant 1 turn?", "1001")
}

// While the field changes, Services have the ports of both kinds of pods. A NIM of two replicas is replaced pod by pod, and
// the gateway beside it: how long no question is answered goes into docs/network.md. On a machine of any speed, it is no
// longer than a pod takes to start.
func TestNIMsOfTwoReplicasWhileEncryptionIsSwitched(t *testing.T) {
	long(t)
	n := newNamespace(t)
	registry := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "ngc-registry"}, Type: corev1.SecretTypeDockerConfigJson,
		StringData: map[string]string{corev1.DockerConfigJsonKey: `{"auths": {"nvcr.io": {"auth": "eDp5"}}}`}}
	n.create(secret("ngc", map[string]string{"NGC_API_KEY": "nvapi-e2e"}), registry)
	n.fill("papers", 3, 0)
	p := n.sample("nim.yaml", func(p *v1alpha1.RAGPipeline) {
		for _, nim := range []*v1alpha1.NIM{p.Spec.Models.Embedding.NIM, p.Spec.Models.Reranking.NIM, p.Spec.Models.LLM.NIM} {
			nim.Replicas, nim.Cache = new(int32(2)), nil
		}
		p.Spec.VectorStore.Weaviate.Replicas = 3
	})
	p.settled(2 * readyWithin)
	for _, to := range []v1alpha1.NetworkTLS{"Internal", ""} {
		since, prober := time.Now(), p.probe("How many times a minute does the turbine of plant 2 turn?")
		p.edit(func(s *v1alpha1.RAGPipelineSpec) { s.Network = &v1alpha1.Network{TLS: to} })
		p.settled(2 * readyWithin)
		p.answers("How many times a minute does the turbine of plant 1 turn?", "1001")
		prober.end()
		gap, slowest := prober.silence(), p.slowestStart(since)
		t.Logf("TLS %q after %s; the longest time without an answer was %s, and the slowest pod started in %s",
			to, time.Since(since).Round(time.Second), gap, slowest)
		if gap > slowest+readyFollows {
			t.Errorf("a pause of %s is longer than that of one pod", gap)
		}
	}
}

// slowestStart is the longest time from the making of a pod of the pipeline to its readiness, of those made since.
func (p *pipeline) slowestStart(since time.Time) (slowest time.Duration) {
	p.t.Helper()
	pods, err := p.pods(p.t.Context(), client.MatchingLabels{naming.LabelPipeline: p.name})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, pod := range pods {
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue && pod.CreationTimestamp.After(since) {
				slowest = max(slowest, c.LastTransitionTime.Sub(pod.CreationTimestamp.Time))
			}
		}
	}
	return slowest
}

// answers asks until the answer holds a word.
func (p *pipeline) answers(question, word string) {
	p.t.Helper()
	p.answersWithin(time.Minute, question, word)
}

func (p *pipeline) answersWithin(limit time.Duration, question, word string) {
	p.t.Helper()
	eventually(p.t, limit, question, func(ctx context.Context) error {
		reply, err := p.ask(ctx, question)
		if err != nil {
			return err
		}
		return containsAll(reply.text(), word)
	})
}

// pending is the component of the one pod that waits for a node.
func (p *pipeline) pending(ctx context.Context) (component string, err error) {
	list, err := p.pods(ctx, nil)
	if err != nil {
		return "", err
	}
	for _, pod := range list {
		for _, c := range pod.Status.Conditions {
			if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && strings.Contains(c.Message, gpu) {
				return pod.Labels["app.kubernetes.io/component"], nil
			}
		}
	}
	return "", fmt.Errorf("no pod of %d waits for a GPU", len(list))
}

// runsThreeNIMs looks at the pods as the cluster has them.
func (p *pipeline) runsThreeNIMs() {
	p.t.Helper()
	for _, stage := range []string{naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM} {
		pod := p.pod(stage)
		container := pod.Spec.Containers[0]
		if got := container.Resources.Limits[gpu]; got.Value() != 1 {
			p.t.Errorf("%s has %s GPUs", stage, got.String())
		}
		env := map[string]string{}
		for _, e := range container.Env {
			env[e.Name] = e.Value
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
				env[e.Name] = e.ValueFrom.SecretKeyRef.Name + "/" + e.ValueFrom.SecretKeyRef.Key
			}
		}
		for name, want := range map[string]string{"NGC_API_KEY": "ngc/NGC_API_KEY", "NIM_HTTP_API_PORT": "8000", "NIM_SERVER_PORT": "8000",
			"NIM_SERVER_BIND_ADDR": "0.0.0.0:8000", "NIM_CACHE_PATH": "/opt/nim/.cache"} {
			if env[name] != want {
				p.t.Errorf("%s: %s is %q", stage, name, env[name])
			}
		}
		if container.StartupProbe.HTTPGet.Path != "/v1/health/ready" || container.ReadinessProbe.HTTPGet.Path != "/v1/health/ready" ||
			container.LivenessProbe.HTTPGet.Path != "/v1/health/live" {
			p.t.Errorf("%s has other probes: %+v", stage, container)
		}
		p.hasVolumes(stage, pod)
	}
}

func (p *pipeline) hasVolumes(stage string, pod *corev1.Pod) {
	p.t.Helper()
	paths := map[string]string{}
	for _, mount := range pod.Spec.Containers[0].VolumeMounts {
		paths[mount.Name] += mount.MountPath + " "
	}
	var cache, memory bool
	for _, volume := range pod.Spec.Volumes {
		cache = cache || volume.PersistentVolumeClaim != nil && strings.Contains(paths[volume.Name], "/opt/nim/.cache")
		memory = memory || volume.EmptyDir != nil && volume.EmptyDir.Medium == corev1.StorageMediumMemory && strings.Contains(paths[volume.Name], "/dev/shm")
	}
	if !cache || !memory {
		p.t.Errorf("%s: the model's cache is mounted: %t, /dev/shm is in memory: %t", stage, cache, memory)
	}
	if len(pod.Spec.ImagePullSecrets) != 1 || pod.Spec.ImagePullSecrets[0].Name != "ngc-registry" {
		p.t.Errorf("%s is pulled with %v", stage, pod.Spec.ImagePullSecrets)
	}
}

// llmTimes are when the LLM's container started, and when its pod became ready.
func (p *pipeline) llmTimes() (started, isReady time.Time) {
	p.t.Helper()
	pod := p.pod(naming.ComponentLLM)
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			isReady = c.LastTransitionTime.Time
		}
	}
	return pod.Status.ContainerStatuses[0].State.Running.StartedAt.Time, isReady
}

// rerankingImage is the reranking NIM's in config/samples/nim.yaml, which the simulator goes by.
func rerankingImage(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(samples, "nim.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	p := new(v1alpha1.RAGPipeline)
	if err := yaml.Unmarshal(raw, p); err != nil {
		t.Fatal(err)
	}
	return string(p.Spec.Models.Reranking.NIM.Image)
}
