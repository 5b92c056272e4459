package status

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const (
	first  = "1111aaaa" // the fingerprint of the generation that is built first
	second = "2222bbbb"
)

// world is a pipeline and all that the operator can observe of it.
type world struct {
	p *v1alpha1.RAGPipeline
	o Observed
}

// newWorld is a pipeline that was just applied: NIMs embed and rerank, a hosted LLM answers, the
// store is its own.
func newWorld() *world {
	timeout := &metav1.Duration{Duration: 30 * time.Minute}
	nim := func(name string) *v1alpha1.NIM {
		return &v1alpha1.NIM{Image: v1alpha1.Image("nvcr.io/nim/nvidia/" + name + ":2.2.2"), Model: v1alpha1.ModelName("nvidia/" + name),
			GPU: v1alpha1.GPU{Count: new(int32(1)), ResourceName: "nvidia.com/gpu"}, StartupTimeout: timeout,
			AuthSecretRef: &v1alpha1.SecretKey{Name: "ngc", Key: "NGC_API_KEY"}}
	}
	p := &v1alpha1.RAGPipeline{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.Kind},
		ObjectMeta: metav1.ObjectMeta{Name: "papers", Namespace: "default", Generation: 1},
		Status:     v1alpha1.RAGPipelineStatus{ObservedGeneration: -1},
	}
	p.Spec = v1alpha1.RAGPipelineSpec{
		Documents: []v1alpha1.Source{{Name: "papers", ConfigMap: &v1alpha1.ConfigMapSource{Name: "papers"}}},
		Retrieval: v1alpha1.Retrieval{Mode: "Hybrid"},
		Models: v1alpha1.Models{
			Embedding: v1alpha1.EmbeddingModel{Model: v1alpha1.Model{NIM: nim("embed")}},
			Reranking: &v1alpha1.Model{NIM: nim("rerank")},
			LLM: &v1alpha1.LLM{Model: v1alpha1.Model{Endpoint: &v1alpha1.Endpoint{URL: "https://models.example.com/v1", Model: "big",
				SecretRef: &v1alpha1.SecretKey{Name: "hosted", Key: "api-key"}}}},
		},
		VectorStore:   v1alpha1.VectorStore{Weaviate: &v1alpha1.Weaviate{Replicas: 1}},
		FailurePolicy: v1alpha1.FailurePolicy{Embedding: "Fail", Reranking: "Degrade", LLM: "Fail"},
	}
	return &world{p: p, o: Observed{Wanted: first, Components: map[string]Component{}}}
}

// pass computes the status at a time after noon.
func (w *world) pass(after time.Duration) {
	w.o.Now = noon.Add(after)
	w.p.Status = Compute(w.p, w.o)
}

// component changes a component.
func (w *world) component(name string, change func(*Component)) {
	c := w.o.Components[name]
	change(&c)
	w.o.Components[name] = c
}

func starting(timeout time.Duration) Component {
	return Component{Exists: true, Current: true, Replicas: 1, StartupTimeout: timeout, Pods: []corev1.Pod{pod(running(0))}}
}

// created adds every workload, none of which is ready, as shortly after applying.
func created(w *world) {
	for _, name := range []string{naming.ComponentEmbedding, naming.ComponentReranking} {
		w.o.Components[name] = starting(30 * time.Minute)
	}
	w.o.Components[naming.ComponentWeaviate] = starting(0)
	w.o.Components[naming.ComponentGateway] = starting(0)
	w.o.Endpoint = "http://papers-gateway.default.svc:8080"
	w.o.Run = &Run{State: RunWaiting, Generation: first}
}

// up makes the models and the store ready; the gateway waits for the index.
func up(w *world) {
	created(w)
	for _, name := range []string{naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentWeaviate} {
		w.component(name, func(c *Component) { c.Ready, c.Pods = 1, nil })
	}
	w.o.Gateways = []config.OpsStatus{report(first, false)}
	w.o.Gateways[0].Stages[config.StageIndex] = config.StageStatus{Reason: config.IndexNotBuilt, Message: "the index is not built yet"}
	w.o.Gateways[0].Index = config.IndexStatus{EmbeddingModel: "nvidia/embed"}
}

// indexes adds an ingestion run that has done a third of its work.
func indexes(w *world) {
	up(w)
	w.o.Run = &Run{State: RunActive, Generation: first, Reports: []config.OpsStatus{{Generation: first,
		Stages:   map[config.Stage]config.StageStatus{config.StageEmbedding: {OK: true}},
		Progress: &config.Progress{Phase: "Indexing", DocumentsDone: 70, DocumentsTotal: 210}}}}
}

// serves makes everything ready.
func serves(w *world) {
	up(w)
	w.o.Live = first
	w.component(naming.ComponentGateway, func(c *Component) { c.Ready, c.Pods = 1, nil })
	w.o.Gateways = []config.OpsStatus{report(first, true)}
	w.o.Run = &Run{State: RunSucceeded, Generation: first, Finished: noon.Add(-time.Minute),
		Summary: &config.Summary{Generation: first, Listed: 210, Indexed: 208, Chunks: 1400, Failed: 2}}
}

// report is the report of a gateway for which everything works.
func report(generation string, ready bool) config.OpsStatus {
	good := config.StageStatus{OK: true, Since: noon}
	return config.OpsStatus{Pipeline: "default/papers", Generation: generation, Ready: ready,
		Stages: map[config.Stage]config.StageStatus{config.StageEmbedding: good, config.StageReranking: good, config.StageLLM: good, config.StageIndex: good},
		Index: config.IndexStatus{Documents: 208, Chunks: 1400, FailedDocuments: 2, EmbeddingModel: "nvidia/embed", Dimensions: 1024,
			LastSync: noon.Add(-time.Minute), Failures: []config.FailedDocument{{Document: "papers/scan.pdf", Reason: config.NoTextLayer, Message: "its pages are images"},
				{Document: "papers/locked.pdf", Reason: config.Encrypted, Message: "a password is needed"}}}}
}

// stageFails makes every gateway report a stage's failure.
func stageFails(stage config.Stage, reason config.Failure, message string, status int) func(*world) {
	return func(w *world) {
		for _, g := range w.o.Gateways {
			g.Stages[stage] = config.StageStatus{Reason: reason, Message: message, HTTPStatus: status, Since: noon}
		}
	}
}

var drifts = stageFails(config.StageEmbedding, config.ModelDrifted, `embedding model "nvidia/embed" no longer gives the vectors that the index was built with`, 0)

const noVolume = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"

const noGPU = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."

func missing(kind, name, field, component string) func(*world) {
	return func(w *world) {
		w.o.Missing = append(w.o.Missing, Missing{Kind: kind, Name: name, Field: field, Component: component})
	}
}

// sharedCache has the embedding model read an existing claim.
func sharedCache(w *world) {
	w.p.Spec.Models.Embedding.NIM.Cache = &v1alpha1.Cache{ClaimName: "models"}
}

// resizes are the volumes that do not have the size that the spec says.
func resizes(volumes ...Volume) func(*world) {
	return func(w *world) { w.o.Volumes = volumes }
}

// Volumes that grow, or do not.
var (
	growing = Volume{
		Claim: "data-papers-weaviate-0", Component: naming.ComponentWeaviate, Field: "spec.vectorStore.weaviate.storage.size", Wanted: "20Gi", Has: "10Gi",
	}
	refusedVolume = changed(growing, func(v *Volume) {
		v.Claim, v.Refused = "data-papers-weaviate-1", "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize"
	})
	failedVolume = changed(growing, func(v *Volume) {
		v.Claim, v.Component, v.Field = "papers-reranking", naming.ComponentReranking, "spec.models.reranking.nim.cache.size"
		v.Failed = "rpc error: code = ResourceExhausted desc = the pool is full"
	})
	largerVolume = changed(growing, func(v *Volume) { v.Has, v.Larger = "50Gi", true })
)

func remounting(ordinal string) Volume {
	return changed(growing, func(v *Volume) { v.Claim, v.Remounting = "data-papers-weaviate-"+ordinal, true })
}

func changed(v Volume, change func(*Volume)) Volume {
	change(&v)
	return v
}

// routed asks for a route to the gateway through a Gateway, of which this was observed.
func routed(r Route) func(*world) {
	return func(w *world) {
		w.p.Spec.Gateway.Route = &v1alpha1.GatewayRoute{
			Hostnames: []v1alpha1.ObjectName{"ask.example.com"}, ParentRefs: []v1alpha1.ParentRef{{Name: "edge", Namespace: "infra"}},
		}
		w.o.Route = r
	}
}

func byIngress(w *world) {
	w.p.Spec.Gateway.Route.ParentRefs, w.p.Spec.Gateway.Route.Ingress = nil, &v1alpha1.Ingress{SecretName: "ask-tls"}
}

// accepts is what the controller of the Gateway says of the route.
func accepts(accepted, resolved metav1.ConditionStatus) []RouteParent {
	return []RouteParent{{ParentRef: v1alpha1.ParentRef{Name: "edge", Namespace: "infra"}, Conditions: []metav1.Condition{
		{Type: "Accepted", Status: accepted, Reason: "NoMatchingListenerHostname", Message: "there were no hostname intersections"},
		{Type: "ResolvedRefs", Status: resolved, Reason: "BackendNotFound", Message: "service not found"},
	}}}
}

// edit is a change of the spec that the operator has acted on.
func edit(w *world) { w.p.Generation++ }

func failedRun(retry int, reason config.Failure, message string) func(*world) {
	return func(w *world) {
		w.o.Run = &Run{State: RunFailed, Generation: w.o.Wanted, Retry: retry, Summary: &config.Summary{Generation: w.o.Wanted, Error: message, Reason: reason}}
	}
}

const unproved = "the removal of documents is not proved: the index still has something of papers/old.pdf"

// holdsBack makes the live index hold back removals of two sources, of which the first still lists 10 of 50 documents.
func holdsBack(papers, talks int) func(*world) {
	return func(w *world) {
		w.p.Spec.Documents = []v1alpha1.Source{{Name: "papers"}, {Name: "talks"}}
		w.o.Gateways[0].Index.Synced.Sources = []config.SourceSync{
			{Name: "papers", Documents: 50, Scanned: 10, Unchanged: 9, Added: 1, HeldBack: papers, Strays: 2, LastSuccess: noon},
			{Name: "talks", Documents: 12, Scanned: 12, Unchanged: 12, HeldBack: talks, LastSuccess: noon},
		}
	}
}

// updated ends a run that has brought the live index up to date.
func updated(w *world) {
	w.o.Run = &Run{State: RunSucceeded, Generation: w.o.Wanted, Finished: w.o.Now,
		Summary: &config.Summary{Generation: w.o.Wanted, Listed: 210, Indexed: 208, Chunks: 1400, Failed: 2}}
}

const tooMany = "too many documents failed: 14 of 215, more than spec.ingest.maxFailed (5%) allows: NoTextLayer (13), Encrypted (1); " +
	"the first is papers/locked.pdf (Encrypted: a password is needed); replace or exclude them, or raise maxFailed"

func atMost(failed string) func(*world) {
	return func(w *world) { w.p.Spec.Ingest.MaxFailed = new(intstr.Parse(failed)) }
}

// partlyReads makes documents of the live index fail, and others lack something.
func partlyReads(w *world) {
	for i := range w.o.Gateways {
		w.o.Gateways[i].Index.Losses = config.Losses{
			Reasons: map[config.Reason]int{config.Encrypted: 1, config.NoTextLayer: 1},
			Warned:  12, WarningReasons: map[config.WarningReason]int{config.HiddenText: 5, config.PagesWithoutText: 9},
			WarnedDocuments: []config.WarnedDocument{
				{Document: "papers/b.pdf", Warnings: config.Warnings{{Reason: config.PagesWithoutText, Count: 4, Places: []string{"page 2", "page 3", "page 5", "page 8"}}}},
				{Document: "papers/a.docx", Warnings: config.Warnings{{Reason: config.PagesWithoutText, Count: 1}, {Reason: config.HiddenText, Count: 2}}},
			},
		}
	}
}

func retriedRun(w *world) {
	w.o.Run = &Run{State: RunActive, Generation: w.o.Wanted, Retry: 1}
}

// rebuilds makes another generation wanted, and adds a run that builds it.
func rebuilds(done, total int) func(*world) {
	return func(w *world) {
		w.o.Wanted = second
		w.o.Run = &Run{State: RunActive, Generation: second, Reports: []config.OpsStatus{{Generation: second,
			Progress: &config.Progress{Phase: "Indexing", DocumentsDone: done, DocumentsTotal: total}}}}
	}
}

func problem(reason, message string, terminal bool) func(*world) {
	return func(w *world) { w.o.Problem = &Problem{reason, message, terminal} }
}

func unreadable(w *world) { w.o.Gateways, w.o.Unreadable = nil, "no answer came within 2s" }

func notReadyYet(w *world) {
	w.o.Gateways[0].Ready = false
	w.component(naming.ComponentGateway, func(c *Component) { c.Ready = 0 })
}

var rerankerUnreachable = stageFails(config.StageReranking, "ModelUnreachable", `reranking model "nvidia/rerank" cannot be reached; check its url and that it runs: connection refused`, 0)

func twoGateways(w *world) {
	w.o.Gateways = append(w.o.Gateways, report(first, true))
	w.component(naming.ComponentGateway, func(c *Component) { c.Ready, c.Replicas = 2, 2 })
}

func external(w *world) {
	w.p.Spec.VectorStore = v1alpha1.VectorStore{External: &v1alpha1.ExternalWeaviate{URL: "https://weaviate.example.com", GRPCURL: "https://grpc.example.com",
		SecretRef: &v1alpha1.SecretKey{Name: "weaviate", Key: "key"}}}
	delete(w.o.Components, naming.ComponentWeaviate)
}

// stops makes a build wait while the live index is brought up to date.
func stops(w *world) { w.o.Run = &Run{State: RunStopped, Generation: w.o.Wanted} }

// queued makes an upgrade of the operator make a run due, which waits for others; rereads starts that run.
func queued(w *world) { w.o.Run = &Run{State: RunQueued, Generation: w.o.Wanted} }

func rereads(w *world) {
	w.o.Run = &Run{State: RunActive, Generation: first, Upgrade: true,
		Reports: []config.OpsStatus{{Progress: &config.Progress{Phase: "Indexing", DocumentsDone: 105, DocumentsTotal: 210}}}}
}

func runWaits(w *world) { w.o.Run = &Run{State: RunWaiting, Generation: w.o.Wanted} }

// switched makes the next generation complete, while the old gateway's pod still exists.
func switched(w *world) {
	w.o.Live = second
	w.o.Run = &Run{State: RunSucceeded, Generation: second, Finished: noon.Add(10 * time.Minute), Summary: &config.Summary{Indexed: 200, Chunks: 2600, Failed: 1,
		Failures: []config.FailedDocument{{Document: "papers/locked.pdf", Reason: config.Encrypted}}}}
}

// hosted retrieves by keyword over an external store, with an embedding model that the gateway
// never asks.
func hosted(w *world) {
	external(w)
	w.p.Spec.Retrieval.Mode = "Keyword"
	w.p.Spec.Models = v1alpha1.Models{Embedding: v1alpha1.EmbeddingModel{Model: v1alpha1.Model{Endpoint: &v1alpha1.Endpoint{URL: "https://models.example.com/v1", Model: "embed"}}}}
	delete(w.o.Components, naming.ComponentEmbedding)
	delete(w.o.Components, naming.ComponentReranking)
	for _, g := range w.o.Gateways {
		delete(g.Stages, config.StageEmbedding)
		delete(g.Stages, config.StageReranking)
		delete(g.Stages, config.StageLLM)
	}
}

var v1LLM = v1alpha1.LLM{Model: v1alpha1.Model{Endpoint: &v1alpha1.Endpoint{URL: "https://models.example.com/v1", Model: "big", Probe: new(false)}}}

func standIns(w *world) {
	standIn := v1alpha1.Model{StandIn: &v1alpha1.StandIn{}}
	w.p.Spec.Models = v1alpha1.Models{Embedding: v1alpha1.EmbeddingModel{Model: standIn}, Reranking: &standIn, LLM: &v1alpha1.LLM{Model: standIn}}
	for _, name := range []string{naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM} {
		w.o.Components[name] = Component{Exists: true, Current: true, Replicas: 1, Ready: 1}
	}
}

func suspend(w *world) {
	if !w.p.Spec.Suspend {
		w.p.Generation++
	}
	w.p.Spec.Suspend = true
}

// endpointExtracts gives the pipeline an extraction server that the operator does not run. No run is active.
func endpointExtracts(w *world) {
	w.p.Spec.Extraction = &v1alpha1.Extraction{Server: v1alpha1.ExtractionServer{Endpoint: &v1alpha1.ExtractionEndpoint{
		URL: "http://tika.example:9998", Protocol: "Tika", SecretRef: &v1alpha1.SecretKey{Name: "tika", Key: "key"}}}}
	w.o.Run.State, w.o.Run.Reports = RunSucceeded, nil
}

// tikaExtracts gives the pipeline a Tika, which is ready.
func tikaExtracts(w *world) {
	w.p.Spec.Extraction = &v1alpha1.Extraction{Server: v1alpha1.ExtractionServer{Tika: &v1alpha1.Tika{Image: "apache/tika:3"}}}
	w.component(naming.ComponentExtraction, func(c *Component) { c.Exists, c.Current, c.Replicas, c.Ready = true, true, 1, 1 })
}

// extracts adds a run that uses the extraction server.
func extracts(w *world) {
	w.o.Run = &Run{State: RunActive, Generation: first, Reports: []config.OpsStatus{{Generation: first,
		Stages:   map[config.Stage]config.StageStatus{config.StageExtraction: {OK: true}},
		Progress: &config.Progress{Phase: "Indexing", DocumentsDone: 70, DocumentsTotal: 210}}}}
}

// extractionFails adds a run that cannot use it.
func extractionFails(reason config.Failure, message string, status int) func(*world) {
	return func(w *world) {
		extracts(w)
		w.o.Run.Reports[0].Stages[config.StageExtraction] = config.StageStatus{Reason: reason, Message: message, HTTPStatus: status}
	}
}

const unverified = "the new index could not be verified: 3 of 10 chunks are not found by their first sentences; the first is of " +
	"papers/turbine.pdf, page 3; see that the embedding model and the vector store work, and build the generation again"

// retired is a run whose embedding model is gone.
var retired = &Run{State: RunFailed, Generation: first, Finished: noon,
	Summary: &config.Summary{Error: `embedding model "nvidia/embed" has been retired (HTTP 410)`, Reason: config.ModelRetired}}

// retains keeps the first generation for a way back, since the second replaced it; run is its newest upkeep.
func retains(runs bool, run *Run) func(*world) {
	return func(w *world) {
		w.o.Retained = []Retained{{Generation: first, Replaced: noon, Until: noon.Add(24 * time.Hour), EmbeddingModel: "nvidia/embed", Runs: runs, Run: run}}
		w.o.Upkeep = nil
		if run != nil && run.State == RunActive {
			w.o.Upkeep = run
		}
	}
}

// The API server's words on pods that it refuses.
const (
	exceededQuota    = `pods "papers-gateway-5f7c-x2k9p" is forbidden: exceeded quota: compute, requested: limits.memory=1Gi, used: limits.memory=4Gi, limited: limits.memory=4Gi`
	policyDenied     = `create Pod papers-weaviate-0 in StatefulSet papers-weaviate failed error: pods "papers-weaviate-0" is forbidden: ValidatingAdmissionPolicy 'team' with binding 'team' denied request: every pod needs the label team`
	beyondLimitRange = `Error creating: pods "papers-ingest-5d0c-x7k2p" is forbidden: maximum memory usage per Container is 2Gi, but limit is 3Gi`
)

// refused leaves a component without pods, because the API server refuses them.
func refused(name, message string) func(*world) {
	return func(w *world) {
		w.component(name, func(c *Component) { c.Ready, c.Pods, c.Current, c.Refused = 0, nil, false, message })
	}
}
