package desired

import (
	"slices"
	"strconv"
	"time" //nolint:depguard // a duration is no clock

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

const (
	// nimUser and nimGroup are NVIDIA's own choice for these images.
	nimUser, nimGroup = 1000, 2000
	// nimCache is where a NIM keeps the model that it downloads.
	nimCache = "/opt/nim/.cache"
	// nimStartupPeriod is how often, in seconds, a starting NIM is asked whether it is ready.
	nimStartupPeriod = 10
	// nimGrace is how many seconds a NIM may take to finish its answers.
	nimGrace = 120
	// nimSharedMemory is as much as NVIDIA's own deployments give; it is used only as far as it is written to.
	nimSharedMemory = "16Gi"

	whenDeletedDelete v1alpha1.Retention = "Delete"
)

// models are the servers of all models that the operator runs, those of further generations included.
func (b builder) models() []Child {
	var children []Child
	if b.standsIn() {
		children = append(children, b.standIn()...)
	}
	var embeddings []Child
	for _, model := range b.embeddings() {
		if model.NIM != nil {
			embeddings = append(embeddings, b.nim(naming.ComponentEmbedding, model)...)
		}
	}
	if len(embeddings) > 0 {
		children = append(children, b.modelPolicy(b.names.Stage(naming.ComponentEmbedding), naming.ComponentEmbedding, naming.ComponentGateway, naming.ComponentIngest))
		children = append(children, embeddings...)
	}
	if reranking := b.p.Spec.Models.Reranking; reranking != nil && reranking.NIM != nil {
		children = append(children, b.modelPolicy(b.names.Stage(naming.ComponentReranking), naming.ComponentReranking, naming.ComponentGateway))
		children = append(children, b.nim(naming.ComponentReranking, *reranking)...)
	}
	if llm := b.p.Spec.Models.LLM; llm != nil && llm.NIM != nil {
		children = append(children, b.modelPolicy(b.names.Stage(naming.ComponentLLM), naming.ComponentLLM, naming.ComponentGateway))
		children = append(children, b.nim(naming.ComponentLLM, llm.Model)...)
	}
	return children
}

func (b builder) nim(stage string, model v1alpha1.Model) []Child {
	name, selector := b.names.NIM(stage, string(model.NIM.Model)), naming.Selector(b.p, stage)
	extra := map[string]string{}
	if stage == naming.ComponentEmbedding {
		extra[naming.LabelModel] = naming.ModelHash(string(model.NIM.Model))
		selector[naming.LabelModel] = extra[naming.LabelModel]
	}
	account := b.account(name, stage)
	service := b.service(name, stage, selector, servicePort("http", modelPort)).WithLabels(extra)
	children := []Child{account, {Object: service}}
	if cache := model.NIM.Cache; cache != nil {
		children = append(children, b.nimClaim(name, stage, extra, cache))
	}
	return append(children, Child{Object: b.nimDeployment(name, stage, model.NIM, selector, extra)})
}

// nimClaim is the volume of the downloaded model.
func (b builder) nimClaim(name, stage string, extra map[string]string, cache *v1alpha1.Cache) Child {
	spec := corev1ac.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.PersistentVolumeAccessMode(cache.AccessMode)).
		WithResources(storage(cache.Size))
	if cache.StorageClassName != "" {
		spec.WithStorageClassName(string(cache.StorageClassName))
	}
	return Child{
		Kept:   cache.WhenDeleted != whenDeletedDelete,
		Object: corev1ac.PersistentVolumeClaim(name, b.p.Namespace).WithLabels(naming.Labels(b.p, stage)).WithLabels(extra).WithSpec(spec),
	}
}

// nimDeployment replaces a pod by first taking it away: no spare GPU is assumed.
func (b builder) nimDeployment(name, stage string, nim *v1alpha1.NIM, selector, extra map[string]string) *appsv1ac.DeploymentApplyConfiguration {
	spec := appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
		WithStrategy(rolling(1, 0)).
		WithRevisionHistoryLimit(2).
		WithProgressDeadlineSeconds(startupSeconds(nim) + progressDeadline).
		WithTemplate(b.nimPod(name, stage, nim, selector, extra))
	if nim.Replicas != nil {
		spec.WithReplicas(*nim.Replicas)
	}
	return appsv1ac.Deployment(name, b.p.Namespace).WithLabels(naming.Labels(b.p, stage)).WithLabels(extra).WithSpec(spec)
}

func (b builder) nimPod(name, stage string, nim *v1alpha1.NIM, selector, extra map[string]string) *corev1ac.PodTemplateSpecApplyConfiguration {
	container := container("nim", string(nim.Image)).
		WithSecurityContext(containerSecurity(false)). // they write beside their own files
		WithEnv(nimEnv(stage, nim)...).
		WithPorts(port("http", modelPort)).
		WithStartupProbe(probe("http", "/v1/health/ready", nimStartupPeriod).WithFailureThreshold(max(1, startupSeconds(nim)/nimStartupPeriod))).
		WithReadinessProbe(probe("http", "/v1/health/ready", 5)).
		WithLivenessProbe(probe("http", "/v1/health/live", 10).WithFailureThreshold(6)).
		WithLifecycle(preStopDelay()).
		WithResources(nimResources(nim)).
		WithVolumeMounts(mount("shared-memory", "/dev/shm"), mount("cache", nimCache))
	if retriever(stage) {
		container.WithVolumeMounts(mount("cache", "/opt/cache").WithSubPath("runtime")) // what 2.x compiles for its GPU
	}
	template := b.template(pod{
		component:  stage,
		account:    name,
		labels:     extra,
		selector:   selector,
		scheduling: nim.Scheduling,
		volumes:    []*corev1ac.VolumeApplyConfiguration{sharedMemory(), cacheVolume(name, nim)},
	}, container)
	template.Spec.WithSecurityContext(podSecurity(nimUser, nimGroup)).WithTerminationGracePeriodSeconds(nimGrace)
	for _, secret := range nim.PullSecrets {
		template.Spec.WithImagePullSecrets(corev1ac.LocalObjectReference().WithName(string(secret)))
	}
	if nim.RuntimeClassName != "" {
		template.Spec.WithRuntimeClassName(string(nim.RuntimeClassName))
	}
	if nim.PriorityClassName != "" {
		template.Spec.WithPriorityClassName(string(nim.PriorityClassName))
	}
	return template
}

func sharedMemory() *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName("shared-memory").WithEmptyDir(corev1ac.EmptyDirVolumeSource().
		WithMedium(corev1.StorageMediumMemory).WithSizeLimit(resource.MustParse(nimSharedMemory)))
}

func cacheVolume(claim string, nim *v1alpha1.NIM) *corev1ac.VolumeApplyConfiguration {
	volume := corev1ac.Volume().WithName("cache")
	if nim.Cache == nil {
		return volume.WithEmptyDir(corev1ac.EmptyDirVolumeSource())
	}
	return volume.WithPersistentVolumeClaim(corev1ac.PersistentVolumeClaimVolumeSource().WithClaimName(claim))
}

// nimResources puts the GPUs beside the spec's resources; a request for them follows from the limit.
func nimResources(nim *v1alpha1.NIM) *corev1ac.ResourceRequirementsApplyConfiguration {
	r := explicitResources(corev1ac.ResourceRequirements(), new(ptr.Deref(nim.Resources, v1alpha1.Resources{})))
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

// retriever says whether a stage's NIMs are NVIDIA's retriever NIMs, which have variables of their own.
func retriever(stage string) bool { return stage != naming.ComponentLLM }

// nimEnv is our settings, then the spec's, which win. The port has three names: that of 1.x, of an LLM of 2.x, and of
// a retriever of 2.x. A name that a version has retired would keep it from starting, so there are no more than these.
func nimEnv(stage string, nim *v1alpha1.NIM) []*corev1ac.EnvVarApplyConfiguration {
	number := strconv.Itoa(modelPort)
	ours := []*corev1ac.EnvVarApplyConfiguration{
		env("NIM_HTTP_API_PORT", number),
		env("NIM_SERVER_PORT", number),
		env("NIM_SERVER_BIND_ADDR", "0.0.0.0:"+number),
		env("NIM_CACHE_PATH", nimCache),
	}
	if retriever(stage) {
		ours = append(ours, env("NIM_ENGINE_MODEL_PATH", nimCache+"/model"))
	}
	if key := nim.AuthSecretRef; key != nil {
		ours = append(ours, envFromSecret("NGC_API_KEY", string(key.Name), key.Key))
		if retriever(stage) {
			ours = append(ours, env("NIM_ENGINE_MODEL_DOWNLOAD_PROVIDER", "ngc")) // by default it is Hugging Face
		}
	}
	ours = slices.DeleteFunc(ours, func(e *corev1ac.EnvVarApplyConfiguration) bool {
		return slices.ContainsFunc(nim.Env, func(theirs v1alpha1.EnvVar) bool { return theirs.Name == *e.Name })
	})
	for _, theirs := range nim.Env {
		if from := theirs.ValueFrom; from != nil {
			ours = append(ours, envFromSecret(theirs.Name, string(from.SecretKeyRef.Name), from.SecretKeyRef.Key))
			continue
		}
		ours = append(ours, env(theirs.Name, theirs.Value))
	}
	return ours
}

// StartupTimeout is how long the NIM may take to become ready: half an hour unless the spec says otherwise.
func StartupTimeout(nim *v1alpha1.NIM) time.Duration {
	if nim.StartupTimeout == nil {
		return 30 * time.Minute
	}
	return nim.StartupTimeout.Duration
}

func startupSeconds(nim *v1alpha1.NIM) int32 { return int32(StartupTimeout(nim).Seconds()) }
