package desired

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// GatewayKeyEntry is the entry of the gateway's generated Secret: the name of the one client.
const GatewayKeyEntry = "default"

// GatewayMinReady is how many seconds a gateway's pod has to be ready before it is counted on: until then some node
// may not send the Service's questions to it.
const GatewayMinReady = 3

// gateway exists from the start and is pinned to one generation. The names of the ConfigMaps are hashes of what they
// hold, so a change of config is a rollout, and a pod of the old one that restarts still finds its own.
func (m maker) gateway() ([]Child, error) {
	record := m.pinned()
	c, err := m.gatewayConfig(record)
	if err != nil {
		return nil, err
	}
	name, configName := m.names.Gateway(), m.names.GatewayConfig(config.Hash(c))
	spec := m.p.Spec.Gateway
	service := m.service(name, naming.ComponentGateway, naming.Selector(m.p, naming.ComponentGateway), servicePort("http", GatewayPort))
	if spec.Service.Type != "" {
		service.Spec.WithType(corev1.ServiceType(spec.Service.Type))
	}
	return []Child{
		m.account(name, naming.ComponentGateway),
		m.gatewayPolicy(),
		m.immutable(configName, naming.ComponentGateway, record.Fingerprint(), configEntry, c),
		{Object: service},
		{Object: m.gatewayDeployment(c, configName)},
	}, nil
}

// gatewayConfig is the spec's in all but what belongs to the generation.
func (m maker) gatewayConfig(r Record) (config.Gateway, error) {
	place := m.place(r)
	c, err := derive.Gateway(m.p, place)
	if err != nil {
		return config.Gateway{}, err
	}
	c.Generation = r.Generation
	c.Models.Embedding, err = place.Model(config.StageEmbedding, m.embedding(r))
	return c, err
}

func (m maker) gatewayDeployment(c config.Gateway, configName string) *appsv1ac.DeploymentApplyConfiguration {
	spec := m.p.Spec.Gateway
	deployment := appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(naming.Selector(m.p, naming.ComponentGateway))).
		WithStrategy(rolling(0, 1)).
		WithMinReadySeconds(GatewayMinReady).
		WithRevisionHistoryLimit(2).
		WithProgressDeadlineSeconds(progressDeadline + m.embeddingStart()).
		WithTemplate(m.gatewayPod(c, configName))
	if spec.Replicas != nil {
		deployment.WithReplicas(*spec.Replicas)
	}
	return appsv1ac.Deployment(m.names.Gateway(), m.p.Namespace).WithLabels(naming.Labels(m.p, naming.ComponentGateway)).WithSpec(deployment)
}

// progressDeadline is how many seconds a rollout may stand still beyond what a model takes to start.
const progressDeadline = 600

// embeddingStart is how many seconds the embedding model that the gateway waits for may take.
func (m maker) embeddingStart() int32 {
	if nim := m.embedding(m.pinned()).NIM; nim != nil {
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

func (m maker) gatewayPod(c config.Gateway, configName string) *corev1ac.PodTemplateSpecApplyConfiguration {
	spec := m.p.Spec.Gateway
	container := m.ours(naming.ComponentGateway, "gateway", "--config", configDirectory+"/"+configEntry, "--secrets", secretsDirectory).
		WithPorts(port("http", GatewayPort), port("ops", config.OpsPort)).
		WithReadinessProbe(probe("ops", "/readyz", 1)).
		WithLivenessProbe(probe("ops", "/healthz", 10).WithFailureThreshold(6)).
		WithLifecycle(lingering()).
		WithResources(resources(spec.Resources, "50m", "64Mi")).
		WithVolumeMounts(readOnly("config", configDirectory))
	volumes := []*corev1ac.VolumeApplyConfiguration{configVolume(configName)}
	if secrets := secretsVolume(gatewaySecrets(c)...); secrets != nil {
		volumes = append(volumes, secrets)
		container.WithVolumeMounts(readOnly("secrets", secretsDirectory))
	}
	if keys := m.clients(); keys != "" {
		volumes = append(volumes, corev1ac.Volume().WithName("keys").WithSecret(corev1ac.SecretVolumeSource().
			WithSecretName(keys).WithDefaultMode(0o440).WithOptional(true)))
		container.WithArgs("--keys-dir", keysDirectory).WithVolumeMounts(readOnly("keys", keysDirectory))
	}
	template := m.template(pod{
		component:   naming.ComponentGateway,
		account:     m.names.Gateway(),
		labels:      map[string]string{naming.LabelGeneration: c.Generation.Fingerprint()},
		annotations: m.weaviateKeyAnnotation(),
		selector:    naming.Selector(m.p, naming.ComponentGateway),
		scheduling:  spec.Scheduling,
		volumes:     volumes,
	}, container)
	template.Spec.WithTerminationGracePeriodSeconds(lingeringGrace)
	return template
}

// clients is the Secret of the keys of those who may ask; empty when everyone may.
func (m maker) clients() string {
	switch auth := m.p.Spec.Gateway.Auth; {
	case auth == nil:
		return m.names.GatewayKey()
	case auth.Anonymous != nil:
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
