package desired

import (
	"cmp"
	"slices"
	"strconv"
	"time" //nolint:depguard // a duration is not a clock

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

const (
	// nimUser and nimGroup are NVIDIA's own choice for these images.
	nimUser, nimGroup = 1000, 2000
	// nimCache is where a NIM keeps the model that it downloads.
	nimCache = "/opt/nim/.cache"
	// nimStartupPeriod is the number of seconds between two probes of a starting NIM.
	nimStartupPeriod = 10
	// nimGrace is how many seconds a NIM may take to finish its answers.
	nimGrace = 120
	// nimSharedMemory is what NVIDIA's own deployments give; only what is written to uses memory.
	nimSharedMemory v1alpha1.VolumeSize = "16Gi"

	whenDeletedDelete v1alpha1.Retention = "Delete"
)

// models returns the servers of all models that the operator runs, including those of further
// generations.
func (b builder) models() []Child {
	var children []Child
	if b.hasStandIn() {
		children = append(children, b.standIn()...)
	}
	children = append(children,
		b.nims(naming.ComponentEmbedding, b.embeddings(), naming.ComponentGateway, naming.ComponentIngest)...)
	if reranking := b.p.Spec.Models.Reranking; reranking != nil {
		children = append(children,
			b.nims(naming.ComponentReranking, []v1alpha1.Model{*reranking}, naming.ComponentGateway)...)
	}
	if llm := b.p.Spec.Models.LLM; llm != nil {
		children = append(children, b.nims(naming.ComponentLLM, []v1alpha1.Model{llm.Model}, naming.ComponentGateway)...)
	}
	return children
}

// ModelWorkload returns the name of the Deployment that serves a component's model. It is empty for
// an endpoint, which the operator does not run.
func ModelWorkload(p *v1alpha1.RAGPipeline, component string, m v1alpha1.Model) string {
	names := naming.For(p)
	switch {
	case m.NIM != nil:
		return names.NIM(component, string(m.NIM.Model))
	case m.StandIn != nil:
		return names.StandIn()
	default:
		return ""
	}
}

// nimServer is one NIM that the operator runs.
type nimServer struct {
	*v1alpha1.NIM
	component string
	name      string            // of its objects
	labels    map[string]string // besides the component's
	selector  map[string]string // of its pods
}

// nims returns the objects of those models that are NIMs, and a policy that admits the clients to
// all of them.
func (b builder) nims(component string, models []v1alpha1.Model, clients ...string) []Child {
	var children []Child
	for _, m := range models {
		if m.NIM == nil {
			continue
		}
		if children == nil {
			children = append(children, b.modelPolicy(b.names.Stage(component), component, clients...))
		}
		children = append(children, b.nim(component, m.NIM)...)
	}
	return children
}

func (b builder) nim(component string, nim *v1alpha1.NIM) []Child {
	s := nimServer{
		NIM:       nim,
		component: component,
		name:      b.names.NIM(component, string(nim.Model)),
		labels:    map[string]string{},
		selector:  naming.Selector(b.p, component),
	}
	if component == naming.ComponentEmbedding { // two of them may run, for two generations
		s.labels[naming.LabelModel] = naming.ModelHash(string(nim.Model))
		s.selector[naming.LabelModel] = s.labels[naming.LabelModel]
	}
	service := b.service(s.name, component, s.selector, b.servicePorts(modelListener)...).WithLabels(s.labels)
	children := []Child{b.account(s.name, component), {Object: service}}
	if nim.Cache != nil && nim.Cache.ClaimName == "" {
		children = append(children, b.nimClaim(s))
	}
	return append(children, Child{Object: b.nimDeployment(s)})
}

// nimClaim returns the claim of the volume for the downloaded model.
func (b builder) nimClaim(s nimServer) Child {
	spec := corev1ac.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.PersistentVolumeAccessMode(s.Cache.AccessMode)).
		WithResources(b.storage(s.name, s.Cache.Size))
	if s.Cache.StorageClassName != "" {
		spec.WithStorageClassName(string(s.Cache.StorageClassName))
	}
	claim := corev1ac.PersistentVolumeClaim(s.name, b.p.Namespace).
		WithLabels(naming.ClaimLabels(b.p, s.component)).
		WithLabels(s.labels).
		WithSpec(spec)
	return Child{Kept: s.Cache.WhenDeleted != whenDeletedDelete, Object: claim}
}

// nimDeployment removes a pod before it starts the next: it assumes no spare GPU.
func (b builder) nimDeployment(s nimServer) *appsv1ac.DeploymentApplyConfiguration {
	template := b.nimPod(s)
	spec := appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(s.selector)).
		WithStrategy(rolling(1, 0)).
		WithRevisionHistoryLimit(2).
		WithProgressDeadlineSeconds(startupSeconds(s.NIM) + progressDeadline).
		WithTemplate(template)
	if s.Replicas != nil {
		spec.WithReplicas(*s.Replicas)
	}
	return appsv1ac.Deployment(s.name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, s.component)).
		WithLabels(s.labels).
		WithAnnotations(b.encrypt(s.name, template, modelListener)).
		WithSpec(spec)
}

func (b builder) nimPod(s nimServer) *corev1ac.PodTemplateSpecApplyConfiguration {
	startup := b.probe(modelListener, "/v1/health/ready", nimStartupPeriod)
	container := container("nim", string(s.Image)).
		WithSecurityContext(containerSecurity(false)). // NIMs write beside their own files
		WithEnv(s.env(b.host("0.0.0.0"))...).
		WithPorts(b.ports(modelListener)...).
		WithStartupProbe(startup.WithFailureThreshold(max(1, startupSeconds(s.NIM)/nimStartupPeriod))).
		WithReadinessProbe(b.probe(modelListener, "/v1/health/ready", 5)).
		WithLivenessProbe(b.probe(modelListener, "/v1/health/live", 10).WithFailureThreshold(6)).
		WithLifecycle(preStopDelay()).
		WithResources(nimResources(s.NIM)).
		WithVolumeMounts(mount("shared-memory", "/dev/shm")).
		WithVolumeMounts(s.cacheMounts()...)
	container.WithCommand(words(s.Command)...).WithArgs(words(s.Args)...)
	template := b.template(pod{
		component:  s.component,
		account:    s.name,
		labels:     s.labels,
		selector:   s.selector,
		scheduling: s.Scheduling,
		volumes:    append([]*corev1ac.VolumeApplyConfiguration{s.sharedMemoryVolume()}, s.cacheVolumes()...),
		user:       nimUser,
		group:      nimGroup,
	}, container)
	template.Spec.WithTerminationGracePeriodSeconds(nimGrace)
	addPullSecrets(template.Spec, s.PullSecrets)
	if s.RuntimeClassName != "" {
		template.Spec.WithRuntimeClassName(string(s.RuntimeClassName))
	}
	if s.PriorityClassName != "" {
		template.Spec.WithPriorityClassName(string(s.PriorityClassName))
	}
	return template
}

func (s nimServer) sharedMemoryVolume() *corev1ac.VolumeApplyConfiguration {
	size := quantity(cmp.Or(s.SharedMemory, nimSharedMemory))
	return corev1ac.Volume().WithName("shared-memory").WithEmptyDir(corev1ac.EmptyDirVolumeSource().
		WithMedium(corev1.StorageMediumMemory).WithSizeLimit(size))
}

// cacheVolumes are where the NIM keeps its model. An existing claim may be that of others, so the pods only read it;
// what a retriever compiles for its GPU then stays with the pod.
func (s nimServer) cacheVolumes() []*corev1ac.VolumeApplyConfiguration {
	volume := corev1ac.Volume().WithName("cache")
	claim := corev1ac.PersistentVolumeClaimVolumeSource()
	switch {
	case s.Cache == nil:
		volume.WithEmptyDir(corev1ac.EmptyDirVolumeSource())
	case s.Cache.ClaimName == "":
		volume.WithPersistentVolumeClaim(claim.WithClaimName(s.name))
	default:
		volume.WithPersistentVolumeClaim(claim.WithClaimName(string(s.Cache.ClaimName)).WithReadOnly(true))
		if s.isRetriever() {
			compiled := corev1ac.Volume().WithName("compiled").WithEmptyDir(corev1ac.EmptyDirVolumeSource())
			return []*corev1ac.VolumeApplyConfiguration{volume, compiled}
		}
	}
	return []*corev1ac.VolumeApplyConfiguration{volume}
}

// cacheMounts mount them. Retrievers of version 2.x keep in /opt/cache what they compile.
func (s nimServer) cacheMounts() []*corev1ac.VolumeMountApplyConfiguration {
	model, compiled := mount("cache", nimCache), mount("cache", "/opt/cache").WithSubPath("runtime")
	if s.Cache != nil && s.Cache.ClaimName != "" {
		model.WithReadOnly(true)
		compiled = mount("compiled", "/opt/cache")
		if s.Cache.SubPath != "" {
			model.WithSubPath(s.Cache.SubPath)
		}
	}
	if s.isRetriever() {
		return []*corev1ac.VolumeMountApplyConfiguration{model, compiled}
	}
	return []*corev1ac.VolumeMountApplyConfiguration{model}
}

// nimResources adds the GPUs to the spec's resources. A request for them follows from the limit.
func nimResources(nim *v1alpha1.NIM) *corev1ac.ResourceRequirementsApplyConfiguration {
	r := explicitResources(ptr.Deref(nim.Resources, v1alpha1.Resources{}))
	if count := ptr.Deref(nim.GPU.Count, 0); count > 0 {
		limits := corev1.ResourceList{}
		if r.Limits != nil {
			limits = *r.Limits
		}
		limits[corev1.ResourceName(nim.GPU.ResourceName)] = *resource.NewQuantity(int64(count), resource.DecimalSI)
		r.WithLimits(limits)
	}
	if r.Requests == nil && r.Limits == nil {
		return nil
	}
	return r
}

// isRetriever reports whether this is one of NVIDIA's retriever NIMs, which have variables of their
// own.
func (s nimServer) isRetriever() bool { return s.component != naming.ComponentLLM }

// env returns the operator's variables, then the spec's, which win. The port has three names: that
// of 1.x, of an LLM of 2.x, and of a retriever of 2.x. There are no more, because a name that a
// version has retired keeps it from starting. Of these, the last one alone takes an address.
func (s nimServer) env(address string) []*corev1ac.EnvVarApplyConfiguration {
	number := strconv.Itoa(modelPort)
	list := []*corev1ac.EnvVarApplyConfiguration{
		env("NIM_HTTP_API_PORT", number),
		env("NIM_SERVER_PORT", number),
		env("NIM_SERVER_BIND_ADDR", address+":"+number),
		env("NIM_CACHE_PATH", nimCache),
	}
	if s.isRetriever() {
		list = append(list, env("NIM_ENGINE_MODEL_PATH", nimCache+"/model"))
	}
	if key := s.AuthSecretRef; key != nil {
		list = append(list, envFromSecret("NGC_API_KEY", string(key.Name), key.Key))
		if s.isRetriever() {
			list = append(list, env("NIM_ENGINE_MODEL_DOWNLOAD_PROVIDER", "ngc")) // the default is Hugging Face
		}
	}
	list = slices.DeleteFunc(list, func(e *corev1ac.EnvVarApplyConfiguration) bool {
		return slices.ContainsFunc(s.Env, func(v v1alpha1.EnvVar) bool { return v.Name == *e.Name })
	})
	return append(list, variables(s.Env)...)
}

// StartupTimeout is how long the NIM may take to become ready: half an hour unless the spec sets
// another time.
func StartupTimeout(nim *v1alpha1.NIM) time.Duration {
	if nim.StartupTimeout == nil {
		return 30 * time.Minute
	}
	return nim.StartupTimeout.Duration
}

func startupSeconds(nim *v1alpha1.NIM) int32 { return int32(StartupTimeout(nim).Seconds()) }

// standIn returns the one server of all the stand-in models that the pipeline has.
func (b builder) standIn() []Child {
	name, selector := b.names.StandIn(), naming.Selector(b.p, naming.ComponentStandIn)
	container := b.operatorContainer("models", "models", "--listen", b.host("")+":"+strconv.Itoa(modelPort)).
		WithPorts(b.ports(modelListener)...).
		WithReadinessProbe(b.probe(modelListener, "/v1/health/ready", 1)).
		WithLivenessProbe(b.probe(modelListener, "/v1/health/live", 10).WithFailureThreshold(6)).
		WithLifecycle(preStopDelay()).
		WithResources(limited(nil, "20m", "32Mi", "512Mi"))
	template := b.template(pod{component: naming.ComponentStandIn, account: name}, container)
	template.Spec.WithTerminationGracePeriodSeconds(preStopGrace)
	deployment := appsv1ac.Deployment(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, naming.ComponentStandIn)).
		WithAnnotations(b.encrypt(name, template, modelListener)).
		WithSpec(appsv1ac.DeploymentSpec().
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
			WithStrategy(rolling(0, 1)).
			WithMinReadySeconds(2).
			WithRevisionHistoryLimit(2).
			WithTemplate(template))
	return []Child{
		b.account(name, naming.ComponentStandIn),
		b.modelPolicy(name, naming.ComponentStandIn, naming.ComponentGateway, naming.ComponentIngest),
		{Object: b.service(name, naming.ComponentStandIn, selector, b.servicePorts(modelListener)...)},
		{Object: deployment},
	}
}

// hasStandIn reports whether any model, of any generation, is a stand-in.
func (b builder) hasStandIn() bool {
	models := b.embeddings()
	if reranking := b.p.Spec.Models.Reranking; reranking != nil {
		models = append(models, *reranking)
	}
	if llm := b.p.Spec.Models.LLM; llm != nil {
		models = append(models, llm.Model)
	}
	return slices.ContainsFunc(models, func(m v1alpha1.Model) bool { return m.StandIn != nil })
}
