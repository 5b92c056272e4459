package desired

import (
	"fmt"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// The ports of a Weaviate. Those after gRPC's are for its peers.
const (
	weaviateHTTP      = 8080
	weaviateGRPC      = 50051
	weaviateGossip    = 7946
	weaviateData      = 7947
	weaviateRaft      = 8300
	weaviateRaftCalls = 8301
	// weaviateMetricsPort serves metrics, if the installation wants them.
	weaviateMetricsPort = 2112
)

const (
	// weaviateKeyEntry and weaviatePeersEntry are the entries of the store's generated Secret: the
	// API key, and the password with which replicas authenticate to each other.
	weaviateKeyEntry   = "api-key"
	weaviatePeersEntry = "peers"
	// weaviateUser and weaviateReader are the users that the API keys authenticate.
	weaviateUser   = "ragpipeline"
	weaviateReader = "ragpipeline-gateway"
	// weaviateDirectory is where the store keeps its data.
	weaviateDirectory = "/var/lib/weaviate"
)

// index returns where the index lives.
func (b builder) index() config.Index {
	if external := b.p.Spec.VectorStore.External; external != nil {
		return config.Index{Weaviate: &config.WeaviateIndex{
			URL:     string(external.URL),
			GRPCURL: string(external.GRPCURL),
			Prefix:  external.Prefix,
			Key:     derive.SecretKey(external.SecretRef),
		}}
	}
	name := b.names.Weaviate()
	return config.Index{Weaviate: &config.WeaviateIndex{
		URL:      b.url(name, storeHTTP),
		GRPCURL:  b.url(name, storeGRPC),
		Key:      &config.SecretKey{Name: b.names.WeaviateKey(), Key: weaviateKeyEntry},
		Replicas: min(int(ptr.Deref(b.p.Spec.VectorStore.Weaviate, v1alpha1.Weaviate{}).Replicas), 3),
	}}
}

// reads reports whether the gateway has the store's key for reading alone.
func (b builder) reads() bool {
	return b.p.Spec.VectorStore.Weaviate != nil && b.facts.WeaviateReader != "" &&
		!b.facts.OneKey && !b.facts.GatewayWrites
}

func indexSecret(i config.Index) *config.SecretKey {
	if i.Weaviate == nil {
		return nil
	}
	return i.Weaviate.Key
}

// weaviate returns the pipeline's own store. An external store needs no objects.
func (b builder) weaviate() []Child {
	spec := b.p.Spec.VectorStore.Weaviate
	if spec == nil {
		return nil
	}
	name, selector := b.names.Weaviate(), naming.Selector(b.p, naming.ComponentWeaviate)
	peers := b.service(b.names.WeaviatePeers(), naming.ComponentWeaviate, selector,
		servicePort("gossip", weaviateGossip), servicePort("data", weaviateData),
		servicePort("raft", weaviateRaft), servicePort("raft-calls", weaviateRaftCalls))
	// Replicas must find each other to become ready.
	peers.Spec.WithClusterIP(corev1.ClusterIPNone).WithPublishNotReadyAddresses(true)
	clients := b.service(name, naming.ComponentWeaviate, selector,
		b.servicePorts(storeHTTP, storeGRPC)...)
	children := []Child{
		b.account(name, naming.ComponentWeaviate),
		b.weaviatePolicy(),
		{Object: peers},
		{Object: clients},
		{Object: b.weaviateStatefulSet(spec)},
	}
	if spec.Replicas >= 3 {
		children = append(children, Child{Object: policyv1ac.PodDisruptionBudget(name, b.p.Namespace).
			WithLabels(naming.Labels(b.p, naming.ComponentWeaviate)).
			WithSpec(policyv1ac.PodDisruptionBudgetSpec().
				WithMaxUnavailable(intstr.FromInt(1)).
				WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)))})
	}
	return children
}

// weaviateImage returns the spec's image or, without one, that which runs already, so that an
// upgrade of the operator restarts no store.
func (b builder) weaviateImage() string {
	for _, image := range []string{string(b.p.Spec.VectorStore.Weaviate.Image), b.facts.WeaviateImage} {
		if image != "" {
			return image
		}
	}
	return b.operator.WeaviateImage
}

func (b builder) weaviateStatefulSet(spec *v1alpha1.Weaviate) *appsv1ac.StatefulSetApplyConfiguration {
	name, selector := b.names.Weaviate(), naming.Selector(b.p, naming.ComponentWeaviate)
	container := container(naming.ComponentWeaviate, b.weaviateImage()).
		WithCommand("/bin/weaviate").
		WithArgs("--host="+b.host(""), "--port="+strconv.Itoa(weaviateHTTP), "--scheme=http").
		WithEnv(b.weaviateEnv(spec.Replicas)...).
		WithPorts(b.ports(storeHTTP, storeGRPC)...).
		WithPorts(port("gossip", weaviateGossip), port("data", weaviateData), port("raft", weaviateRaft),
														port("raft-calls", weaviateRaftCalls)).
		WithStartupProbe(b.probe(storeHTTP, "/v1/.well-known/live", 2).WithFailureThreshold(900)). // 30 min for a large index
		WithReadinessProbe(b.probe(storeHTTP, "/v1/.well-known/ready", 2)).
		WithLivenessProbe(b.probe(storeHTTP, "/v1/.well-known/live", 10).WithFailureThreshold(30)).
		WithLifecycle(preStopDelay()). // its connections stay usable until Ready is false
		WithResources(resources(spec.Resources, "100m", "256Mi")).
		WithVolumeMounts(mount("data", weaviateDirectory))
	b.weaviateMetrics(container)
	template := b.template(pod{
		component:   naming.ComponentWeaviate,
		account:     name,
		annotations: b.storeAnnotations(),
		selector:    selector,
		scheduling:  spec.Scheduling,
	}, container)
	template.Spec.WithTerminationGracePeriodSeconds(120) // for the delay, and for writing out what is in memory
	return appsv1ac.StatefulSet(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, naming.ComponentWeaviate)).
		WithAnnotations(b.encrypt(name, template, storeHTTP, storeGRPC)).
		WithAnnotations(b.voucher(b.names.WeaviateKey())).
		WithAnnotations(b.readerVoucher()).
		WithSpec(appsv1ac.StatefulSetSpec().
			WithReplicas(spec.Replicas).
			WithServiceName(b.names.WeaviatePeers()).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
			WithRevisionHistoryLimit(2).
			WithPersistentVolumeClaimRetentionPolicy(appsv1ac.StatefulSetPersistentVolumeClaimRetentionPolicy().
				WithWhenDeleted(appsv1.PersistentVolumeClaimRetentionPolicyType(spec.Storage.WhenDeleted)).
				WithWhenScaled(appsv1.RetainPersistentVolumeClaimRetentionPolicyType)).
			WithVolumeClaimTemplates(b.weaviateClaim(spec.Storage)).
			WithTemplate(template))
}

// weaviateClaim returns the template of the claims. It cannot change: the API server refuses another
// one, so the StatefulSet is made anew when its claims have grown. Its labels find the claims, which
// outlive the pipeline; apply takes off the one that naming.ClaimLabels leaves out.
func (b builder) weaviateClaim(s v1alpha1.Storage) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	claim := corev1ac.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.ReadWriteOnce).
		WithResources(b.storage(b.names.Weaviate(), s.Size))
	if s.StorageClassName != "" {
		claim.WithStorageClassName(string(s.StorageClassName))
	}
	template := &corev1ac.PersistentVolumeClaimApplyConfiguration{}
	return template.WithName(weaviateClaimName).WithLabels(naming.Labels(b.p, naming.ComponentWeaviate)).WithSpec(claim)
}

// readerVoucher is the annotation of a store that vouches for the Secret of its key for reading.
func (b builder) readerVoucher() map[string]string {
	if digest := b.facts.Digests[b.names.WeaviateReader()]; digest != "" {
		return map[string]string{naming.AnnotationReaderKey: digest}
	}
	return nil
}

// storeAnnotations annotate the store's pods with the Secrets whose keys they read at their start.
func (b builder) storeAnnotations() map[string]string {
	all := b.weaviateKeyAnnotation()
	if all != nil && !b.facts.OneKey && b.facts.WeaviateReader != "" {
		all[naming.AnnotationWeaviateReader] = string(b.facts.WeaviateReader)
	}
	return all
}

// weaviateUsers are the settings that say who may do what: one user may do anything, and one only read.
// Weaviate takes the keys as one list, which Kubernetes joins from two Secrets.
func (b builder) weaviateUsers() []*corev1ac.EnvVarApplyConfiguration {
	list := []*corev1ac.EnvVarApplyConfiguration{
		env("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "false"),
		env("AUTHENTICATION_APIKEY_ENABLED", "true"),
	}
	if b.facts.OneKey { // with another order, its pods would be replaced
		list = append(list,
			envFromSecret("AUTHENTICATION_APIKEY_ALLOWED_KEYS", b.names.WeaviateKey(), weaviateKeyEntry),
			env("AUTHENTICATION_APIKEY_USERS", weaviateUser))
	} else {
		list = append(list,
			envFromSecret("WRITING_KEY", b.names.WeaviateKey(), weaviateKeyEntry),
			envFromSecret("READING_KEY", b.names.WeaviateReader(), weaviateKeyEntry),
			env("AUTHENTICATION_APIKEY_ALLOWED_KEYS", "$(WRITING_KEY),$(READING_KEY)"),
			env("AUTHENTICATION_APIKEY_USERS", weaviateUser+","+weaviateReader),
			env("AUTHORIZATION_ADMINLIST_READONLY_USERS", weaviateReader))
	}
	return append(list,
		env("AUTHORIZATION_ADMINLIST_ENABLED", "true"),
		env("AUTHORIZATION_ADMINLIST_USERS", weaviateUser))
}

// weaviateEnv returns the settings. Raft knows a node only by its name, which is the pod's, and
// finds the others by theirs through gossip, so a pod may come back with another address. Gossip
// binds to the pod's own address, IPv4 or IPv6; by default it takes the first private IPv4 address.
// (CLUSTER_ADVERTISE_ADDR would do the same, with the timeouts of a wide-area network.)
func (b builder) weaviateEnv(replicas int32) []*corev1ac.EnvVarApplyConfiguration {
	secret := b.names.WeaviateKey()
	pods := make([]string, 0, replicas)
	for i := range replicas {
		pods = append(pods, fmt.Sprintf("%s-%d", b.names.Weaviate(), i))
	}
	list := []*corev1ac.EnvVarApplyConfiguration{
		env("PERSISTENCE_DATA_PATH", weaviateDirectory),
		envFromField("CLUSTER_HOSTNAME", "metadata.name"),
		envFromField("CLUSTER_BIND_ADDR", "status.podIP"),
		env("CLUSTER_GOSSIP_BIND_PORT", strconv.Itoa(weaviateGossip)),
		env("CLUSTER_DATA_BIND_PORT", strconv.Itoa(weaviateData)),
		env("CLUSTER_BASIC_AUTH_USERNAME", weaviateUser),
		envFromSecret("CLUSTER_BASIC_AUTH_PASSWORD", secret, weaviatePeersEntry),
		env("RAFT_JOIN", strings.Join(pods, ",")),
		env("RAFT_BOOTSTRAP_EXPECT", strconv.Itoa(len(pods))),
	}
	list = append(list, b.weaviateUsers()...)
	list = append(list,
		env("DEFAULT_VECTORIZER_MODULE", "none"),
		env("API_BASED_MODULES_DISABLED", "true"),
		env("AUTOSCHEMA_ENABLED", "false"),
		env("DISABLE_TELEMETRY", "true"),
		env("GO_PROFILING_DISABLE", "true"),
		env("LIMIT_RESOURCES", "true"), // 80 % of the memory limit, or of the node's memory
	)
	if replicas > 1 {
		list = append(list, env("CLUSTER_JOIN", b.names.WeaviatePeers()))
	}
	return list
}
