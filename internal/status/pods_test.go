package status

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestWhatTheSchedulerSays(t *testing.T) {
	w := newWorld()
	model, store := modelSubject(w.p, config.StageLLM, Component{}), storeSubject(w.p)
	shared := model
	shared.claim = "spec.models.llm.nim.cache.claimName"
	two := func(p *corev1.Pod) {
		p.Spec.Containers[0].Resources.Limits = corev1.ResourceList{"nvidia.com/gpu": resource.MustParse("2"), "nvidia.com/mig-1g.10gb": resource.MustParse("1")}
	}
	for _, c := range []struct {
		name    string
		subject subject
		message string
		want    string // the reason, and how the message begins
	}{
		{"two GPUs", model, "0/2 nodes are available: 2 Insufficient nvidia.com/gpu.",
			"InsufficientGPU the LLM is waiting for 2 nvidia.com/gpu, which no node has free (2 nodes: 2 insufficient nvidia.com/gpu); "},
		{"a slice of a GPU", model, "0/1 nodes are available: 1 Insufficient nvidia.com/mig-1g.10gb. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.",
			"InsufficientGPU the LLM is waiting for 1 nvidia.com/mig-1g.10gb, which no node has free (1 node: "},
		{"some nodes lack GPUs, some admit nobody", model, "0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: x}, 1 node(s) were unschedulable, 1 Insufficient nvidia.com/gpu.",
			"InsufficientGPU the LLM is waiting for 2 nvidia.com/gpu, which no node has free (3 nodes: 1 insufficient nvidia.com/gpu, 1 node(s) had untolerated taint {dedicated: x}, 1 node(s) were unschedulable)"},
		{"memory", store, "0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: not helpful.",
			"Unschedulable no node fits the vector store (1 node: 1 insufficient memory); "},
		{"selectors", store, "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.",
			"Unschedulable no node fits the vector store (1 node: 1 node(s) didn't match Pod's node affinity/selector); "},
		{"a claim that no one binds", store, "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found.", "VolumeNotBound the vector store is waiting for a volume"},
		{"a volume bound late", store, "0/1 nodes are available: 1 node(s) didn't find available persistent volumes to bind.", "VolumeNotBound the vector store is waiting for a volume"},
		{"a cache of others that no one binds", shared, "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
			"VolumeNotBound the LLM is waiting for a volume that is not bound; see why the claim that spec.models.llm.nim.cache.claimName names is not bound, or name another one"},
		{"a claim that is not there", store, `0/1 nodes are available: persistentvolumeclaim "data-papers-weaviate-0" not found.`, "VolumeNotBound the vector store is waiting for a volume"},
		{"no word at all", store, "", "Unschedulable no node fits the vector store; "},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, found := podFault(c.subject, podsOf(pod(two, unscheduled(c.message))))
			if got := f.reason + " " + f.message; !found || !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if strings.Contains(f.message, "papers-weaviate-0") {
				t.Errorf("the message %q holds a generated name", f.message)
			}
		})
	}
}

// A program of a source has a container of its own in the run's pod, and fields of its own to correct.
func TestFaultsOfASourcesProgram(t *testing.T) {
	w := newWorld()
	w.p.Spec.Documents = []v1alpha1.Source{
		{Name: "pages", ConfigMap: &v1alpha1.ConfigMapSource{Name: "pages"}},
		{Name: "drive", Container: &v1alpha1.ContainerSource{Image: "example/fetch:1"}},
	}
	program := func(state corev1.ContainerState) corev1.Pod {
		p := pod()
		p.Spec.InitContainers = []corev1.Container{{Name: "source-drive", Image: "example/fetch:1", Resources: corev1.ResourceRequirements{
			Limits: corev1.ResourceList{"memory": resource.MustParse("1Gi")}}}}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "source-drive", State: state}}
		p.Status.ContainerStatuses = nil
		return p
	}
	over := pod()
	over.Status.Reason, over.Status.Message = "Evicted", `Usage of EmptyDir volume "source-drive" exceeds the limit "1Gi". `
	const field = "spec.documents[1].container"
	for name, c := range map[string]struct {
		pod  corev1.Pod
		want string
	}{
		"it fails, and its command is not known": {
			program(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 4, Reason: "Error"}}),
			`SourcesIncomplete the program of source "drive" ended with exit code 4, and nothing was ingested; see its log ` +
				"(kubectl logs -l ragpipeline.io/pipeline=papers,app.kubernetes.io/component=ingest -c source-drive), and set " + field + ".command"},
		"it takes too much memory": {
			program(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}}),
			`OutOfMemory the program of source "drive" was killed at its memory limit of 1Gi; raise ` + field + ".resources.limits.memory"},
		"its image is not there": {
			program(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}),
			`ImagePullFailed the image example/fetch:1 of the program of source "drive" cannot be pulled; check ` + field + ".image and .pullSecrets"},
		"it writes too much": {over, `SourcesIncomplete the program of source "drive" wrote more than ` + field + ".size allows"},
	} {
		t.Run(name, func(t *testing.T) {
			f, found := podFault(ingestSubject(w.p), podsOf(c.pod))
			if got := f.reason + " " + f.message; !found || !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// The sidecar for TLS has the operator's image: the fields of the server behind it do not help.
func TestFaultsOfTheSidecarForTLS(t *testing.T) {
	sidecar := func(state corev1.ContainerState) corev1.Pod {
		p := pod()
		p.Spec.InitContainers = []corev1.Container{{Name: "tls", Image: "example/ragpipeline:1"}}
		p.Spec.InitContainers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: "tls", State: state}}
		p.Status.ContainerStatuses = nil
		return p
	}
	for name, c := range map[string]struct {
		pod  corev1.Pod
		want string
	}{
		"its image is not there": {
			sidecar(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}),
			"ImagePullFailed the image example/ragpipeline:1 of the sidecar for TLS of the vector store cannot be pulled; it is the operator's own image"},
		"it ends": {
			sidecar(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}}),
			"CrashLoopBackOff the sidecar for TLS of the vector store keeps crashing (last exit code 2); see its log " +
				"(kubectl logs -l ragpipeline.io/pipeline=papers,app.kubernetes.io/component=weaviate -c tls --previous)"},
		"it has no memory left": {
			sidecar(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}}),
			"OutOfMemory the sidecar for TLS of the vector store was killed at its memory limit of 256Mi; the operator sets that " +
				"limit, for thousands of connections: see who opens so many (kubectl logs -l "},
	} {
		t.Run(name, func(t *testing.T) {
			f, found := podFault(storeSubject(newWorld().p), podsOf(c.pod))
			if got := f.reason + " " + f.message; !found || !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// The gateway's termination message tells what is wrong with its certificate.
func TestFaultsOfTheGatewaysCertificate(t *testing.T) {
	const crashes, unusable = "CrashLoopBackOff the gateway keeps crashing (last exit code 2); see its log (kubectl logs -l ",
		`CertificateUnusable the gateway cannot use Secret "gateway-tls" of spec.gateway.tls: `
	for name, c := range map[string]struct {
		tls           bool
		reason, leave string
		want          string
	}{
		"the key is of another certificate": {true, "Error", "tls: private key does not match public key\n",
			unusable + "tls: private key does not match public key; correct the Secret"},
		"an entry is missing": {true, "Error", "open /tls/tls.key: no such file or directory",
			unusable + "open /tls/tls.key: no such file or directory; correct the Secret"},
		"it ends over something else":   {true, "Error", "", crashes},
		"it has no memory left":         {true, "OOMKilled", "tls: old", "OutOfMemory the gateway was killed at its memory limit"},
		"the spec no longer has a name": {false, "Error", "tls: private key does not match public key", crashes},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if c.tls {
				w.p.Spec.Gateway.TLS = &v1alpha1.GatewayTLS{SecretName: "gateway-tls"}
			}
			p := pod(ended(c.reason, 2, time.Second))
			p.Status.ContainerStatuses[0].LastTerminationState.Terminated.Message = c.leave
			f, found := podFault(gatewaySubject(w.p), podsOf(p))
			if got := f.reason + " " + f.message; !found || !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestAPodThatIsAboutToEndIsNoCause(t *testing.T) {
	leaving := pod(waits("ImagePullBackOff", ""))
	leaving.DeletionTimestamp = new(leaving.CreationTimestamp)
	if f, found := podFault(storeSubject(newWorld().p), podsOf(leaving)); found {
		t.Errorf("got %+v", f)
	}
}

// A crashing container passes through three states, but has one cause.
func TestACrashLoopHasOneMessage(t *testing.T) {
	s := storeSubject(newWorld().p)
	over := func(p *corev1.Pod) {
		p.Status.ContainerStatuses[0].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}}
	}
	first, _ := podFault(s, podsOf(pod(over)))
	for name, p := range map[string]corev1.Pod{
		"it has ended again":       pod(ended("Error", 1, 0), over),
		"it waits to be started":   pod(ended("Error", 1, 0), waits("CrashLoopBackOff", "back-off 20s restarting failed container")),
		"it has started, and runs": pod(ended("Error", 1, 0), running(2)),
	} {
		if f, found := podFault(s, podsOf(p)); !found || f != first {
			t.Errorf("%s: got %+v, want %+v", name, f, first)
		}
	}
}

// The messages are the API server's own.
func TestRefusedPodsAreToldWithTheFieldThatHelps(t *testing.T) {
	w := newWorld()
	gateway := gatewaySubject(w.p) // before the spec names anything: that is in the operator's installation
	w.p.Spec.Pods = &v1alpha1.Pods{Pod: v1alpha1.Pod{ServiceAccountName: "mine", PriorityClassName: "stores"}, Components: []v1alpha1.ComponentPods{
		{Component: "Gateway", Pod: v1alpha1.Pod{PriorityClassName: "front"}}, {Component: "StandIn", Pod: v1alpha1.Pod{PriorityClassName: "trial"}},
	}}
	w.p.Spec.Models.Embedding.NIM.PriorityClassName = "gpu"
	store, run := storeSubject(w.p), ingestSubject(w.p)
	nim := modelSubject(w.p, config.StageEmbedding, Component{})
	w.p.Spec.Models.Reranking = &v1alpha1.Model{StandIn: &v1alpha1.StandIn{}}
	standIn := modelSubject(w.p, config.StageReranking, Component{}) // has no resources of its own to set
	for _, c := range []struct {
		subject       subject
		message, want string
	}{
		{store, `create Pod papers-weaviate-0 in StatefulSet papers-weaviate failed error: pods "papers-weaviate-0" is forbidden: exceeded quota: compute, requested: requests.memory=256Mi, used: requests.memory=0, limited: requests.memory=128Mi`,
			"the cluster refuses the pods of the vector store: exceeded quota: compute, requested: requests.memory=256Mi, used: requests.memory=0, limited: requests.memory=128Mi; raise the ResourceQuota, or lower spec.vectorStore.weaviate.resources"},
		{run, `Error creating: pods "papers-ingest-5d0c-" is forbidden: failed quota: compute: must specify limits.cpu for: ingest`,
			"the cluster refuses the pods of the ingestion run: failed quota: compute: must specify limits.cpu for: ingest; set them in spec.ingest.resources, which the ResourceQuota asks for"},
		{run, `Error creating: pods "papers-ingest-5d0c-x7k2p" is forbidden: maximum memory usage per Container is 1Gi, but limit is 3Gi`,
			"the cluster refuses the pods of the ingestion run: maximum memory usage per Container is 1Gi, but limit is 3Gi; set spec.ingest.resources to what the namespace's LimitRange allows"},
		{store, `pods "papers-weaviate-0" is forbidden: unable to validate against any security context constraint: [provider "restricted-v2": .spec.securityContext.fsGroup: Invalid value: []int64{65532}: 65532 is not an allowed group]`,
			"; set spec.pods.user to Cluster, so that the cluster chooses the user"},
		{store, `pods "papers-weaviate-0" is forbidden: no PriorityClass with name stores was found`,
			"; create the PriorityClass, or correct spec.pods.priorityClassName"},
		{nim, `pods "papers-embedding-x" is forbidden: no PriorityClass with name gpu was found`,
			"; create the PriorityClass, or correct spec.models.embedding.nim.priorityClassName"},
		{standIn, `pods "papers-stand-in-x" is forbidden: no PriorityClass with name trial was found`,
			"; create the PriorityClass, or correct spec.pods.components[1].priorityClassName"},
		{gateway, `pods "papers-gateway-x" is forbidden: no PriorityClass with name house was found`,
			"; create the PriorityClass, or correct operands.pods.priorityClassName of the operator's chart"},
		{nim, `pods "papers-embedding-x" is forbidden: pod rejected: RuntimeClass "nvidia" not found`,
			"; create the RuntimeClass, or correct spec.models.embedding.nim.runtimeClassName"},
		{standIn, `pods "papers-stand-in-x" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4`,
			"limited: pods=4; raise the ResourceQuota"},
		{standIn, `pods "papers-stand-in-x" is forbidden: failed quota: compute: must specify limits.cpu for: models`,
			"; set defaults for them by a LimitRange, which the ResourceQuota needs"},
		{store, `pods "papers-weaviate-0" is forbidden: error looking up service account rag/mine: serviceaccount "mine" not found`,
			"; create the service account, or correct spec.pods.serviceAccountName"},
		{store, `pods "papers-weaviate-0" is forbidden: ValidatingAdmissionPolicy 'team' with binding 'team' denied request: every pod needs the label team`,
			"ValidatingAdmissionPolicy 'team' with binding 'team' denied request: every pod needs the label team; give the pods what the policy asks for by spec.pods, or exempt the namespace"},
		{run, `Error creating: admission webhook "validate.example.com" denied the request: no`,
			`"validate.example.com" denied the request: no; give the pods what the policy asks for`},
		{run, `Error creating: Internal error occurred: failed calling webhook "validate.example.com": context deadline exceeded`,
			"context deadline exceeded; repair the webhook (kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations), or exempt the namespace"},
		{run, `pods "papers-ingest-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true`,
			"; relax the namespace's label pod-security.kubernetes.io/enforce, or correct spec.pods.user"},
		{run, `Error creating: Internal error occurred: etcdserver: request timed out`, "request timed out; see kubectl describe pods"},
		{nim, `pods "papers-embedding-x" is forbidden: exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, used: requests.nvidia.com/gpu=0, limited: requests.nvidia.com/gpu=0`,
			"; raise the ResourceQuota, or lower spec.models.embedding.nim.gpu"},
		{store, `create Claim data-papers-weaviate-0 for Pod papers-weaviate-0 in StatefulSet papers-weaviate failed error: persistentvolumeclaims "data-papers-weaviate-0" is forbidden: exceeded quota: claims, requested: persistentvolumeclaims=1, used: persistentvolumeclaims=2, limited: persistentvolumeclaims=2`,
			"the vector store: exceeded quota: claims, requested: persistentvolumeclaims=1, used: persistentvolumeclaims=2, limited: persistentvolumeclaims=2; raise the ResourceQuota, or delete claims that nobody uses"},
		{store, `create Pod papers-weaviate-0 in StatefulSet papers-weaviate failed error: failed to create PVC data-papers-weaviate-0: persistentvolumeclaims "data-papers-weaviate-0" is forbidden: exceeded quota: disk, requested: requests.storage=10Gi, used: requests.storage=0, limited: requests.storage=5Gi`,
			"the vector store: exceeded quota: disk, requested: requests.storage=10Gi, used: requests.storage=0, limited: requests.storage=5Gi; raise the ResourceQuota, or lower spec.vectorStore.weaviate.storage.size"},
		{store, `Create Claim data-papers-weaviate-0 for Pod papers-weaviate-0 in StatefulSet papers-weaviate failed error: persistentvolumeclaims "data-papers-weaviate-0" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 10Gi`,
			"; set spec.vectorStore.weaviate.storage.size to what the namespace's LimitRange allows"},
		{store, `pods "papers-weaviate-0" is forbidden: failed quota: compute: must specify limits.cpu for: tls`,
			"; set defaults for them by a LimitRange"},
		{store, `Pod "papers-weaviate-0" is invalid: spec.containers[0].resources.requests: Invalid value: "256Mi": must be less than or equal to memory limit of 128Mi`,
			"; the namespace's LimitRange sets a limit below what is requested: set both in spec.vectorStore.weaviate.resources"},
		{run, `Error creating: pods "papers-ingest-x" is forbidden: ValidatingAdmissionPolicy 'registries' with binding 'registries' denied request: images must come from registry.example.com`,
			"; install the operator with an image that the policy admits (image.repository or imageRegistry of its chart), or exempt the namespace"},
		{store, `admission webhook "validation.gatekeeper.sh" denied the request: [no-latest] container <weaviate> uses the tag latest`,
			"; name an image that the policy admits (spec.vectorStore.weaviate.image), or exempt the namespace"},
		{store, `admission webhook "validate.kyverno.svc-fail" denied the request: resource Pod/rag/papers-weaviate-0 was blocked due to the following policies: require-limits: validation error: memory limits are required`,
			"; set spec.vectorStore.weaviate.resources as the policy asks, or exempt the namespace"},
	} {
		component := Component{Refused: c.message}
		f, found := component.fault(c.subject)
		if !found || f.reason != v1alpha1.ReasonPodsRefused || !strings.Contains(f.message, c.want) {
			t.Errorf("got  %s\nwant %s", f.message, c.want)
		}
		if strings.Contains(f.message, "papers-weaviate-0") || strings.Contains(f.message, "papers-ingest-") {
			t.Errorf("%q names a pod, so it changes with each attempt", f.message)
		}
	}
}

// The messages are those of containerd and of registries, which the kubelet passes on.
func TestAnImageThatCannotBePulledIsToldWithItsCause(t *testing.T) {
	for message, want := range map[string]string{
		`Back-off pulling image "nvcr.io/nim/x:1": ErrImagePull: failed to resolve reference "nvcr.io/nim/x:1": failed to ` +
			`authorize: unexpected status from GET request to https://nvcr.io/proxy_auth?scope=x: 401 Unauthorized`: "cannot be pulled: the registry refuses access, or has no such image; check ",
		`failed to resolve reference "docker.io/library/x:9": pull access denied, repository does not exist or may require ` +
			`authorization: server message: insufficient_scope: authorization failed`: "cannot be pulled: the registry refuses access, or has no such image; ",
		`failed to resolve reference "ghcr.io/certificate/429:404": ghcr.io/certificate/429:404: not found`: "cannot be pulled: the registry has no such image; ",
		`failed to do request: Head "https://registry.example.com/v2/x/manifests/1": tls: failed to verify certificate: x509: ` +
			`certificate signed by unknown authority`: "cannot be pulled: the node does not trust the registry's certificate; ",
		`failed open: unexpected status code https://registry-1.docker.io/v2/library/x/manifests/sha256:0: 429 Too Many ` +
			`Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit`: "cannot be pulled: the registry limits how often it is asked; ",
		`failed to do request: Head "https://registry.example.com/v2/x/manifests/1": dial tcp: lookup registry.example.com: ` +
			`no such host`: "cannot be pulled: the node does not reach the registry; ",
		`failed to pull and unpack image "x": no match for platform in manifest: not found`: "cannot be pulled: it is not built for the node's architecture; ",
		`Back-off pulling image "x"`: "cannot be pulled; check spec.vectorStore.weaviate.image; ",
	} {
		f, found := podFault(storeSubject(newWorld().p), podsOf(pod(waits("ImagePullBackOff", message))))
		if !found || f.reason != v1alpha1.ReasonImagePullFailed || !strings.Contains(f.message, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", message, f.message, want)
		}
	}
}

// The messages are the kubelet's.
func TestAnEvictionIsToldWithTheResourceThatRanLow(t *testing.T) {
	for message, want := range map[string]string{
		"The node was low on resource: ephemeral-storage. Threshold quantity: 2Gi, available: 1536Mi. Container weaviate was using 700Mi. ": "its node ran low on ephemeral-storage; set spec.vectorStore.weaviate.resources.requests.ephemeral-storage to",
		"The node was low on resource: memory. ":   "its node ran low on memory; set spec.vectorStore.weaviate.resources.requests.memory to",
		"The node was low on resource: pids. ":     "its node ran low on pids; set spec.vectorStore.weaviate.resources.requests to",
		"The node had condition: [DiskPressure]. ": "its node ran low on resources; set spec.vectorStore.weaviate.resources.requests to",
	} {
		p := pod()
		p.Status.Phase, p.Status.Reason, p.Status.Message = corev1.PodFailed, "Evicted", message
		f, found := podFault(storeSubject(newWorld().p), podsOf(p))
		if !found || f.reason != v1alpha1.ReasonEvicted || !strings.Contains(f.message, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", message, f.message, want)
		}
	}
}
