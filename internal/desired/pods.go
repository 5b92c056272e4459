package desired

import (
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// The paths in a data-plane pod.
const (
	configDirectory  = "/etc/ragpipeline"
	configEntry      = "config.json"
	secretsDirectory = "/var/run/ragpipeline/secrets"
	keysDirectory    = "/var/run/ragpipeline/keys"
	tlsDirectory     = "/var/run/ragpipeline/tls"
	bundlesDirectory = "/var/run/ragpipeline/bundles"
	sourcesDirectory = "/sources"
)

// user is the user and group that data-plane pods run as, the same as in the image.
const user = 65532

// pod describes one kind of pod, except for its container.
type pod struct {
	component   string
	account     string
	labels      map[string]string // besides the component's
	annotations map[string]string
	// selector finds the pods of this kind, among which a pod is spread.
	selector   map[string]string
	scheduling *v1alpha1.Scheduling
	volumes    []*corev1ac.VolumeApplyConfiguration
	// user and group run the processes; without them, those of the operator's own image do.
	user, group int64
}

// template returns a pod that Pod Security's "restricted" level admits, and that has no access to
// the API server.
func (b builder) template(
	x pod, container *corev1ac.ContainerApplyConfiguration,
) *corev1ac.PodTemplateSpecApplyConfiguration {
	if x.user == 0 {
		x.user, x.group = user, user
	}
	spec := corev1ac.PodSpec().
		WithServiceAccountName(x.account).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithSecurityContext(podSecurity(x.user, x.group)).
		WithContainers(container).
		WithVolumes(corev1ac.Volume().WithName("tmp").WithEmptyDir(corev1ac.EmptyDirVolumeSource())).
		WithVolumes(x.volumes...)
	schedule(spec, x.scheduling, x.selector)
	template := corev1ac.PodTemplateSpec().
		WithLabels(naming.Labels(b.p, x.component)).
		WithLabels(x.labels).
		WithSpec(spec)
	if len(x.annotations) > 0 {
		template.WithAnnotations(x.annotations)
	}
	b.adapt(x, template)
	return template
}

// podSecurity runs a pod as that user and group. The group owns the volumes, whose files get it
// once, not at each start.
func podSecurity(user, group int64) *corev1ac.PodSecurityContextApplyConfiguration {
	return corev1ac.PodSecurityContext().
		WithRunAsNonRoot(true).
		WithRunAsUser(user).
		WithRunAsGroup(group).
		WithFSGroup(group).
		WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
		WithSeccompProfile(corev1ac.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))
}

func containerSecurity(readOnlyRoot bool) *corev1ac.SecurityContextApplyConfiguration {
	return corev1ac.SecurityContext().
		WithAllowPrivilegeEscalation(false).
		WithReadOnlyRootFilesystem(readOnlyRoot).
		WithCapabilities(corev1ac.Capabilities().WithDrop("ALL"))
}

// container returns a container with a read-only image and the /tmp that every template has.
func container(name, image string) *corev1ac.ContainerApplyConfiguration {
	return corev1ac.Container().
		WithName(name).
		WithImage(image).
		WithSecurityContext(containerSecurity(true)).
		WithVolumeMounts(mount("tmp", "/tmp"))
}

// operatorContainer returns a container of the operator's own image. The first argument is the
// command.
func (b builder) operatorContainer(name string, args ...string) *corev1ac.ContainerApplyConfiguration {
	c := container(name, b.operator.Image).WithArgs(args...)
	if b.operator.PullPolicy != "" {
		c.WithImagePullPolicy(corev1.PullPolicy(b.operator.PullPolicy))
	}
	return c
}

func mount(volume, path string) *corev1ac.VolumeMountApplyConfiguration {
	return corev1ac.VolumeMount().WithName(volume).WithMountPath(path)
}

func readOnly(volume, path string) *corev1ac.VolumeMountApplyConfiguration {
	return mount(volume, path).WithReadOnly(true)
}

func port(name string, number int32) *corev1ac.ContainerPortApplyConfiguration {
	return corev1ac.ContainerPort().WithName(name).WithContainerPort(number).WithProtocol(corev1.ProtocolTCP)
}

// probe probes over HTTP every period seconds. By default it fails at the third failure in a row.
func probe(port, path string, period int32) *corev1ac.ProbeApplyConfiguration {
	return corev1ac.Probe().
		WithHTTPGet(corev1ac.HTTPGetAction().WithPath(path).WithPort(intstr.FromString(port))).
		WithPeriodSeconds(period).
		WithTimeoutSeconds(3)
}

// preStopDelay lets a terminating pod serve until no node routes requests to it any more. Its
// address leaves the Service at the moment when it is told to stop, but the nodes learn of that
// later.
func preStopDelay() *corev1ac.LifecycleApplyConfiguration {
	return corev1ac.Lifecycle().WithPreStop(corev1ac.LifecycleHandler().WithSleep(corev1ac.SleepAction().WithSeconds(5)))
}

// preStopGrace is in seconds: the delay of 5, the 25 in which a process finishes its requests, and
// a reserve.
const preStopGrace = 40

// ConfigVolume is the name of the volume with a pod's config.
const ConfigVolume = "config"

func configVolume(configMap string) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(ConfigVolume).WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(configMap))
}

// secretsVolume holds the keys as <secret>/<key>; it is nil without keys. A key that is missing
// does not keep the pod from starting, and is mounted soon after it appears.
func secretsVolume(keys ...*config.SecretKey) *corev1ac.VolumeApplyConfiguration {
	entries := map[string]map[string]bool{}
	for _, key := range keys {
		if key == nil {
			continue
		}
		if entries[key.Name] == nil {
			entries[key.Name] = map[string]bool{}
		}
		entries[key.Name][key.Key] = true
	}
	if len(entries) == 0 {
		return nil
	}
	projected := corev1ac.ProjectedVolumeSource().WithDefaultMode(0o440)
	for _, secret := range slices.Sorted(maps.Keys(entries)) {
		projection := corev1ac.SecretProjection().WithName(secret).WithOptional(true)
		for _, key := range slices.Sorted(maps.Keys(entries[secret])) {
			projection.WithItems(corev1ac.KeyToPath().WithKey(key).WithPath(secret + "/" + key))
		}
		projected.WithSources(corev1ac.VolumeProjection().WithSecret(projection))
	}
	return corev1ac.Volume().WithName("secrets").WithProjected(projected)
}

// weaviateKeyAnnotation annotates the pods that hold the key of the pipeline's own store.
func (b builder) weaviateKeyAnnotation() map[string]string {
	if b.p.Spec.VectorStore.Weaviate == nil || b.facts.WeaviateKey == "" {
		return nil
	}
	return map[string]string{naming.AnnotationWeaviateKey: string(b.facts.WeaviateKey)}
}

// gatewayKeyAnnotation annotates the gateway's pods, likewise.
func (b builder) gatewayKeyAnnotation() map[string]string {
	if !b.reads() {
		return b.weaviateKeyAnnotation()
	}
	return map[string]string{naming.AnnotationWeaviateKey: string(b.facts.WeaviateReader)}
}

// limited returns the spec's resources or, without them, requests and a limit of memory, which is
// more than the process's own bounds add up to: an ingestion takes 300 MiB, and 512 MiB for each of
// its up to four readers. No limit is on CPU: on a full node a pod should be slow rather than
// throttled on an empty one.
func limited(spec *v1alpha1.Resources, cpu, memory, limit string) *corev1ac.ResourceRequirementsApplyConfiguration {
	r := resources(spec, cpu, memory)
	if !isSet(spec) {
		r.WithLimits(corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(limit)})
	}
	return r
}

// resources returns the spec's resources or, without them, the given requests. A store has no
// default limit, because what it needs grows with the index.
func resources(spec *v1alpha1.Resources, cpu, memory string) *corev1ac.ResourceRequirementsApplyConfiguration {
	if !isSet(spec) {
		return corev1ac.ResourceRequirements().WithRequests(corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(cpu),
			corev1.ResourceMemory: resource.MustParse(memory),
		})
	}
	return explicitResources(*spec)
}

func isSet(spec *v1alpha1.Resources) bool {
	return spec != nil && len(spec.Requests)+len(spec.Limits) > 0
}

// explicitResources returns what the spec sets, and nothing else.
func explicitResources(spec v1alpha1.Resources) *corev1ac.ResourceRequirementsApplyConfiguration {
	r := corev1ac.ResourceRequirements()
	if len(spec.Requests) > 0 {
		r.WithRequests(resourceList(spec.Requests))
	}
	if len(spec.Limits) > 0 {
		r.WithLimits(resourceList(spec.Limits))
	}
	return r
}

func resourceList(quantities map[string]resource.Quantity) corev1.ResourceList {
	list := corev1.ResourceList{}
	for name, quantity := range quantities {
		list[corev1.ResourceName(name)] = quantity
	}
	return list
}

// schedule applies the spec's rules to a pod, which is spread among the pods that the selector
// finds.
func schedule(pod *corev1ac.PodSpecApplyConfiguration, s *v1alpha1.Scheduling, selector map[string]string) {
	if s == nil {
		return
	}
	for key, value := range s.NodeSelector {
		pod.WithNodeSelector(map[string]string{key: string(value)})
	}
	for _, t := range s.Tolerations {
		pod.WithTolerations(toleration(t))
	}
	for _, c := range s.TopologySpreadConstraints {
		pod.WithTopologySpreadConstraints(corev1ac.TopologySpreadConstraint().
			WithTopologyKey(c.TopologyKey).
			WithMaxSkew(c.MaxSkew).
			WithWhenUnsatisfiable(corev1.UnsatisfiableConstraintAction(c.WhenUnsatisfiable)).
			WithLabelSelector(metav1ac.LabelSelector().WithMatchLabels(selector)))
	}
}

func toleration(t v1alpha1.Toleration) *corev1ac.TolerationApplyConfiguration {
	tolerate := corev1ac.Toleration()
	if t.Key != "" {
		tolerate.WithKey(t.Key)
	}
	if t.Operator != "" {
		tolerate.WithOperator(corev1.TolerationOperator(t.Operator))
	}
	if t.Value != "" {
		tolerate.WithValue(string(t.Value))
	}
	if t.Effect != "" {
		tolerate.WithEffect(corev1.TaintEffect(t.Effect))
	}
	if t.TolerationSeconds != nil {
		tolerate.WithTolerationSeconds(*t.TolerationSeconds)
	}
	return tolerate
}

// env returns a variable with a value. An empty value is left out, as the API server would.
func env(name, value string) *corev1ac.EnvVarApplyConfiguration {
	e := corev1ac.EnvVar().WithName(name)
	if value != "" {
		e.WithValue(value)
	}
	return e
}

func envFromSecret(name, secret, key string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValueFrom(corev1ac.EnvVarSource().
		WithSecretKeyRef(corev1ac.SecretKeySelector().WithName(secret).WithKey(key)))
}

// variables returns those of a spec.
func variables(vars []v1alpha1.EnvVar) (list []*corev1ac.EnvVarApplyConfiguration) {
	for _, v := range vars {
		if from := v.ValueFrom; from != nil {
			list = append(list, envFromSecret(v.Name, string(from.SecretKeyRef.Name), from.SecretKeyRef.Key))
		} else {
			list = append(list, env(v.Name, v.Value))
		}
	}
	return list
}

func envFromField(name, path string) *corev1ac.EnvVarApplyConfiguration {
	return corev1ac.EnvVar().WithName(name).WithValueFrom(corev1ac.EnvVarSource().
		WithFieldRef(corev1ac.ObjectFieldSelector().WithFieldPath(path)))
}

// service returns a Service for the pods that the selector finds.
func (b builder) service(
	name, component string, selector map[string]string, ports ...*corev1ac.ServicePortApplyConfiguration,
) *corev1ac.ServiceApplyConfiguration {
	return corev1ac.Service(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithSpec(corev1ac.ServiceSpec().WithSelector(selector).WithPorts(ports...))
}

// servicePort leads to the container's port of the same name. It names the target, because an apply
// without it would fight the API server's default.
func servicePort(name string, number int32) *corev1ac.ServicePortApplyConfiguration {
	return corev1ac.ServicePort().
		WithName(name).
		WithPort(number).
		WithTargetPort(intstr.FromString(name)).
		WithProtocol(corev1.ProtocolTCP)
}

func serviceURL(host string, port int) string { return "http://" + host + ":" + strconv.Itoa(port) }
