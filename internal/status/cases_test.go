package status

import (
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// step changes the world, and then lets the operator observe it, some time after the step before.
type step struct {
	after  time.Duration
	change []func(*world)
}

func at(after time.Duration, change ...func(*world)) step { return step{after, change} }

// testCase is a history, and how GitOps tools are to read its end. testdata/status.txt has the
// conditions.
type testCase struct {
	name    string
	steps   []step
	kstatus string
	argo    string
}

// The histories start here.
var (
	applied  = at(0)
	built    = at(time.Minute, created)
	running1 = at(time.Minute, up)
	served1  = at(2*time.Minute, serves)
)

func history(steps ...step) []step { return steps }

// fromStart is a history of a pipeline that was just applied, fromReady of one that serves.
func fromStart(steps ...step) []step { return append([]step{applied, built}, steps...) }
func fromReady(steps ...step) []step {
	return append([]step{applied, built, running1, served1}, steps...)
}

const (
	inProgress, current, failed            = "InProgress", "Current", "Failed"
	progressing, healthy, degraded, paused = "Progressing", "Healthy", "Degraded", "Suspended"
)

var cases = []testCase{
	// From apply to the first answer.
	{"just applied", history(applied), inProgress, progressing},
	{"everything is starting", fromStart(), inProgress, progressing},
	{"the models run and the run is about to begin", fromStart(running1), inProgress, progressing},
	{"the first index is being built", fromStart(running1, at(time.Minute, indexes)), inProgress, progressing},
	{"a long first build is not stalled", fromStart(running1, at(time.Minute, indexes), at(5*time.Hour)), inProgress, progressing},
	{"the index is built and the gateway not ready yet", fromStart(at(time.Minute, serves, notReadyYet)), inProgress, progressing},
	{"everything is ready", fromReady(), current, healthy},
	{"the first Ready needs the reranking model despite Degrade", fromStart(running1, at(time.Minute, serves, rerankerUnreachable)), inProgress, progressing},

	// Faults that may clear by themselves: Reconciling, and Stalled once they have lasted too long.
	{"an API key is missing from the start", fromStart(at(time.Minute, missing("Secret", "hosted", "spec.models.llm.endpoint.secretRef", naming.ComponentLLM))), inProgress, progressing},
	{"an API key is deleted while the model still answers", fromReady(at(time.Minute, missing("Secret", "hosted", "spec.models.llm.endpoint.secretRef", naming.ComponentLLM))), inProgress, progressing},
	{"a source ConfigMap is missing from the start", fromStart(running1, at(time.Minute, missing("ConfigMap", "papers", "spec.documents[0].configMap.name", naming.ComponentIngest))), inProgress, progressing},
	{"a source ConfigMap is missing for eleven minutes", fromStart(running1, at(time.Minute, missing("ConfigMap", "papers", "spec.documents[0].configMap.name", naming.ComponentIngest)), at(11*time.Minute)), failed, degraded},
	{"a source claim is missing while the old index serves", fromReady(at(time.Minute, missing("PersistentVolumeClaim", "papers", "spec.documents[0].persistentVolumeClaim.claimName", naming.ComponentIngest))), inProgress, progressing},
	{"a StorageClass is missing", fromStart(at(time.Minute, missing("StorageClass", "fast", "spec.vectorStore.weaviate.storage.storageClassName", naming.ComponentWeaviate))), inProgress, progressing},
	{"the claim of a model cache is missing", fromStart(at(time.Minute, missing("PersistentVolumeClaim", "models", "spec.models.embedding.nim.cache.claimName", naming.ComponentEmbedding))), inProgress, progressing},
	{"a model keeps ending with a cache that it can only read", fromStart(at(time.Minute, sharedCache, down(naming.ComponentEmbedding, pod(waits("CrashLoopBackOff", "back-off 5m0s"), ended("Error", 1, time.Second))))), inProgress, progressing},
	{"the volume of the store grows", fromReady(at(time.Minute, resizes(growing))), inProgress, progressing},
	{"the volume of the store has grown", fromReady(at(time.Minute, resizes(growing)), at(time.Minute, resizes())), current, healthy},
	{"the volume of the store does not come to grow", fromReady(at(time.Minute, resizes(growing)), at(11*time.Minute)), failed, degraded},
	{"the file systems of three replicas are still to grow", fromReady(at(time.Minute, resizes(remounting("0"), remounting("1"), remounting("2")))), inProgress, progressing},
	{"the API server refuses a larger volume", fromReady(at(time.Minute, resizes(growing, refusedVolume))), failed, degraded},
	{"the API server refuses a larger volume of a store that does not start", fromReady(at(time.Minute, resizes(growing, refusedVolume), down(naming.ComponentWeaviate, pod(waits("CrashLoopBackOff", "back-off 5m0s"), ended("Error", 1, time.Second))))), inProgress, progressing},
	{"the driver cannot expand a model's volume", fromReady(at(time.Minute, resizes(failedVolume))), inProgress, progressing},
	{"a volume is larger than the spec says", fromReady(at(time.Minute, resizes(largerVolume))), current, healthy},
	{"the certificates of authorities are missing from their ConfigMap", fromStart(running1, at(time.Minute, withoutKey)), inProgress, progressing},
	{"the gateway ends over its certificate", fromReady(at(time.Minute, wrongCertificate)), inProgress, progressing},
	{"the Secret of the gateway's callers is missing", fromReady(at(time.Minute, missing("Secret", "clients", "spec.gateway.auth.secretName", naming.ComponentGateway))), inProgress, progressing},
	{"no node has a GPU free", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(unscheduled(noGPU))))), inProgress, progressing},
	{"no node has a GPU free for longer than startupTimeout", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(unscheduled(noGPU)))), at(29*time.Minute), at(2*time.Minute)), failed, degraded},
	{"a GPU was added after the pipeline stalled for it", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(unscheduled(noGPU)))), at(31*time.Minute), at(time.Minute, created)), inProgress, progressing},
	{"no node has enough memory, and some have a taint", fromStart(at(time.Minute, down(naming.ComponentWeaviate, pod(unscheduled("0/3 nodes are available: 2 node(s) had untolerated taint {gpu: yes}, 1 Insufficient memory. preemption: not helpful."))))), inProgress, progressing},
	{"the scheduler says something new", fromStart(at(time.Minute, down(naming.ComponentWeaviate, pod(unscheduled("no nodes available to schedule pods"))))), inProgress, progressing},
	{"a volume is not bound", fromStart(at(time.Minute, down(naming.ComponentWeaviate, pod(unscheduled(noVolume))))), inProgress, progressing},
	{"an image cannot be pulled", fromStart(at(time.Minute, down(naming.ComponentReranking, pod(waits("ImagePullBackOff", "Back-off pulling image"))))), inProgress, progressing},
	{"the operator's image cannot be pulled", fromStart(at(time.Minute, down(naming.ComponentGateway, pod(waits("ErrImagePull", "rpc error: code = 12"))))), inProgress, progressing},
	{"a container ends again and again", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(waits("CrashLoopBackOff", "back-off 5m0s"), ended("Error", 3, time.Second))))), inProgress, progressing},
	{"a container has ended and runs again", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(running(1), ended("Error", 3, time.Second))))), inProgress, progressing},
	{"a quota refuses the gateway's pods", fromStart(at(time.Minute, refused(naming.ComponentGateway, exceededQuota))), inProgress, progressing},
	{"a policy refuses the store's pods, and the gateway serves", fromReady(at(time.Minute, edit, refused(naming.ComponentWeaviate, policyDenied))), inProgress, progressing},
	{"a limit range refuses the run's pods for a long time", fromStart(running1, at(time.Minute, func(w *world) {
		w.o.Run = &Run{State: RunActive, Generation: first, Refused: beyondLimitRange}
	}), at(11*time.Minute)), failed, degraded},
	{"the vector store is out of memory", fromReady(at(time.Minute, down(naming.ComponentWeaviate, pod(waits("CrashLoopBackOff", ""), ended("OOMKilled", 137, time.Minute))))), inProgress, progressing},
	{"a container's Secret is missing", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(waits("CreateContainerConfigError", `secret "ngc" not found`))))), inProgress, progressing},
	{"a Secret lacks the key", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(waits("CreateContainerConfigError", "couldn't find key NGC_API_KEY in Secret default/ngc"))))), inProgress, progressing},
	{"a container cannot be made", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(waits("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"))))), inProgress, progressing},
	{"a pod was evicted", fromReady(at(time.Minute, down(naming.ComponentEmbedding, evicted()))), inProgress, progressing},
	{"a model was killed by its startup probe", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(running(1), ended("Error", 137, 31*time.Minute))))), inProgress, progressing},
	{"a model has not started within startupTimeout", fromStart(at(31*time.Minute), at(time.Minute)), failed, degraded},
	{"of two bad pods the same one is told every time", fromStart(at(time.Minute, down(naming.ComponentEmbedding, pod(waits("ImagePullBackOff", "")), pod(unscheduled(noGPU))))), inProgress, progressing},
	{"the LLM answers 401", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelUnauthorized", `llm model "big" refused the API key; check secretRef (HTTP 401)`, 401))), inProgress, progressing},
	{"the reranker refuses every request from the start", fromStart(running1, at(time.Minute, indexes, stageFails(config.StageReranking, "ModelRejected", `reranking model "rank" rejected the request (HTTP 422, Validation): missing field texts`, 422))), inProgress, progressing},
	{"the LLM answers 401 before the first index", fromStart(running1, at(time.Minute, indexes, stageFails(config.StageLLM, "ModelUnauthorized", `llm model "big" refused the API key; check secretRef (HTTP 401)`, 401))), inProgress, progressing},
	{"the LLM answers 429", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelOverloaded", `llm model "big" is overloaded; send fewer questions at once or add replicas (HTTP 429)`, 429))), inProgress, progressing},
	{"the LLM answers 429 for eleven minutes", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelOverloaded", `llm model "big" is overloaded; send fewer questions at once or add replicas (HTTP 429)`, 429)), at(11*time.Minute), at(time.Hour)), failed, degraded},
	{"the LLM wants payment", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelUnpaid", `llm model "big" requires payment or an entitlement for this key (HTTP 402)`, 402))), inProgress, progressing},
	{"the LLM cannot be reached", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelUnreachable", `llm model "big" cannot be reached; check its url and that it runs: no such host`, 0))), inProgress, progressing},
	{"the LLM's certificate is not trusted", fromReady(at(time.Minute, untrusted)), inProgress, progressing},
	{"the LLM's certificate is not signed by the authority that is named", fromReady(at(time.Minute, untrusted, authorities)), inProgress, progressing},
	{"the certificate of the embedding model's sidecar is not trusted", fromReady(at(time.Minute, stageFails(config.StageEmbedding, config.ModelUnreachable, `embedding model "nvidia/embed" cannot be reached; check its url and that it runs: its certificate is not trusted: it has expired, or is not valid yet`, 0))), inProgress, progressing},
	{"the store's certificate is not trusted", fromReady(at(time.Minute, stageFails(config.StageIndex, config.IndexUnreachable, untrustedStore, 0))), inProgress, progressing},
	{"the certificate of an external store is not trusted", fromReady(at(time.Minute, external, stageFails(config.StageIndex, config.IndexUnreachable, untrustedStore, 0))), inProgress, progressing},
	{"the LLM is up again", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelUnreachable", "x", 0)), at(time.Minute, serves)), current, healthy},
	{"the self-hosted embedding model refuses the key", fromReady(at(time.Minute, stageFails(config.StageEmbedding, "ModelUnauthorized", `embedding model "nvidia/embed" refused the API key; check secretRef (HTTP 401)`, 401))), inProgress, progressing},
	{"a gateway pod fails to reach the LLM and another does not", fromReady(at(time.Minute, twoGateways, func(w *world) {
		w.o.Gateways[1].Stages[config.StageLLM] = config.StageStatus{Reason: "ModelUnreachable", Message: `llm model "big" cannot be reached; check its url and that it runs`}
	})), inProgress, progressing},
	{"the embedding model is down and the gateway has not noticed", fromReady(at(time.Minute, down(naming.ComponentEmbedding, pod(running(0))))), inProgress, progressing},
	{"one of two replicas is down", fromReady(at(time.Minute, func(w *world) {
		w.component(naming.ComponentEmbedding, func(c *Component) {
			c.Replicas, c.Pods = 2, append(c.Pods, pod(waits("CrashLoopBackOff", ""), ended("Error", 1, time.Second)))
		})
	})), inProgress, progressing},
	{"the gateway accepts questions, and the cluster does not lead them to it yet", fromStart(running1, at(time.Minute, serves, replicas(naming.ComponentGateway, 0, 1))), inProgress, progressing},
	{"the gateway goes on, and the cluster counts it as not available", fromReady(at(time.Minute, replicas(naming.ComponentGateway, 0, 1))), current, healthy},
	{"the last of three replicas of the store is starting", fromReady(at(time.Minute, replicas(naming.ComponentWeaviate, 2, 3))), inProgress, progressing},
	{"the last of three replicas of the store does not start", fromReady(at(time.Minute, replicas(naming.ComponentWeaviate, 2, 3)), at(11*time.Minute)), failed, degraded},
	{"the last of three replicas of the store is ready", fromReady(at(time.Minute, replicas(naming.ComponentWeaviate, 2, 3)), at(time.Minute, replicas(naming.ComponentWeaviate, 3, 3))), current, healthy},
	{"an autoscaler has asked for more gateways", fromReady(at(time.Minute, replicas(naming.ComponentGateway, 1, 3), func(w *world) {
		w.component(naming.ComponentGateway, func(c *Component) { c.Autoscaled = true })
	})), current, healthy},
	{"one of two replicas of a model is starting that answers do without", fromReady(at(time.Minute, replicas(naming.ComponentReranking, 1, 2))), current, healthy},
	{"the vector store is unreachable", fromReady(at(time.Minute, stageFails(config.StageIndex, "IndexUnreachable", "search in Weaviate: the index cannot be reached", 0))), inProgress, progressing},
	{"the vector store refuses the key", fromReady(at(time.Minute, external, stageFails(config.StageIndex, "IndexUnauthorized", "search in Weaviate: the index refused the API key", 0))), inProgress, progressing},
	{"the index is gone", fromReady(at(time.Minute, stageFails(config.StageIndex, config.IndexNotBuilt, "the index is not built yet", 0))), inProgress, progressing},
	{"a stage gives a reason that is none", fromReady(at(time.Minute, stageFails(config.StageIndex, "not a reason", "boom\nboom", 0))), inProgress, progressing},
	{"the gateway was deleted", fromReady(at(time.Minute, func(w *world) {
		delete(w.o.Components, naming.ComponentGateway)
		w.o.Gateways = nil
	})), inProgress, progressing},
	{"the gateway shuts down", fromReady(at(time.Minute, func(w *world) { w.o.Gateways[0].Ready = false })), inProgress, progressing},
	{"the gateway crashes", fromReady(at(time.Minute, func(w *world) { w.o.Gateways = nil }, down(naming.ComponentGateway, pod(waits("CrashLoopBackOff", ""), ended("Error", 2, time.Second))))), inProgress, progressing},
	{"the API server does not take an object", fromReady(at(time.Minute, edit, problem("ApplyFailed", "Deployment papers-gateway: exceeded quota", false))), inProgress, progressing},
	{"a webhook refuses an object", fromReady(at(time.Minute, edit, problem("ApplyFailed", `apply Deployment papers-gateway: admission webhook "rules.example.com" denied the request: name an owner`+"\n"+`apply Service papers-gateway: admission webhook "rules.example.com" denied the request: name an owner`, false))), inProgress, progressing},
	{"a webhook does not answer", fromReady(at(time.Minute, edit, problem("ApplyFailed", `apply Deployment papers-gateway: Internal error occurred: failed calling webhook "rules.example.com": context deadline exceeded`, false))), inProgress, progressing},
	{"the API server finds an object invalid", fromReady(at(time.Minute, edit, problem("ApplyFailed", `apply Service papers-gateway: Service "papers-gateway" is invalid: spec.loadBalancerClass: may not be changed`, true))), failed, degraded},
	{"the API server does not take an object for eleven minutes", fromReady(at(time.Minute, edit, problem("ApplyFailed", "Deployment papers-gateway: exceeded quota", false)), at(11*time.Minute), at(time.Minute)), failed, degraded},

	// The route to the gateway, on which Ready does not depend.
	{"the route waits for a controller, and questions are answered", fromReady(at(time.Minute, edit, routed(Route{Exists: true}))), inProgress, progressing},
	{"no controller takes the route for eleven minutes", fromReady(at(time.Minute, edit, routed(Route{Exists: true})), at(11*time.Minute)), failed, degraded},
	{"the route is accepted", fromReady(at(time.Minute, edit, routed(Route{Exists: true, Parents: accepts("True", "True")}))), current, healthy},
	{"a Gateway refuses the route's hostnames", fromReady(at(time.Minute, edit, routed(Route{Exists: true, Parents: accepts("False", "True")}))), inProgress, progressing},
	{"a Gateway does not find the route's Service", fromReady(at(time.Minute, edit, routed(Route{Exists: true, Parents: accepts("True", "False")}))), inProgress, progressing},
	{"the cluster has no Gateway API", fromReady(at(time.Minute, edit, routed(Route{Unsupported: true}))), inProgress, progressing},
	{"the Ingress is about to be made", fromReady(at(time.Minute, edit, routed(Route{}), byIngress)), inProgress, progressing},
	{"the Ingress exists", fromReady(at(time.Minute, edit, routed(Route{Exists: true}), byIngress)), current, healthy},
	{"the IngressClass does not exist", fromReady(at(time.Minute, edit, routed(Route{Exists: true}), byIngress, missing("IngressClass", "nginx", "spec.gateway.route.ingress.className", naming.ComponentRoute))), inProgress, progressing},
	{"the Secret of the Ingress is missing before the first index", fromStart(running1, at(time.Minute, indexes, routed(Route{Exists: true}), byIngress, missing("Secret", "ask-tls", "spec.gateway.route.ingress.secretName", naming.ComponentRoute))), inProgress, progressing},

	// Faults that only the user can mend: Stalled at once.
	{"the spec cannot be", history(at(0, problem("ConfigurationError", "spec.documents[0].configMap.name: one source twice", true))), failed, degraded},
	{"the spec cannot be, and the old index serves", fromReady(at(time.Minute, edit, problem("ConfigurationError", "spec.documents[0].configMap.name: one source twice", true))), failed, degraded},
	{"a name is taken", fromStart(at(time.Minute, problem("NameTaken", "Service papers-gateway exists and is not this pipeline's: delete it, or rename the pipeline", true))), failed, degraded},
	{"the LLM answers 404", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelNotFound", `llm model "big" was not found at this url; check url and model (HTTP 404)`, 404))), failed, degraded},
	{"the LLM answers 410", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelRetired", `llm model "big" has been retired; name a current model (HTTP 410)`, 410))), failed, degraded},
	{"the LLM answers 410 before the first index", fromStart(running1, at(time.Minute, indexes, stageFails(config.StageLLM, "ModelRetired", `llm model "big" has been retired; name a current model (HTTP 410)`, 410))), failed, degraded},
	{"the user has named another LLM and the gateway rolls", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelRetired", `llm model "big" has been retired; name a current model (HTTP 410)`, 410)), at(time.Minute, edit, rolling(naming.ComponentGateway))), inProgress, progressing},
	{"the user has named another LLM and nothing is observed of it yet", fromReady(at(time.Minute, stageFails(config.StageLLM, "ModelRetired", `llm model "big" has been retired; name a current model (HTTP 410)`, 410)), at(time.Minute, edit, func(w *world) { w.o.SpecChanged = true })), inProgress, progressing},
	{"the user has corrected a failed run and nothing is observed of it yet", fromReady(at(time.Minute, failedRun(0, "", "x")), at(time.Minute, edit, func(w *world) { w.o.SpecChanged = true })), inProgress, progressing},
	{"the vectors do not fit the index", fromReady(at(time.Minute, stageFails(config.StageIndex, "DimensionMismatch", "vector has another number of dimensions than the index", 0))), failed, degraded},

	// Stages that are down under Degrade.
	{"the reranking model is down under Degrade", fromReady(at(time.Minute, rerankerUnreachable)), current, healthy},
	{"the reranking model is down under Degrade for an hour", fromReady(at(time.Minute, rerankerUnreachable), at(time.Hour)), current, healthy},
	{"the reranking model's pod is down under Degrade", fromReady(at(time.Minute, down(naming.ComponentReranking, pod(waits("CrashLoopBackOff", ""), ended("Error", 1, time.Second))))), current, healthy},
	{"the reranking model is retired under Degrade", fromReady(at(time.Minute, stageFails(config.StageReranking, "ModelRetired", `reranking model "nvidia/rerank" has been retired; name a current model (HTTP 410)`, 410))), failed, degraded},
	{"the reranking model is down under Fail", fromReady(at(time.Minute, func(w *world) { w.p.Spec.FailurePolicy.Reranking = "Fail" }, rerankerUnreachable)), inProgress, progressing},
	{"the LLM and the reranking model are down under Degrade", fromReady(at(time.Minute, func(w *world) { w.p.Spec.FailurePolicy.LLM = "Degrade" }, rerankerUnreachable, stageFails(config.StageLLM, "ModelTimedOut", `llm model "big" did not answer in time`, 0))), current, healthy},
	{"the gateway returns while the reranking model is down under Degrade", fromReady(
		at(time.Minute, rerankerUnreachable),
		at(time.Minute, rerankerUnreachable, func(w *world) { w.o.Gateways = nil }, down(naming.ComponentGateway, pod(running(0)))),
		at(time.Minute, serves, rerankerUnreachable)), current, healthy},
	{"the embedding model is down under Degrade", fromReady(at(time.Minute, func(w *world) { w.p.Spec.FailurePolicy.Embedding = "Degrade" }, stageFails(config.StageEmbedding, "ModelNotReady", `embedding model "nvidia/embed" is not ready yet; it is still loading (HTTP 503)`, 503))), current, healthy},
	{"the embedding model is another one behind the same name", fromReady(at(time.Minute, drifts)), failed, degraded},
	{"the embedding model is another one behind the same name under Degrade", fromReady(at(time.Minute, func(w *world) { w.p.Spec.FailurePolicy.Embedding = "Degrade" }, drifts)), failed, degraded},
	{"the embedding model is another one and there is no keyword retriever", fromReady(at(time.Minute, func(w *world) { w.p.Spec.FailurePolicy.Embedding, w.p.Spec.Retrieval.Mode = "Degrade", "Vector" }, drifts)), failed, degraded},
	{"the embedding model is the right one again", fromReady(at(time.Minute, drifts), at(time.Minute, serves)), current, healthy},
	{"a run finds another embedding model behind the same name", fromReady(at(time.Minute, failedRun(0, config.ModelDrifted, "the embedding model no longer gives the vectors that this index was built with"))), failed, degraded},
	{"the index is built anew for the model that is there now", fromReady(at(time.Minute, drifts), at(time.Minute, edit, rebuilds(40, 200))), inProgress, progressing},

	// Re-indexing.
	{"the next index is being built", fromReady(at(time.Minute, edit, rebuilds(40, 200))), inProgress, progressing},
	{"the next index waits for a GPU for its embedding model", fromReady(at(time.Minute, edit, rebuilds(0, 0), nextEmbedding(pod(unscheduled(noGPU))), runWaits)), inProgress, progressing},
	{"the next index waits for its embedding model to start", fromReady(at(time.Minute, edit, rebuilds(0, 0), nextEmbedding(pod(running(0))), runWaits)), inProgress, progressing},
	{"the re-index failed", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, failedRun(0, "AllDocumentsFailed", "every document failed: 3 of 3"))), failed, degraded},
	{"the failed re-index is tried again", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, failedRun(0, "AllDocumentsFailed", "every document failed: 3 of 3")), at(time.Minute, retriedRun)), failed, degraded},
	{"the re-index finds its model unknown", fromReady(at(time.Minute, edit, rebuilds(0, 0), func(w *world) {
		w.o.Run.Reports[0].Stages = map[config.Stage]config.StageStatus{config.StageEmbedding: {Reason: "ModelNotFound", Message: `embedding model "x" was not found at this url; check url and model (HTTP 404)`}}
	})), failed, degraded},
	{"the gateway switches to the next index", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, switched, rolling(naming.ComponentGateway))), inProgress, progressing},
	{"the next index serves", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, switched, func(w *world) { w.o.Gateways = []config.OpsStatus{report(second, true)} })), current, healthy},
	{"documents have changed and a run updates the index", fromReady(at(time.Minute, func(w *world) {
		w.o.Run = &Run{State: RunActive, Generation: first, Reports: []config.OpsStatus{{Progress: &config.Progress{Phase: "Removing", DocumentsDone: 210, DocumentsTotal: 210}}}}
	})), inProgress, progressing},
	{"a long build stops for a run of the live index, for hours", fromReady(at(time.Minute, edit), at(time.Minute, rebuilds(40, 200)), at(2*time.Hour, stops), at(5*time.Hour)), inProgress, progressing},
	{"an upgrade makes a run due that waits for others, for hours", fromReady(at(time.Minute, queued), at(5*time.Hour)), inProgress, progressing},
	{"documents are read again after an upgrade", fromReady(at(time.Minute, queued), at(time.Hour, rereads)), inProgress, progressing},
	{"an update in place failed", fromReady(at(time.Minute, failedRun(0, "", "source \"papers\": connection reset"))), failed, degraded},
	{"the sources have become empty", fromReady(at(time.Minute, func(w *world) {
		w.o.Gateways[0].Index = config.IndexStatus{EmbeddingModel: "nvidia/embed", Dimensions: 1024, LastSync: noon}
	})), current, healthy},
	{"documents were only partly read", fromReady(at(time.Minute, partlyReads)), current, healthy},
	{"the reranking model is down under Degrade, and documents were only partly read", fromReady(at(time.Minute, partlyReads, rerankerUnreachable)), current, healthy},
	{"too many documents failed for a first index", fromStart(running1, at(time.Minute, atMost("5%"), failedRun(0, "TooManyFailed", tooMany))), inProgress, progressing},
	{"too many documents failed for a first index, for eleven minutes", fromStart(running1, at(time.Minute, atMost("5%"), failedRun(0, "TooManyFailed", tooMany)), at(11*time.Minute)), failed, degraded},
	{"too many documents failed for a first index, and another attempt has begun", fromStart(running1, at(time.Minute, indexes, atMost("5%"), func(w *world) {
		w.o.Run.Summary = &config.Summary{Error: tooMany, Reason: config.TooManyFailed}
	})), inProgress, progressing},
	{"the next index could not be verified", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, failedRun(0, "VerificationFailed", unverified))), failed, degraded},
	{"the next index serves, and the one before is retained", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, switched, retains(true, nil))), current, healthy},
	{"the one before is brought up to date", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, switched, retains(true, &Run{State: RunActive, Generation: first}))), current, healthy},
	{"the one before cannot be brought up to date", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, switched, retains(false, retired))), current, healthy},
	{"that is remembered while another attempt runs", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, switched, retains(false, retired)),
		at(time.Minute, retains(false, &Run{State: RunActive, Generation: first, Retry: 1}))), current, healthy},
	{"too many documents failed for the next index", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, atMost("5%"), failedRun(0, "TooManyFailed", tooMany))), failed, degraded},
	{"too many documents failed for the next index, and another attempt has begun", fromReady(at(time.Minute, edit, rebuilds(40, 200), atMost("5%"), func(w *world) {
		w.o.Run.Summary = &config.Summary{Error: tooMany, Reason: config.TooManyFailed}
	})), failed, degraded},
	{"more documents may fail, and the next index serves", fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, atMost("5%"), failedRun(0, "TooManyFailed", tooMany)),
		at(time.Minute, edit, atMost("10%"), rebuilds(200, 200)), at(time.Minute, switched, func(w *world) { w.o.Gateways = []config.OpsStatus{report(second, true)} })), current, healthy},
	{"most documents of a source have vanished", fromReady(at(time.Minute, holdsBack(40, 0))), current, healthy},
	{"most documents of several sources have vanished", fromReady(at(time.Minute, holdsBack(40, 12))), current, healthy},
	{"someone has confirmed that the documents are to go", fromReady(at(time.Minute, holdsBack(40, 0)), at(time.Minute, holdsBack(0, 0))), current, healthy},
	{"a source of the live index cannot be listed", fromReady(at(time.Minute, holdsBack(0, 0), failedRun(0, "SourcesIncomplete", `not every source could be listed: source "papers": permission denied`))), failed, degraded},
	{"that source can be listed again", fromReady(at(time.Minute, failedRun(0, "SourcesIncomplete", `not every source could be listed: source "papers": permission denied`)), at(time.Minute, updated)), current, healthy},
	{"a removal is not proved", fromReady(at(time.Minute, failedRun(0, "RemovalUnproved", unproved))), inProgress, progressing},
	{"a removal is not proved, and the next attempt has begun", fromReady(at(time.Minute, failedRun(0, "RemovalUnproved", unproved)), at(time.Minute, retriedRun)), inProgress, progressing},
	{"a removal is not proved for eleven minutes", fromReady(at(time.Minute, failedRun(0, "RemovalUnproved", unproved)), at(11*time.Minute)), failed, degraded},
	{"the removal is proved at last", fromReady(at(time.Minute, failedRun(0, "RemovalUnproved", unproved)), at(11*time.Minute), at(time.Minute, updated)), current, healthy},
	{"too many documents fail in the live index", fromReady(at(time.Minute, edit, atMost("1"), partlyReads)), current, healthy},
	{"as many documents fail as may", fromReady(at(time.Minute, edit, atMost("2"), partlyReads)), current, healthy},
	{"there are no documents", fromStart(running1, at(time.Minute, failedRun(0, "NoDocuments", "there are no documents: the sources are empty, or their include and exclude admit nothing"))), inProgress, progressing},
	{"there are no documents, and after eleven minutes of retries still none", fromStart(running1,
		at(time.Minute, failedRun(0, "NoDocuments", "there are no documents: the sources are empty")), at(time.Minute, retriedRun),
		at(10*time.Minute, failedRun(1, "NoDocuments", "there are no documents: the sources are empty"))), failed, degraded},
	{"a source cannot be listed", fromStart(running1, at(time.Minute, failedRun(0, "SourcesIncomplete", `not every source could be listed: source "papers": permission denied`))), inProgress, progressing},
	{"an attempt of the first run failed and the next has begun", fromStart(running1, at(time.Minute, func(w *world) {
		w.o.Run = &Run{State: RunActive, Generation: first, Summary: &config.Summary{Error: "no space left for the index", Reason: ""}, Reports: []config.OpsStatus{{Progress: &config.Progress{Phase: "Listing"}}}}
	})), inProgress, progressing},
	{"an attempt of the first run failed and the next gets on", fromStart(running1, at(time.Minute, indexes, func(w *world) {
		w.o.Run.Summary = &config.Summary{Error: "no space left for the index"}
	})), inProgress, progressing},
	{"the first run failed without a word", fromStart(running1, at(time.Minute, func(w *world) { w.o.Run = &Run{State: RunFailed, Generation: first} })), inProgress, progressing},
	{"the ingestion's pod is out of memory", fromStart(running1, at(time.Minute, func(w *world) {
		w.o.Run = &Run{State: RunFailed, Generation: first, Pods: podsOf(pod(ended("OOMKilled", 137, time.Minute)))}
	})), inProgress, progressing},
	{"the ingestion's pod fits on no node", fromStart(running1, at(time.Minute, func(w *world) {
		w.o.Run = &Run{State: RunActive, Generation: first, Pods: podsOf(pod(unscheduled("0/1 nodes are available: 1 Insufficient cpu.")))}
	})), inProgress, progressing},
	{"ingestion finds the embedding model overloaded", fromStart(running1, at(time.Minute, indexes, func(w *world) {
		w.o.Gateways = nil
		w.o.Run.Reports[0].Stages[config.StageEmbedding] = config.StageStatus{Reason: "ModelOverloaded", Message: `embedding model "nvidia/embed" is overloaded; send fewer questions at once or add replicas (HTTP 429)`}
	})), inProgress, progressing},

	// Rollouts.
	{"the gateway rolls", fromReady(at(time.Minute, edit, rolling(naming.ComponentGateway))), inProgress, progressing},
	{"the gateway's new pod has not asked the LLM yet", fromReady(at(time.Minute, edit, func(w *world) { delete(w.o.Gateways[0].Stages, config.StageLLM) })), current, healthy},
	{"the gateway's new pod cannot be pulled", fromReady(at(time.Minute, edit, rolling(naming.ComponentGateway, pod(waits("ImagePullBackOff", ""))))), inProgress, progressing},
	{"the gateway's rollout does not end", fromReady(at(time.Minute, edit, rolling(naming.ComponentGateway)), at(11*time.Minute), at(time.Minute)), failed, degraded},

	// The extraction server, which is not part of Ready.
	{"no document has needed the extraction server", fromReady(at(time.Minute, edit, endpointExtracts)), current, healthy},
	{"a run cannot reach the extraction server", fromReady(at(time.Minute, edit, endpointExtracts), at(time.Minute, extractionFails("ModelUnreachable", `extraction server "Tika" cannot be reached; check its url and that it runs: connection refused`, 0))), inProgress, progressing},
	{"a run has not reached the extraction server", fromReady(at(time.Minute, edit, endpointExtracts), at(time.Minute, extractionFails("ModelUnreachable", `extraction server "Tika" cannot be reached; check its url and that it runs: connection refused`, 0)), at(time.Minute, endpointExtracts)), current, healthy},
	{"a run reaches the extraction server again", fromReady(at(time.Minute, edit, endpointExtracts), at(time.Minute, extractionFails("ModelUnreachable", "x", 0)), at(time.Minute, endpointExtracts), at(time.Minute, extracts), at(time.Minute, endpointExtracts)), current, healthy},
	{"the extraction server refuses the key", fromReady(at(time.Minute, edit, endpointExtracts), at(time.Minute, extractionFails("ModelUnauthorized", `extraction server "Tika" refused the API key; check secretRef (HTTP 401)`, 401))), inProgress, progressing},
	{"the extraction server is not at its url", fromReady(at(time.Minute, edit, endpointExtracts), at(time.Minute, extractionFails("ModelNotFound", `extraction server "Tika" was not found at this url; check url and model (HTTP 404)`, 404))), failed, degraded},
	{"a short run could not use the extraction server", fromReady(at(time.Minute, edit, endpointExtracts, func(w *world) {
		w.o.Gateways[0].Index.Reasons = map[config.Reason]int{config.ServerFailed: 2}
	})), current, healthy},
	{"the key of the extraction server is missing", fromReady(at(time.Minute, edit, endpointExtracts, missing("Secret", "tika", "spec.extraction.server.endpoint.secretRef", naming.ComponentExtraction))), inProgress, progressing},
	{"a Tika is starting", fromReady(at(time.Minute, edit, tikaExtracts, down(naming.ComponentExtraction, pod(running(0))))), current, healthy},
	{"a Tika runs", fromReady(at(time.Minute, edit, tikaExtracts)), current, healthy},
	{"a Tika cannot be pulled", fromReady(at(time.Minute, edit, tikaExtracts, down(naming.ComponentExtraction, pod(waits("ImagePullBackOff", ""))))), current, healthy},
	{"a Tika is out of memory", fromReady(at(time.Minute, edit, tikaExtracts, down(naming.ComponentExtraction, pod(waits("CrashLoopBackOff", ""), ended("OOMKilled", 137, time.Minute))))), current, healthy},

	// Reports that the operator cannot read.
	{"the gateway's report cannot be read", fromReady(at(time.Minute, unreadable)), inProgress, progressing},
	{"the gateway's report cannot be read and the store is down", fromReady(at(time.Minute, unreadable, down(naming.ComponentWeaviate, pod(running(0))))), inProgress, progressing},
	{"the gateway's certificate is not trusted", fromReady(at(time.Minute, unreadable, func(w *world) {
		w.o.Unreadable = "its certificate is not trusted: certificate signed by unknown authority"
	})), inProgress, progressing},
	{"one of two reports cannot be read", fromReady(at(time.Minute, func(w *world) { w.o.Unreadable = "the connection is refused" })), current, healthy},
	{"the gateway's report can be read again", fromReady(at(time.Minute, unreadable), at(time.Minute, serves, func(w *world) { w.o.Unreadable = "" })), current, healthy},
	{"the gateway's report was never readable", fromStart(running1, at(time.Minute, serves, unreadable)), inProgress, progressing},

	// Pipelines with other components.
	{"retrieval only, by keyword, with everything hosted", fromReady(at(time.Minute, hosted)), current, healthy},
	{"hosted models that nobody has asked yet", history(applied, at(time.Minute, hosted, func(w *world) { w.o.Components = map[string]Component{} })), inProgress, progressing},
	{"a model that is not to be probed", fromReady(at(time.Minute, hosted, func(w *world) {
		w.p.Spec.Models.LLM = &v1LLM
	})), current, healthy},
	{"stand-in models", fromReady(at(time.Minute, standIns)), current, healthy},

	// Suspended.
	{"suspended while it serves", fromReady(at(time.Minute, suspend)), current, paused},
	{"suspended while the LLM is down", fromReady(at(time.Minute, suspend, stageFails(config.StageLLM, "ModelTimedOut", `llm model "big" did not answer in time`, 0))), inProgress, paused},
	{"suspended before anything was made", history(at(0, suspend)), inProgress, paused},
	{"resumed", fromReady(at(time.Minute, suspend), at(time.Minute, edit, func(w *world) { w.p.Spec.Suspend = false })), current, healthy},
}
