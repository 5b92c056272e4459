package refusals_test

import "fmt"

// nim makes the embedding model a NIM.
const nim = `models: {embedding: {standIn: null, nim: {image: "nvcr.io/nim/nvidia/embed:1", model: nvidia/embed, gpu: {count: 1}%s}}}`

func quota(hard string) string {
	return `{apiVersion: v1, kind: ResourceQuota, metadata: {name: compute}, spec: {hard: {` + hard + `}}}`
}

func limits(item string) string {
	return `{apiVersion: v1, kind: LimitRange, metadata: {name: limits}, spec: {limits: [{` + item + `}]}}`
}

// policy refuses pods of the namespace of which the expression is false.
func policy(name, expression, message string) string {
	return `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: ` + name + `-NAMESPACE}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]}
  validations: [{expression: "` + expression + `", message: "` + message + `"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: ` + name + `-NAMESPACE}
spec:
  policyName: ` + name + `-NAMESPACE
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}}
`
}

// webhook is asked about objects of the namespace, and does not answer.
func webhook(kind, client, resources string) string {
	return `
apiVersion: admissionregistration.k8s.io/v1
kind: ` + kind + `WebhookConfiguration
metadata: {name: NAMESPACE}
webhooks:
- name: guard.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  timeoutSeconds: 1
  clientConfig: {` + client + `}
  rules: [{apiGroups: ["*"], apiVersions: ["*"], operations: [CREATE], resources: [` + resources + `]}]
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}}
`
}

const (
	missingService = `service: {namespace: guards, name: guard, path: /x}`
	silent         = `url: "https://SILENT/x"`
)

// stuck is an object of a pipeline that was there before.
func stuck(version, kind, more string) string {
	return `
apiVersion: ` + version + `
kind: ` + kind + `
metadata: {name: papers-gateway, labels: {app.kubernetes.io/managed-by: ragpipeline-operator, ragpipeline.io/pipeline: papers}, finalizers: [example.com/stuck]}
` + more
}

const store, gateway, embedding = "VectorStoreReady", "GatewayReady", "EmbeddingReady"

var cases = []struct {
	name              string
	objects, spec     string
	condition, reason string
	words             []string
}{
	{"quota of CPU", quota(`requests.cpu: 10m`), ``, store, "PodsRefused", []string{"exceeded quota: compute"}},
	{"quota of memory", quota(`limits.memory: 64Mi`), ``, gateway, "PodsRefused", []string{"exceeded quota"}},
	{"quota of pods", quota(`pods: 0`), ``, gateway, "PodsRefused", []string{"raise the ResourceQuota"}},
	{"quota of count/pods", quota(`count/pods: 0`), ``, gateway, "PodsRefused", []string{"raise the ResourceQuota"}},
	{"quota of GPUs", quota(`requests.nvidia.com/gpu: 0`), fmt.Sprintf(nim, ""), embedding, "PodsRefused", []string{"spec.models.embedding.nim.gpu"}},
	{"quota of CPU for a NIM", quota(`requests.cpu: 10m`), fmt.Sprintf(nim, ", resources: {requests: {cpu: 4}}"), embedding, "PodsRefused", []string{"spec.models.embedding.nim.resources"}},
	{"quota of Deployments", quota(`count/deployments.apps: 0`), ``, "Ready", "ApplyFailed", []string{"exceeded quota"}},
	{"quota of StatefulSets", quota(`count/statefulsets.apps: 0`), ``, "Ready", "ApplyFailed", []string{"exceeded quota"}},
	{"quota of Services", quota(`services: 0`), ``, "Ready", "ApplyFailed", []string{"exceeded quota"}},
	{"quota of load balancers", quota(`services.loadbalancers: 0`), `gateway: {service: {type: LoadBalancer}}`, "Ready", "ApplyFailed", []string{"exceeded quota"}},
	{"quota of Secrets", quota(`secrets: 0`), ``, "Ready", "ApplyFailed", []string{"exceeded quota"}},
	{"quota of ConfigMaps", quota(`count/configmaps: 1`), ``, "Ready", "ApplyFailed", []string{"exceeded quota"}},
	{"quota of claims", quota(`persistentvolumeclaims: 0`), ``, store, "PodsRefused", []string{"claims"}},
	{"quota of storage", quota(`requests.storage: 1Gi`), ``, store, "PodsRefused", []string{"spec.vectorStore.weaviate.storage.size"}},
	{"quota of a class's storage", quota(`fast.storageclass.storage.k8s.io/requests.storage: 1Gi`) + "\n---\n{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast}, provisioner: example.com/x}",
		`vectorStore: {weaviate: {storage: {storageClassName: fast}}}`, store, "PodsRefused", []string{"spec.vectorStore.weaviate.storage.size"}},
	{"quota of a NIM's cache", quota(`requests.storage: 11Gi`), fmt.Sprintf(nim, ", cache: {size: 100Gi}"), "Ready", "ApplyFailed", []string{"exceeded quota"}},
	{"quota that wants limits", quota(`limits.cpu: 8`), ``, store, "PodsRefused", []string{"must specify limits.cpu", "spec.vectorStore.weaviate.resources"}},
	{"quota that wants limits of stand-ins", quota(`limits.cpu: 8`), ``, embedding, "PodsRefused", []string{"LimitRange"}},
	{"quota of a priority class", `
apiVersion: v1
kind: ResourceQuota
metadata: {name: important}
spec: {hard: {pods: 0}, scopeSelector: {matchExpressions: [{scopeName: PriorityClass, operator: In, values: [system-cluster-critical]}]}}`,
		`pods: {priorityClassName: system-cluster-critical}`, gateway, "PodsRefused", []string{"exceeded quota: important"}},
	{"limit range: maximum", limits(`type: Container, max: {memory: 64Mi}`), ``, store, "PodsRefused", []string{"spec.vectorStore.weaviate.resources"}},
	{"limit range: minimum", limits(`type: Container, min: {cpu: 4}`), ``, gateway, "PodsRefused", []string{"minimum cpu usage per Container is 4", "spec.gateway.resources"}},
	{"limit range: minimum of stand-ins", limits(`type: Container, min: {cpu: 4}`), ``, embedding, "PodsRefused", []string{"LimitRange"}},
	{"limit range: maximum of a pod", limits(`type: Pod, max: {cpu: 10m}`), ``, gateway, "PodsRefused", []string{"maximum cpu usage per Pod is 10m"}},
	{"limit range: ratio", limits(`type: Container, maxLimitRequestRatio: {memory: 1}`), ``, gateway, "PodsRefused", []string{"spec.gateway.resources"}},
	{"limit range: default below the request", limits(`type: Container, default: {cpu: 10m}`), ``, store, "PodsRefused", []string{"spec.vectorStore.weaviate.resources"}},
	{"limit range: size of a claim", limits(`type: PersistentVolumeClaim, max: {storage: 1Gi}`), ``, store, "PodsRefused", []string{"spec.vectorStore.weaviate.storage.size"}},
	{"limit range: least size of a claim", limits(`type: PersistentVolumeClaim, min: {storage: 100Gi}`), ``, store, "PodsRefused", []string{"spec.vectorStore.weaviate.storage.size"}},
	{"OpenShift's restricted-v2", policy("restricted-v2", "!has(object.spec.securityContext.runAsUser) && !has(object.spec.securityContext.fsGroup)",
		".spec.securityContext.fsGroup: 65532 is not an allowed group; .runAsUser: Invalid value: 65532: must be in the ranges: [1000680000, 1000689999]"), ``, store, "PodsRefused", []string{"set spec.pods.user to Cluster"}},
	{"a required label", policy("team", "has(object.metadata.labels.team)", "every pod needs the label team"), ``, gateway, "PodsRefused", []string{"spec.pods"}},
	{"a required annotation", policy("owner", "has(object.metadata.annotations) && 'owner' in object.metadata.annotations", "annotation owner is required"), ``, gateway, "PodsRefused", []string{"spec.pods"}},
	{"a required registry", policy("registry", "object.spec.containers.all(c, c.image.startsWith('mirror.example.com/'))", "images must come from mirror.example.com"), ``, store, "PodsRefused", []string{"spec.vectorStore.weaviate.image"}},
	{"required limits", policy("limits", "object.spec.containers.all(c, has(c.resources.limits) && 'cpu' in c.resources.limits)", "CPU limits are required"), ``, store, "PodsRefused", []string{"spec.vectorStore.weaviate.resources"}},
	{"a policy whose expression fails", policy("broken", "object.metadata.labels['team'] == 'x'", "no team"), ``, gateway, "PodsRefused", []string{"no such key"}},
	{"a webhook without a Service, about pods", webhook("Validating", missingService, "pods"), ``, gateway, "PodsRefused", []string{`"guard.example.com"`, "repair the webhook (kubectl get"}},
	{"a mutating webhook without a Service, about pods", webhook("Mutating", missingService, "pods"), ``, store, "PodsRefused", []string{`"guard.example.com"`, "repair the webhook (kubectl get"}},
	{"a webhook that is not reached, about pods", webhook("Validating", `url: "https://127.0.0.1:1/x"`, "pods"), ``, store, "PodsRefused", []string{`"guard.example.com"`, "repair the webhook (kubectl get"}},
	{"a webhook that does not answer in time, about pods", webhook("Validating", silent, "pods"), ``, store, "PodsRefused", []string{`"guard.example.com"`, "repair the webhook (kubectl get"}},
	{"a webhook that does not answer in time, about Services", webhook("Mutating", silent, "services"), ``, "Ready", "ApplyFailed", []string{`"guard.example.com"`, "repair the webhook (kubectl get"}},
	{"a webhook without a Service, about Deployments", webhook("Validating", missingService, "deployments"), ``, "Ready", "ApplyFailed", []string{`"guard.example.com"`, "repair the webhook (kubectl get"}},
	{"no PriorityClass", ``, `pods: {priorityClassName: gold}`, store, "PodsRefused", []string{"spec.pods.priorityClassName"}},
	{"no PriorityClass for one component", ``, `pods: {components: [{component: Gateway, priorityClassName: gold}]}`, gateway, "PodsRefused", []string{"; create the PriorityClass, or correct spec.pods.components[0].priorityClassName"}},
	{"no PriorityClass for a NIM", ``, fmt.Sprintf(nim, ", priorityClassName: gold"), embedding, "PodsRefused", []string{"spec.models.embedding.nim.priorityClassName"}},
	{"no RuntimeClass", ``, fmt.Sprintf(nim, ", runtimeClassName: nvidia"), embedding, "PodsRefused", []string{"spec.models.embedding.nim.runtimeClassName"}},
	{"no service account", ``, `pods: {serviceAccountName: mine}`, store, "PodsRefused", []string{"spec.pods.serviceAccountName"}},
	{"no service account for one component", ``, `pods: {components: [{component: Weaviate, serviceAccountName: mine}]}`, store, "PodsRefused", []string{"; create the service account, or correct spec.pods.components[0].serviceAccountName"}},
	{"no StorageClass", ``, `vectorStore: {weaviate: {storage: {storageClassName: none}}}`, store, "StorageClassNotFound", []string{"spec.vectorStore.weaviate.storage.storageClassName"}},
	{"no StorageClass for a cache", ``, fmt.Sprintf(nim, ", cache: {size: 10Gi, storageClassName: none}"), embedding, "StorageClassNotFound", []string{"spec.models.embedding.nim.cache.storageClassName"}},
	{"no claim of a cache", ``, fmt.Sprintf(nim, ", cache: {claimName: none}"), embedding, "ClaimNotFound", []string{"cache.claimName"}},
	{"no caBundle", ``, `network: {caBundle: {name: authorities}}`, "Ready", "ConfigMapNotFound", []string{"spec.network.caBundle"}},
	{"no key of a caBundle", `{apiVersion: v1, kind: ConfigMap, metadata: {name: authorities}, data: {tls.crt: x}}`, `network: {caBundle: {name: authorities}}`,
		"Ready", "ConfigMapKeyNotFound", []string{`"ca.crt"`, "spec.network.caBundle"}},
	{"no Gateway API", ``, `gateway: {route: {hostnames: [a.example.com], parentRefs: [{name: edge}]}}`, "RouteReady", "GatewayAPINotFound", []string{"Gateway API"}},
	{"no IngressClass", ``, `gateway: {route: {hostnames: [a.example.com], ingress: {className: none}}}`, "RouteReady", "IngressClassNotFound", []string{"spec.gateway.route.ingress.className"}},
	{"no Secret of the route", ``, `gateway: {route: {hostnames: [a.example.com], ingress: {secretName: none}}}`, "RouteReady", "SecretNotFound", []string{"spec.gateway.route.ingress.secretName"}},
	{"no Secret of the gateway's TLS", ``, `gateway: {tls: {secretName: none}}`, gateway, "SecretNotFound", []string{"spec.gateway.tls.secretName"}},
	{"no image pull secret for all pods", ``, `pods: {imagePullSecrets: [mirror]}`, "Ready", "SecretNotFound", []string{"spec.pods.imagePullSecrets[0]"}},
	{"a Service that a finalizer keeps", stuck("v1", "Service", "spec: {ports: [{port: 80}]}"), ``, "Ready", "Waiting", []string{"Service papers-gateway is being deleted", "example.com/stuck"}},
	{"a Deployment that a finalizer keeps", stuck("apps/v1", "Deployment",
		"spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}}"), ``, "Ready", "Waiting", []string{"Deployment papers-gateway", "example.com/stuck"}},
	{"no image pull secret", ``, fmt.Sprintf(nim, ", pullSecrets: [ngc]"), embedding, "SecretNotFound", []string{"pullSecrets"}},
}
