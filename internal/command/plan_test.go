package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/manifest"
	"github.com/ragpipeline/ragpipeline/internal/plan"
)

// present is the sample with NIMs as it serves in a cluster of one node with four GPUs, one of them free.
func present(t *testing.T) plan.Cluster {
	t.Helper()
	bundle, err := manifest.Load([]string{"../../config/samples/nim.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	p := bundle.Pipeline
	record := desired.NewRecord(p)
	p.Status.Index = &v1alpha1.IndexStatus{
		Generation: record.Fingerprint(), Documents: 420, Chunks: 12_600, Dimensions: 2048, ChunksPerSecond: "90.0",
	}
	for i, size := range config.SampleSizes {
		p.Status.Index.ChunkCounts = append(p.Status.Index.ChunkCounts, v1alpha1.ChunkCount{Size: int64(size)})
		for range config.SampleOverlaps {
			counts := &p.Status.Index.ChunkCounts[i].Chunks
			*counts = append(*counts, int64(4_000_000/size))
		}
	}
	pod := corev1.Pod{Spec: corev1.PodSpec{NodeName: "a", Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{
		Requests: corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("3")}}}}}}
	return plan.Cluster{
		Pipeline: p,
		Records:  map[string]desired.Record{record.Fingerprint(): record},
		Volumes:  map[string]bool{"nim-embedding-2a53e2c9": true},
		Nodes: []corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Status: corev1.NodeStatus{
			Allocatable: corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("4")}}}},
		Pods: []corev1.Pod{pod},
	}
}

func TestWhatAPlanSays(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*v1alpha1.RAGPipeline)
		reads  func(*plan.Cluster)
		want   []string // in this order
		not    []string
	}{
		{"nothing changes", func(*v1alpha1.RAGPipeline) {}, nil, []string{"default/nim: nothing would change", "stays as it is"}, []string{"Object", "Downtime"}},
		{"other chunks", func(p *v1alpha1.RAGPipeline) { p.Spec.Chunking.Size, p.Spec.Chunking.Overlap = 400, new(int32(100)) }, nil, []string{
			"is built beside", "spec.chunking.size: 800 -> 400", "spec.chunking.overlap: 200 -> 100",
			"Texts     every document is read", "Embed     about 25200 chunks of 420 documents, estimated from a sample",
			"Time      about 4m40s at 90.0 chunks a second", "+ ConfigMap nim-gen-", "deployment nim-gateway: 1 pod replaced, once the new index is complete",
			"Storage   the new index takes about", "Downtime  none", "its size is 50Gi",
		}, []string{"GPUs"}},
		{"another embedding model", func(p *v1alpha1.RAGPipeline) { p.Spec.Models.Embedding.NIM.Model = "nvidia/other" }, nil, []string{
			"spec.models.embedding: nvidia/nemotron-3-embed-1b -> nvidia/other", "Embed     12600 chunks of 420 documents\n", "Time      about 2m20s",
			"+ Deployment nim-embedding-", "- Deployment nim-embedding-", "once the new index is complete",
			"GPUs      nvidia.com/gpu: 1 more needed, up to 1 on one node; free: 1", "Storage   a volume of 20Gi", "Downtime  none",
		}, nil},
		{"one that needs more GPUs than are free", func(p *v1alpha1.RAGPipeline) {
			p.Spec.Models.Embedding.NIM.Model, p.Spec.Models.Embedding.NIM.GPU.Count = "nvidia/other", new(int32(2))
		}, nil, []string{"free: only 1, at most 1 on one node"}, nil},
		{"the user may not list nodes", func(p *v1alpha1.RAGPipeline) { p.Spec.Models.Embedding.NIM.Model = "nvidia/other" },
			func(c *plan.Cluster) { c.Nodes, c.Pods = nil, nil }, []string{"how many are free is not known", "you may not list all nodes and pods"}, nil},
		{"a model's image", func(p *v1alpha1.RAGPipeline) {
			p.Spec.Models.LLM.NIM.Image = "nvcr.io/nim/meta/llama-3.1-8b-instruct:3"
		}, nil, []string{
			"stays as it is", "~ Deployment nim-llm\n", "deployment nim-llm: 1 pod replaced",
			"has one replica and is replaced in place (maxSurge 0): until the new pod has loaded the model, questions fail (failurePolicy.llm is Fail)",
		}, []string{"once the new index"}},
		{"a NIM in place of an endpoint", func(*v1alpha1.RAGPipeline) {}, func(c *plan.Cluster) {
			c.Pipeline = c.Pipeline.DeepCopy()
			c.Pipeline.Spec.Models.LLM.Model = v1alpha1.Model{Endpoint: &v1alpha1.Endpoint{URL: "http://llm:8000/v1", Model: "llm", Protocol: "NIM"}}
		}, []string{
			"+ Deployment nim-llm\n", "GPUs      nvidia.com/gpu: 1 more", "a volume of 60Gi is made: nim-llm",
			"until nim-llm has loaded its model, questions fail (failurePolicy.llm is Fail)",
		}, nil},
		{"two replicas of it", func(p *v1alpha1.RAGPipeline) {
			p.Spec.Models.LLM.NIM.Image = "nvcr.io/nim/meta/llama-3.1-8b-instruct:3"
		},
			func(c *plan.Cluster) {
				d := desired.ModelWorkload(c.Pipeline, "llm", c.Pipeline.Spec.Models.LLM.Model)
				c.Replicas = map[string]int32{plan.ObjectKey("Deployment", d): 2}
			}, []string{"2 pods replaced", "Downtime  none"}, nil},
		{"another reranking model", func(p *v1alpha1.RAGPipeline) {
			p.Spec.Models.Reranking.NIM.Model, p.Spec.Models.Reranking.NIM.Image = "nvidia/other", "nvcr.io/nim/nvidia/other:1"
		}, nil, []string{
			"~ Deployment nim-reranking\n", "deployment nim-gateway: 1 pod", "until the new pod has loaded the model, questions are answered without reranking (failurePolicy.reranking is Degrade)",
		}, nil},
		{"the store's memory", func(p *v1alpha1.RAGPipeline) {
			p.Spec.VectorStore.Weaviate.Resources = &v1alpha1.Resources{Requests: map[string]resource.Quantity{"memory": resource.MustParse("8Gi")}}
		}, nil, []string{"~ StatefulSet nim-weaviate", "until it is ready, no question is answered"}, nil},
		{"back to a generation that is kept", func(p *v1alpha1.RAGPipeline) { p.Spec.Chunking.Size = 400 }, func(c *plan.Cluster) {
			back := c.Pipeline.DeepCopy()
			back.Spec.Chunking.Size = 400
			c.Pipeline.Status.Index.Retained = []v1alpha1.RetainedGeneration{{Generation: desired.NewRecord(back).Fingerprint()}}
		}, []string{"is kept for a way back and takes over from", "spec.chunking.size: 800 -> 400", "Downtime  none"}, []string{"Embed", "Storage"}},
		{"a rebuild", func(p *v1alpha1.RAGPipeline) { p.Annotations = map[string]string{"ragpipeline.io/rebuild": "1"} }, nil, []string{
			`annotation ragpipeline.io/rebuild: none -> "1"`, "Embed     12600 chunks of 420 documents\n",
		}, []string{"GPUs"}},
		{"another glob", func(p *v1alpha1.RAGPipeline) { p.Spec.Documents[0].Include = []v1alpha1.Glob{"**"} }, nil, []string{
			"a run brings it up to date", "Downtime  none",
		}, []string{"Object"}},
		{"a suspended pipeline", func(p *v1alpha1.RAGPipeline) { p.Spec.Suspend = true }, nil, []string{"spec.suspend is true"}, nil},
		{"there is no pipeline yet", func(*v1alpha1.RAGPipeline) {}, func(c *plan.Cluster) { c.Pipeline, c.Records = nil, nil }, []string{
			"the first one is built", "+ Deployment nim-gateway", "+ StatefulSet nim-weaviate", "3 more needed", "Downtime  none", "nothing is known of its documents",
		}, []string{"loaded"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cluster := present(t)
			next := cluster.Pipeline.DeepCopy()
			c.change(next)
			if c.reads != nil {
				c.reads(&cluster)
			}
			preview, err := plan.PreviewOf(cluster, next)
			if err != nil {
				t.Fatal(err)
			}
			text := planText(preview)
			rest := text
			for _, want := range c.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Errorf("there is no %q, or not in its place, in\n%s", want, text)
					continue
				}
				rest = after
			}
			for _, not := range c.not {
				if strings.Contains(text, not) {
					t.Errorf("there is %q in\n%s", not, text)
				}
			}
		})
	}
}

// The page shows what the command prints.
func TestThePageShowsAPlan(t *testing.T) {
	cluster := present(t)
	next := cluster.Pipeline.DeepCopy()
	next.Spec.Models.Embedding.NIM.Model = "nvidia/llama-nemotron-embed-1b-v2"
	next.Spec.Models.Embedding.NIM.Image = "nvcr.io/nim/nvidia/llama-nemotron-embed-1b-v2:1.13.0"
	preview, err := plan.PreviewOf(cluster, next)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "plan.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(page), "$ ragpipeline plan -f nim.yaml\n")
	shown, _, _ = strings.Cut(shown, "```")
	if diff := cmp.Diff(planText(preview), shown); diff != "" {
		t.Errorf("docs/plan.md (-printed +shown):\n%s", diff)
	}
}
