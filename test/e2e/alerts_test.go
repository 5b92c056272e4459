//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// slowed is a way to a model that takes some time.
type slowed struct {
	*server
	by atomic.Int64 // time.Duration
}

func (n *namespace) slowed(h *hosted) *slowed {
	n.t.Helper()
	s, front := new(slowed), h.front()
	s.server = n.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(time.Duration(s.by.Load())): // the model's own time
			front.ServeHTTP(w, r)
		case <-r.Context().Done():
		}
	}))
	return s
}

func (s *slowed) endpoint(name string) v1alpha1.Model {
	return v1alpha1.Model{Endpoint: &v1alpha1.Endpoint{URL: v1alpha1.URL("http://" + s.address + "/v1"), Model: v1alpha1.ModelName(name)}}
}

// besiege has so many callers ask for streams, each again and again, until the returned function is called.
func (p *pipeline) besiege(callers int) (end func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	question := map[string]any{"stream": true, "messages": []map[string]string{{"role": "user", "content": howFast}}}
	var work sync.WaitGroup
	for range callers {
		work.Go(func() {
			for again := time.NewTicker(time.Second); ctx.Err() == nil; <-again.C {
				_ = p.call(ctx, http.MethodPost, "/v1/chat/completions", question, nil) // most are refused
			}
		})
	}
	return func() {
		cancel()
		work.Wait()
	}
}

// small is the StorageClass of a volume with a file system of its own, of so many MiB.
const small, smallSize = "small", 512

// smallVolume makes the volume, in this machine's memory, and returns its directory. This machine must be the node.
func (n *namespace) smallVolume() string {
	n.t.Helper()
	directory := n.t.TempDir()
	size := fmt.Sprintf("size=%dm", smallSize)
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", size, "tmpfs", directory).CombinedOutput(); err != nil {
		n.t.Fatalf("mount: %v: %s", err, output)
	}
	n.t.Cleanup(func() { _ = exec.Command("umount", "--lazy", directory).Run() })
	var nodes corev1.NodeList
	if err := api.List(n.t.Context(), &nodes); err != nil {
		n.t.Fatal(err)
	}
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: n.name},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: *resource.NewQuantity(smallSize<<20, resource.BinarySI)},
			AccessModes:                   []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimRetain, StorageClassName: small,
			PersistentVolumeSource: corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: directory}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
				MatchExpressions: []corev1.NodeSelectorRequirement{{
					Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{nodes.Items[0].Labels[corev1.LabelHostname]},
				}},
			}}}},
		},
	}
	if err := api.Create(n.t.Context(), volume); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = api.Delete(context.Background(), volume) })
	return directory
}

// watched is a pipeline over a ConfigMap and a repository, with models that can be made to fail, and a small volume.
func (n *namespace) watched(embedding, llm *slowed, repository *site) *pipeline {
	n.t.Helper()
	documents := valves(0, 300)
	maps.Copy(documents, turbine)
	object := standIns("watched", n.documentsOf(documents))
	object.Spec.Documents = append(object.Spec.Documents, repository.source)
	object.Spec.Sync.Interval = &metav1.Duration{Duration: time.Minute}
	object.Spec.Models.Embedding.Model = embedding.endpoint(config.StandInEmbedding)
	object.Spec.Models.LLM.Model = llm.endpoint(config.StandInLLM)
	object.Spec.VectorStore.Weaviate.Storage = v1alpha1.Storage{
		Size: v1alpha1.VolumeSize(fmt.Sprintf("%dMi", smallSize)), StorageClassName: small,
	}
	object.Spec.Gateway.Limits = v1alpha1.GatewayLimits{Concurrent: 2, Queued: 1}
	return n.pipeline(object)
}

// It runs alone, because it has all stores serve their metrics. Durations are shortened: alerts wait a second for their
// cause to last, and are met with small volumes, limits and intervals; their expressions are the chart's.
func TestEachAlertFiresWhenItsCauseIsMade(t *testing.T) {
	long(t)
	if os.Getenv("E2E_LOAD") != "" {
		t.Skip("it fills a volume of hack/cluster's node")
	}
	n := newNamespace(t)
	m := n.prometheus()
	t.Cleanup(func() { install(t, chart, operatorImage) })
	helm(t, "upgrade", operatorRelease, chart, "--namespace", operatorNamespace, "--wait", "--reuse-values", "--set", "metrics.weaviate.enabled=true")
	models := n.host("models")
	embedding, llm := n.slowed(models), n.slowed(models)
	repository := n.repository()
	repository.files = map[string]string{}
	repository.set("valve-0.txt", repository.valve(0))
	volume := n.smallVolume()
	embedding.by.Store(int64(2 * time.Second)) // for the first run to last for some scrapes
	p := n.watched(embedding, llm, repository)
	p.settled(readyWithin)
	embedding.by.Store(0)
	p.answers(howFast, "1234")
	m.silent()

	t.Log("documents that cannot be read, and more that vanish than a run may remove")
	documents := maps.Clone(turbine)
	for i := range 20 {
		documents[fmt.Sprintf("broken-%d.pdf", i)] = "%PDF-1.7 is all that there is"
	}
	if err := api.Update(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: n.name, Name: "docs"}, Data: documents}); err != nil {
		t.Fatal(err)
	}
	m.fires("RAGPipelineDocumentsFailing", "name=watched")
	m.fires("RAGPipelineRemovalsHeldBack", "name=watched", "source=docs")

	t.Log("a volume that fills, and a source that fails until the index is stale")
	n.write(volume, "filling", strings.Repeat("x", smallSize*86/100<<20))
	repository.server.running.Close()
	m.fires("RAGPipelineSourceFailing", "name=watched", "source=repository")

	t.Log("an LLM that is slow, for more callers than there are places")
	llm.by.Store(int64(6 * time.Second))
	end := p.besiege(12)
	m.fires("RAGPipelineAnswersSlow", "pipeline=watched")
	m.fires("RAGPipelineQueueFull", "pipeline=watched", "kind=answers")
	llm.by.Store(0)
	end()

	t.Log("an LLM that is retired")
	models.must(http.MethodPut, "faults/llm/retired")
	end = p.besiege(2)
	m.fires("RAGPipelineStageDown", "name=watched", "type=LLMReady")
	m.fires("RAGPipelineNotReady", "name=watched")
	m.fires("RAGPipelineStalled", "name=watched")
	m.fires("RAGPipelineQuestionsFailing", "pipeline=watched")
	m.shows(`sum by (pipeline) (objects_durations_ms_count{namespace="`+n.name+`"})`,
		`count by (pipeline) (queries_durations_ms_bucket{namespace="`+n.name+`"})`)
	m.fires("RAGPipelineIndexStale", "name=watched")
	m.fires("RAGPipelineVolumeFilling", "persistentvolumeclaim=data-watched-weaviate-0")
	end()
	models.must(http.MethodDelete, "faults/llm")
	n.starts(repository.server)

	t.Log("another embedding model")
	models.must(http.MethodPut, "faults/embedding/another-model")
	m.fires("RAGPipelineModelDrifted", "name=watched")
	m.firedAll()
}
