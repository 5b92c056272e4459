package desired

import (
	"path"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// ingestion is what runs share, and the run to have.
func (m maker) ingestion() []Child {
	children := []Child{m.account(m.names.Ingestion(), naming.ComponentIngest), m.ingestPolicy()}
	run := m.f.Run
	if run == nil {
		return children
	}
	name, fingerprint := m.names.Ingest(run.Name()), run.Config.Generation.Fingerprint()
	return append(children,
		m.immutable(name, naming.ComponentIngest, fingerprint, configEntry, run.Config),
		Child{Once: true, Object: m.job(*run, name, fingerprint)})
}

// job ends with its one pod's success. A pod that a node lost does not count, one that cannot use its config ends the
// job, and any other is followed by up to six more, ever later. It has no time to live: the controller keeps the last.
func (m maker) job(run Run, name, fingerprint string) *batchv1ac.JobApplyConfiguration {
	lost := batchv1ac.PodFailurePolicyRule().WithAction(batchv1.PodFailurePolicyActionIgnore).
		WithOnPodConditions(batchv1ac.PodFailurePolicyOnPodConditionsPattern().
			WithType(corev1.DisruptionTarget).WithStatus(corev1.ConditionTrue))
	hopeless := batchv1ac.PodFailurePolicyRule().WithAction(batchv1.PodFailurePolicyActionFailJob).
		WithOnExitCodes(batchv1ac.PodFailurePolicyOnExitCodesRequirement().
			WithContainerName(naming.ComponentIngest).WithOperator(batchv1.PodFailurePolicyOnExitCodesOpIn).WithValues(config.ExitUnusable))
	return batchv1ac.Job(name, m.p.Namespace).
		WithLabels(naming.Labels(m.p, naming.ComponentIngest)).
		WithLabels(map[string]string{naming.LabelGeneration: fingerprint}).
		WithAnnotations(map[string]string{
			naming.AnnotationConfig:  config.Hash(run.Config),
			naming.AnnotationTrigger: config.Hash(run.Trigger),
			naming.AnnotationRetry:   strconv.Itoa(run.Retry),
			naming.AnnotationLost:    strconv.Itoa(run.Trigger.Lost),
		}).
		WithSpec(batchv1ac.JobSpec().
			WithBackoffLimit(6).
			WithPodFailurePolicy(batchv1ac.PodFailurePolicy().WithRules(lost, hopeless)).
			WithTemplate(m.ingestPod(run.Config, name, fingerprint)))
}

func (m maker) ingestPod(c config.Ingest, configName, fingerprint string) *corev1ac.PodTemplateSpecApplyConfiguration {
	spec := m.p.Spec.Ingest
	sources, mounts := m.sources()
	container := m.ours(naming.ComponentIngest, "ingest", "--config", configDirectory+"/"+configEntry, "--secrets", secretsDirectory,
		"--termination-log", corev1.TerminationMessagePathDefault).
		WithTerminationMessagePath(corev1.TerminationMessagePathDefault).
		WithPorts(port("ops", config.OpsPort)).
		WithResources(resources(spec.Resources, "200m", "512Mi")).
		WithVolumeMounts(readOnly("config", configDirectory)).
		WithVolumeMounts(mounts...)
	volumes := append([]*corev1ac.VolumeApplyConfiguration{configVolume(configName)}, sources...)
	if secrets := secretsVolume(c.Embedding.Key, indexSecret(c.Index)); secrets != nil {
		volumes = append(volumes, secrets)
		container.WithVolumeMounts(readOnly("secrets", secretsDirectory))
	}
	template := m.template(pod{
		component:   naming.ComponentIngest,
		account:     m.names.Ingestion(),
		labels:      map[string]string{naming.LabelGeneration: fingerprint},
		annotations: m.weaviateKeyAnnotation(),
		selector:    naming.Selector(m.p, naming.ComponentIngest),
		scheduling:  spec.Scheduling,
		volumes:     volumes,
	}, container)
	template.Spec.WithRestartPolicy(corev1.RestartPolicyNever)
	return template
}

// sources returns the volumes with documents, and their mounts. A claim that several sources name is one volume: the
// kubelet does not mount the same claim twice into one pod. It is read-only as a volume too, so that nobody changes
// the owner of the user's files.
func (m maker) sources() ([]*corev1ac.VolumeApplyConfiguration, []*corev1ac.VolumeMountApplyConfiguration) {
	var volumes []*corev1ac.VolumeApplyConfiguration
	var mounts []*corev1ac.VolumeMountApplyConfiguration
	claims := map[string]string{} // claim to volume
	for _, s := range m.p.Spec.Documents {
		kind := derive.KindOf(s)
		if !kind.Mounted {
			continue
		}
		name, object := "source-"+s.Name, kind.Objects[0]
		volume, taken := claims[object.Name]
		switch {
		case object.Kind == derive.KindConfigMap:
			volumes = append(volumes, corev1ac.Volume().WithName(name).
				WithConfigMap(corev1ac.ConfigMapVolumeSource().WithName(object.Name)))
		case taken:
			name = volume
		default:
			claims[object.Name] = name
			volumes = append(volumes, corev1ac.Volume().WithName(name).WithPersistentVolumeClaim(
				corev1ac.PersistentVolumeClaimVolumeSource().WithClaimName(object.Name).WithReadOnly(true)))
		}
		mounts = append(mounts, readOnly(name, path.Join(sourcesDirectory, s.Name)))
	}
	return volumes, mounts
}
