package desired

import (
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

const (
	tikaPort        = 9998
	tikaDirectory   = "/etc/tika"
	tikaConfigEntry = "tika-config.xml"
	// tikaStartupPeriod and tikaStartupProbes give a slow node five minutes to start a Java program.
	tikaStartupPeriod, tikaStartupProbes = 5, 60
)

// tikaConfig gives Tika as long for a document as the ingestion waits for it, less a minute, so that
// Tika ends it first. A document that takes longer ends the process that reads it, with every other
// document that it reads: the time is for scans of some hundred pages.
func (b builder) tikaConfig() string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<properties>
  <server>
    <params>
      <port>9998</port>
      <host>` + b.host("0.0.0.0") + `</host>
      <taskTimeoutMillis>840000</taskTimeoutMillis>
    </params>
  </server>
</properties>
`
}

// extraction returns the extraction server that the operator runs, if the spec has one.
func (b builder) extraction() []Child {
	if b.p.Spec.Extraction == nil || b.p.Spec.Extraction.Server.Tika == nil {
		return nil
	}
	const component = naming.ComponentExtraction
	name, selector := b.names.Stage(component), naming.Selector(b.p, component)
	configMap := corev1ac.ConfigMap(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, component)).
		WithData(map[string]string{tikaConfigEntry: b.tikaConfig()})
	return []Child{
		b.account(name, component),
		b.policy(name, component, admit(b.components(naming.ComponentIngest), b.admitted(tikaListener)...)),
		{Object: configMap},
		{Object: b.service(name, component, selector, b.servicePorts(tikaListener)...)},
		{Object: b.tikaDeployment(name, *b.p.Spec.Extraction.Server.Tika)},
	}
}

func (b builder) tikaDeployment(name string, tika v1alpha1.Tika) *appsv1ac.DeploymentApplyConfiguration {
	const component = naming.ComponentExtraction
	selector := naming.Selector(b.p, component)
	listens := corev1ac.Probe().
		WithTCPSocket(corev1ac.TCPSocketAction().WithPort(intstr.FromString("http"))).
		WithPeriodSeconds(10).WithTimeoutSeconds(3)
	if b.encrypts() { // the sidecar listens whatever becomes of Tika
		listens = b.probe(tikaListener, "/version", 10)
	}
	container := container("tika", string(tika.Image)).
		WithArgs("-c", tikaDirectory+"/"+tikaConfigEntry).
		WithPorts(b.ports(tikaListener)...).
		WithStartupProbe(b.probe(tikaListener, "/version", tikaStartupPeriod).WithFailureThreshold(tikaStartupProbes)).
		WithReadinessProbe(b.probe(tikaListener, "/version", 5)).
		WithLivenessProbe(listens.WithFailureThreshold(12)). // Tika restarts its own child process
		WithLifecycle(preStopDelay()).
		WithResources(resources(tika.Resources, "500m", "1Gi")).
		WithVolumeMounts(readOnly(ConfigVolume, tikaDirectory))
	template := b.template(pod{
		component:   component,
		account:     name,
		annotations: map[string]string{naming.AnnotationConfig: config.Hash(b.tikaConfig())}, // a changed one rolls the pods
		selector:    selector,
		scheduling:  tika.Scheduling,
		volumes:     []*corev1ac.VolumeApplyConfiguration{configVolume(name)},
	}, container)
	template.Spec.WithTerminationGracePeriodSeconds(preStopGrace)
	spec := appsv1ac.DeploymentSpec().
		WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector)).
		WithStrategy(rolling(0, 1)).
		WithRevisionHistoryLimit(2).
		WithTemplate(template)
	if tika.Replicas != nil {
		spec.WithReplicas(*tika.Replicas)
	}
	return appsv1ac.Deployment(name, b.p.Namespace).WithLabels(naming.Labels(b.p, component)).
		WithAnnotations(b.encrypt(name, template, tikaListener)).
		WithSpec(spec)
}
