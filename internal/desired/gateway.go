package desired

import (
	"path"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// GatewayKeyEntry is the entry of the gateway's generated Secret. It is also the name of its
// client.
const GatewayKeyEntry = "default"

// GatewayMinReady is how many seconds a gateway's pod has to be ready before it counts as
// available: until then some nodes may not route the Service's requests to it.
const GatewayMinReady = 3

// gateway returns the gateway, which exists from the start and is pinned to one generation. A
// ConfigMap is named by the hash of its content, so a change of config is a rollout, and an old pod
// that restarts still finds its own config.
func (b builder) gateway() ([]Child, error) {
	record := b.pinned()
	c, err := b.gatewayConfig(record)
	if err != nil {
		return nil, err
	}
	name, configName := b.names.Gateway(), b.names.GatewayConfig(config.Hash(c))
	spec := b.p.Spec.Gateway
	selector := naming.Selector(b.p, naming.ComponentGateway)
	service := b.service(name, naming.ComponentGateway, selector, servicePort("http", GatewayPort))
	if spec.TLS != nil {
		service.Spec.Ports[0].WithAppProtocol("https")
		service.WithAnnotations(map[string]string{"traefik.ingress.kubernetes.io/service.serversscheme": "https"})
	}
	expose(service, spec.Service)
	return []Child{
		b.account(name, naming.ComponentGateway),
		b.gatewayPolicy(),
		b.immutable(configName, naming.ComponentGateway, record.Fingerprint(), configEntry, c),
		{Object: service},
		{Object: b.gatewayDeployment(c, configName)},
	}, nil
}

// expose makes the Service reachable as the spec says.
func expose(service *corev1ac.ServiceApplyConfiguration, spec v1alpha1.GatewayService) {
	if spec.Type != "" {
		service.Spec.WithType(corev1.ServiceType(spec.Type))
	}
	if len(spec.Annotations) > 0 {
		service.WithAnnotations(annotations(spec.Annotations))
	}
	if spec.LoadBalancerClass != "" {
		service.Spec.WithLoadBalancerClass(spec.LoadBalancerClass)
	}
	for _, addresses := range spec.LoadBalancerSourceRanges {
		service.Spec.WithLoadBalancerSourceRanges(string(addresses))
	}
}

// gatewayConfig returns the spec's config, except for what belongs to the generation.
func (b builder) gatewayConfig(r Record) (config.Gateway, error) {
	dataPlane := b.dataPlaneFor(r)
	if b.reads() {
		dataPlane.Index.Weaviate.Key.Name = b.names.WeaviateReader()
	}
	c, err := derive.Gateway(b.p, dataPlane)
	if err != nil {
		return config.Gateway{}, err
	}
	c.Generation = r.Generation
	c.Models.Embedding, err = dataPlane.Model(config.StageEmbedding, b.embedding(r))
	return c, err
}

func (b builder) gatewayDeployment(c config.Gateway, configName string) *appsv1ac.DeploymentApplyConfiguration {
	spec := b.p.Spec.Gateway
	deployment := appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(naming.Selector(b.p, naming.ComponentGateway))).
		WithStrategy(rolling(0, 1)).
		WithMinReadySeconds(GatewayMinReady).
		WithRevisionHistoryLimit(2).
		WithProgressDeadlineSeconds(progressDeadline + b.embeddingStart()).
		WithTemplate(b.gatewayPod(c, configName))
	if spec.Replicas != nil {
		deployment.WithReplicas(*spec.Replicas)
	}
	return appsv1ac.Deployment(b.names.Gateway(), b.p.Namespace).
		WithLabels(naming.Labels(b.p, naming.ComponentGateway)).
		WithAnnotations(b.voucher(b.names.GatewayKey())).
		WithAnnotations(b.authorityVoucher()).
		WithSpec(deployment)
}

// progressDeadline is how many seconds a rollout may make no progress, besides the time that a
// model takes to start.
const progressDeadline = 600

// embeddingStart is how many seconds the embedding model may take to start; the gateway waits for
// it.
func (b builder) embeddingStart() int32 {
	if nim := b.embedding(b.pinned()).NIM; nim != nil {
		return startupSeconds(nim)
	}
	return 0
}

func rolling(unavailable, surge int) *appsv1ac.DeploymentStrategyApplyConfiguration {
	return appsv1ac.DeploymentStrategy().
		WithType(appsv1.RollingUpdateDeploymentStrategyType).
		WithRollingUpdate(appsv1ac.RollingUpdateDeployment().
			WithMaxUnavailable(intstr.FromInt(unavailable)).
			WithMaxSurge(intstr.FromInt(surge)))
}

func (b builder) gatewayPod(c config.Gateway, configName string) *corev1ac.PodTemplateSpecApplyConfiguration {
	spec := b.p.Spec.Gateway
	container := b.operatorContainer(naming.ComponentGateway, "gateway",
		"--config", configDirectory+"/"+configEntry, "--secrets", secretsDirectory).
		WithPorts(port("http", GatewayPort)).
		WithReadinessProbe(b.opsProbe("/readyz", 1)).
		WithLivenessProbe(b.opsProbe("/healthz", 10).WithFailureThreshold(6)).
		WithLifecycle(preStopDelay()).
		WithResources(limited(spec.Resources, "50m", "64Mi", "1Gi")).
		WithVolumeMounts(readOnly(ConfigVolume, configDirectory))
	volumes := append([]*corev1ac.VolumeApplyConfiguration{configVolume(configName)},
		b.encryptOps(b.names.Gateway(), container)...)
	if secrets := secretsVolume(gatewaySecrets(c)...); secrets != nil {
		volumes = append(volumes, secrets)
		container.WithVolumeMounts(readOnly("secrets", secretsDirectory))
	}
	if keys := b.clients(); keys != "" {
		volumes = append(volumes, corev1ac.Volume().WithName("keys").WithSecret(corev1ac.SecretVolumeSource().
			WithSecretName(keys).WithDefaultMode(0o440).WithOptional(true)))
		container.WithArgs("--keys-dir", keysDirectory).WithVolumeMounts(readOnly("keys", keysDirectory))
	}
	if spec.TLS != nil { // not optional: a gateway that should have TLS must not serve without
		volumes = append(volumes, corev1ac.Volume().WithName("tls").WithSecret(corev1ac.SecretVolumeSource().
			WithSecretName(string(spec.TLS.SecretName)).WithDefaultMode(0o440)))
		container.WithArgs("--tls-dir", tlsDirectory, "--termination-log", corev1.TerminationMessagePathDefault).
			WithVolumeMounts(readOnly("tls", tlsDirectory))
	}
	documents, mounts := b.originals()
	volumes = append(volumes, documents...)
	container.WithVolumeMounts(mounts...)
	template := b.template(pod{
		component:   naming.ComponentGateway,
		account:     b.names.Gateway(),
		labels:      map[string]string{naming.LabelGeneration: c.Generation.Fingerprint()},
		annotations: union(b.gatewayKeyAnnotation(), b.authorityAnnotation()),
		selector:    naming.Selector(b.p, naming.ComponentGateway),
		scheduling:  spec.Scheduling,
		volumes:     volumes,
	}, container)
	template.Spec.WithTerminationGracePeriodSeconds(preStopGrace)
	return template
}

// originals returns the documents that the gateway can send as they are, and their mounts. They are
// optional: without them the gateway sends the text in the index.
func (b builder) originals() ([]*corev1ac.VolumeApplyConfiguration, []*corev1ac.VolumeMountApplyConfiguration) {
	var volumes []*corev1ac.VolumeApplyConfiguration
	var mounts []*corev1ac.VolumeMountApplyConfiguration
	for _, s := range b.p.Spec.Documents {
		kind := derive.KindOf(s)
		if !kind.Shared {
			continue
		}
		name := naming.Program(s.Name)
		volumes = append(volumes, corev1ac.Volume().WithName(name).
			WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(kind.Objects[0].Name).WithOptional(true)))
		mounts = append(mounts, readOnly(name, path.Join(sourcesDirectory, s.Name)))
	}
	return volumes, mounts
}

// clients returns the name of the Secret with the clients' keys; empty if there are none.
func (b builder) clients() string {
	switch auth := b.p.Spec.Gateway.Auth; {
	case auth == nil:
		return b.names.GatewayKey()
	case auth.Anonymous != nil, auth.OIDC != nil:
		return ""
	default:
		return string(auth.SecretName)
	}
}

func gatewaySecrets(c config.Gateway) []*config.SecretKey {
	keys := []*config.SecretKey{c.Models.Embedding.Key, indexSecret(c.Index)}
	if c.Models.Reranking != nil {
		keys = append(keys, c.Models.Reranking.Key)
	}
	if c.Models.LLM != nil {
		keys = append(keys, c.Models.LLM.Key)
	}
	return keys
}
