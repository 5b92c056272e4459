package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// Preview is what applying a manifest would do.
type Preview struct {
	Pipeline string `json:"pipeline"`
	// Changes reports whether anything would change.
	Changes    bool              `json:"changes"`
	Generation GenerationPreview `json:"generation"`
	Objects    []ObjectChange    `json:"objects,omitempty"`
	Restarts   []Restart         `json:"restarts,omitempty"`
	// Downtime says where questions would be refused or answered with less, and for how long; empty means nowhere.
	Downtime []string `json:"downtime,omitempty"`
	GPUs     []GPUs   `json:"gpus,omitempty"`
	Volumes  []Volume `json:"volumes,omitempty"`
	// IndexBytes is about how much the new generation takes in the store, beside the live one; 0 if there is none.
	IndexBytes int64 `json:"indexBytes,omitempty"`
	// Notes are what the user should know besides, such as what could not be read.
	Notes []string `json:"notes,omitempty"`
}

// GenerationPreview is which generation would be built, and what that takes.
type GenerationPreview struct {
	Live string `json:"live,omitempty"` // fingerprint; empty before the first
	Next string `json:"next"`           // fingerprint
	New  bool   `json:"new"`            // reports whether another one is to serve
	// Retained reports whether that one is kept for a way back, so that nothing of it is built.
	Retained bool `json:"retained,omitempty"`
	// Changes are what makes it necessary; empty for the first.
	Changes []config.Change `json:"changes,omitempty"`
	// TextsFromSources reports whether the documents are read and parsed anew.
	TextsFromSources bool `json:"textsFromSources"`
	// Run reports whether an ingestion run starts: to build the generation, or to bring the live one up to date.
	Run      bool     `json:"run"`
	Estimate Estimate `json:"estimate,omitzero"`
	// Rate is the measured one, in chunks per second; 0 means that there is none.
	Rate float64 `json:"chunksPerSecond,omitempty"`
}

// PreviewGeneration says which generation would be built, given the live one, nil before the first, and what it holds.
func PreviewGeneration(live *config.Generation, next config.Generation, has Contents) GenerationPreview {
	g := GenerationPreview{
		Next: next.Fingerprint(), New: true, Run: true, TextsFromSources: true, Rate: has.ChunksPerSecond,
	}
	if live == nil {
		return g
	}
	g.Live = live.Fingerprint()
	if g.New = g.Live != g.Next; !g.New {
		g.Run, g.TextsFromSources = false, false
		return g
	}
	g.Changes = live.Changes(next)
	g.Estimate = EstimateBuild(*live, next, has)
	return g
}

// Cluster is what a preview looks at. What the user may not read is absent.
type Cluster struct {
	// Pipeline is the present one; nil if there is none.
	Pipeline *v1alpha1.RAGPipeline
	// Records are of the generations, by fingerprint.
	Records map[string]desired.Record
	// Replicas are of the workloads, by their ObjectKey.
	Replicas map[string]int32
	// Volumes has the claims that exist, by name.
	Volumes map[string]bool
	// Nodes and Pods are all of the cluster's; nil if the user may not list them.
	Nodes []corev1.Node
	Pods  []corev1.Pod
}

// PreviewOf returns what the operator would do if next were applied. Its error is a *derive.ConfigurationError or
// several joined.
func PreviewOf(c Cluster, next *v1alpha1.RAGPipeline) (Preview, error) {
	next = next.DeepCopy()
	before, err := c.objects(c.Pipeline, nil)
	if err != nil {
		return Preview{}, fmt.Errorf("the pipeline in the cluster: %w", err)
	}
	var live *desired.Record
	if c.Pipeline != nil {
		next.UID, next.Status = c.Pipeline.UID, *c.Pipeline.Status.DeepCopy()
		live = (&State{Pipeline: c.Pipeline, Records: c.Records}).live()
	}
	during, err := c.objects(next, nil)
	if err != nil {
		return Preview{}, err
	}
	after, err := c.objects(next, new((&State{Pipeline: next, Records: c.Records}).wanted()))
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Pipeline: next.Namespace + "/" + next.Name, Objects: differences(before, during, after)}
	p.Generation = c.generation(live, next)
	p.Restarts, p.Downtime = c.restarts(next, before, during, after)
	p.GPUs = c.gpus(before, during)
	p.Volumes = c.newVolumes(before, during)
	if p.Generation.New && !p.Generation.Retained && next.Spec.VectorStore.Weaviate != nil {
		p.IndexBytes = indexBytes(p.Generation.Estimate.Chunks, next)
	}
	p.Changes = len(p.Objects) > 0 || p.Generation.Run || c.Pipeline == nil ||
		!equality.Semantic.DeepEqual(c.Pipeline.Spec, next.Spec)
	p.Notes = c.notes(next, &p)
	return p, nil
}

// generation is the preview of the generation, and of the run: one starts when its config changes.
func (c Cluster) generation(live *desired.Record, next *v1alpha1.RAGPipeline) GenerationPreview {
	var old *config.Generation
	if live != nil {
		old = &live.Generation
	}
	g := PreviewGeneration(old, desired.NewRecord(next).Generation, contents(next.Status.Index))
	if g.New && isRetained(next.Status.Index, g.Next) {
		g.GoesBack()
	}
	if !g.New && c.Pipeline != nil {
		was, _ := desired.IngestConfig(c.Pipeline, desired.Facts{Live: live})
		now, _ := desired.IngestConfig(next, desired.Facts{Live: live})
		g.Run = config.Hash(was) != config.Hash(now)
	}
	return g
}

// GoesBack says that the generation is kept for a way back, so that nothing of it is built.
func (g *GenerationPreview) GoesBack() {
	g.Retained, g.TextsFromSources, g.Estimate = true, false, Estimate{}
}

// isRetained reports whether the generation is kept for a way back, and up to date.
func isRetained(s *v1alpha1.IndexStatus, fingerprint string) bool {
	return s != nil && slices.ContainsFunc(s.Retained, func(r v1alpha1.RetainedGeneration) bool {
		return r.Generation == fingerprint && r.Problem == ""
	})
}

// indexBytes is about what so many chunks take in a Weaviate: twice the vector, and the text with its terms.
func indexBytes(chunks int, p *v1alpha1.RAGPipeline) int64 {
	const text, neighbours = 3 << 10, 512
	dimensions := int64(1024)
	if d := p.Spec.Models.Embedding.Dimensions; d != nil {
		dimensions = int64(*d)
	} else if s := p.Status.Index; s != nil && s.Dimensions > 0 {
		dimensions = int64(s.Dimensions)
	}
	return int64(chunks) * (2*4*dimensions + text + neighbours)
}

// notes are what the preview leaves open.
func (c Cluster) notes(next *v1alpha1.RAGPipeline, p *Preview) (notes []string) {
	if next.Spec.Suspend {
		notes = append(notes, "spec.suspend is true: until it is false, nothing of this happens")
	}
	if p.Generation.New && p.Generation.Live != "" && p.Generation.Rate == 0 && p.Generation.Estimate.Embed > 0 {
		notes = append(notes, "no run has embedded enough chunks to measure a rate, so there is no estimate of the time")
	}
	if p.Generation.New && p.Generation.Live == "" {
		notes = append(notes, "there is no index yet, so nothing is known of its documents")
	}
	if len(p.GPUs) > 0 && c.Nodes == nil {
		notes = append(notes, "you may not list all nodes and pods, so the free GPUs are not known")
	}
	if p.IndexBytes > 0 {
		notes = append(notes, "how full the store's volume is cannot be read from the API; its size is "+
			string(next.Spec.VectorStore.Weaviate.Storage.Size))
	}
	return notes
}

// object is an object that should exist, as its kind, name and JSON.
type object struct {
	kind, name string
	once, kept bool // as in desired.Child
	json       []byte
}

// objects are those that the operator would have for the pipeline, by ObjectKey, without its tasks. If live is nil,
// the generation that serves is the one that serves now.
func (c Cluster) objects(p *v1alpha1.RAGPipeline, live *desired.Record) (map[string]object, error) {
	if p == nil {
		return nil, nil
	}
	s := &State{Pipeline: p, Records: c.Records}
	facts := desired.Facts{Live: live}
	if live == nil {
		facts.Live = s.live()
	}
	children, err := desired.Children(p, desired.Operator{Image: "operator", WeaviateImage: "weaviate"}, facts)
	if err != nil {
		return nil, err
	}
	all := map[string]object{}
	for _, child := range append(desired.Secrets(p, facts), children...) {
		encoded, err := json.Marshal(child.Object)
		if err != nil {
			return nil, err
		}
		o := object{
			kind: *child.Object.GetKind(), name: *child.Object.GetName(),
			once: child.Once, kept: child.Kept, json: encoded,
		}
		all[ObjectKey(o.kind, o.name)] = o
	}
	return all, nil
}

// deployment decodes a Deployment; nil for another kind.
func (o object) deployment() *appsv1.Deployment {
	if o.kind != "Deployment" {
		return nil
	}
	d := new(appsv1.Deployment)
	if json.Unmarshal(o.json, d) != nil {
		return nil
	}
	return d
}

// template is the pod template of a workload, as JSON; empty for other kinds.
func (o object) template() string {
	var workload struct {
		Spec struct {
			Template json.RawMessage `json:"template"`
		} `json:"spec"`
	}
	if !slices.Contains([]string{"Deployment", "StatefulSet"}, o.kind) || json.Unmarshal(o.json, &workload) != nil {
		return ""
	}
	return string(workload.Spec.Template)
}

// claim decodes a claim; nil for another kind.
func (o object) claim() *corev1.PersistentVolumeClaim {
	if o.kind != derive.KindClaim {
		return nil
	}
	claim := new(corev1.PersistentVolumeClaim)
	if json.Unmarshal(o.json, claim) != nil {
		return nil
	}
	return claim
}

// Duration is the estimated time of embedding; 0 if it is not known.
func (e Estimate) Duration() time.Duration { return time.Duration(e.Seconds * float64(time.Second)) }
