package desired

import (
	"path"
	"slices"
	"strconv"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	batchv1ac "k8s.io/client-go/applyconfigurations/batch/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// Task is work that one Job does. The Job is named by the hash of the task, so that one need never
// starts two Jobs.
type Task struct {
	// Kind is in the Job's name and left out of the hash.
	Kind    TaskKind `json:"-"`
	Config  TaskConfig
	Trigger Trigger
	// Retry counts the Jobs for the same config and trigger that have failed before.
	Retry int
	// Rules are the config.Rules of the operator that started the task; empty where they do not matter, and before
	// tasks recorded them.
	Rules string `json:",omitempty"`
	// Workers is how many pods share the task; 0 and 1 mean that one pod does it. It changes how a task is done, not
	// what it does, and so is not part of its name.
	Workers int32 `json:"-"`
	// Upgrade reports whether nothing but an upgrade of the operator made the task due.
	Upgrade bool `json:"-"`
	// Asked reports whether a new value of the sync annotation asked for the task: words in the value hold for this
	// one task, and not for later ones that find the value unchanged.
	Asked bool `json:"-"`
}

// Name is the name of the task's Job and ConfigMap. It depends on config, trigger, retry number and rules,
// not on the image.
func (t Task) Name(p *v1alpha1.RAGPipeline) string {
	return naming.For(p).Task(t.Kind.Component, config.Hash(t))
}

// labels are those of the task's Job and pods, besides the component's.
func (t Task) labels() map[string]string {
	labels := map[string]string{naming.LabelGeneration: t.Config.Fingerprint()}
	if t.Kind.Variant != "" {
		labels[naming.LabelTask] = t.Kind.Variant
	}
	return labels
}

// TaskConfig is the config of a task's pods.
type TaskConfig interface {
	// Fingerprint names the generation that the task works on.
	Fingerprint() string
}

// Trigger is what a task is started for besides its config.
type Trigger struct {
	// Sources are the source objects, in the order of the spec.
	Sources []SourceVersion `json:"sources,omitempty"`
	// Sync is the value of naming.AnnotationSync.
	Sync string `json:"sync,omitempty"`
	// Rebuilds counts how often the index was found gone.
	Rebuilds int `json:"lost,omitempty"`
	// Ticks counts how often the interval has made a run due since the one before had succeeded.
	Ticks int `json:"ticks,omitempty"`
}

// flags are the flags of `ingest` that the sync annotation asks for. Each is a word in its value, which other text may
// follow or precede, such as a date that makes the value a new one.
func (t Task) flags() (flags []string) {
	if !t.Asked {
		return nil
	}
	words := strings.FieldsFunc(t.Trigger.Sync, func(c rune) bool { return c != '-' && (c < 'a' || c > 'z') })
	for i, word := range words {
		words[i] = strings.Trim(word, "-")
	}
	for _, word := range []string{"confirm-prune", "retry-failed"} {
		if slices.Contains(words, word) {
			flags = append(flags, "--"+word)
		}
	}
	return flags
}

// SourceVersion is the version of a source's object.
type SourceVersion struct {
	Source string    `json:"source"`
	UID    types.UID `json:"uid"`
	// ResourceVersion is empty for an object whose version does not change with its documents, such
	// as a claim.
	ResourceVersion string `json:"resourceVersion,omitempty"`
}

// TaskKind is what sets the Jobs of one kind of task apart from those of another.
type TaskKind struct {
	// Component labels its Jobs and pods, and is part of their names.
	Component string
	// Variant labels the Jobs of a kind that shares its component with another; empty for the other.
	Variant string
	// failures are how often a pod may fail before the Job does.
	failures int32
	// pod makes the template of its pods, which find the config in the ConfigMap of that name.
	pod func(b builder, t Task, configMap string) *corev1ac.PodTemplateSpecApplyConfiguration
}

// Ingestion builds a generation, or brings it up to date with its sources. Its tasks have a
// config.Ingest.
var Ingestion = TaskKind{Component: naming.ComponentIngest, failures: 6, pod: builder.ingestPod}

// Upkeep brings a generation beside the wanted one up to date with the sources: one that is retained,
// or the live one while the next cannot be built. It is ingestion that no question waits for, so that
// its Jobs soon give up; the next one follows after a pause.
var Upkeep = TaskKind{Component: naming.ComponentIngest, Variant: "upkeep", failures: 1, pod: builder.ingestPod}

// KeepsUp reports whether it is Upkeep.
func (k TaskKind) KeepsUp() bool { return k.Variant == Upkeep.Variant }

// taskKinds are the kinds of tasks, one for each component. The pods of each may connect to the store.
var taskKinds = []TaskKind{Ingestion}

// tasks returns what the tasks of each kind share, and the tasks to have.
func (b builder) tasks() (children []Child) {
	for _, kind := range taskKinds {
		name := b.names.Tasks(kind.Component)
		children = append(children,
			b.account(name, kind.Component),
			b.policy(name, kind.Component, b.operators()))
	}
	for _, t := range b.facts.Tasks {
		name := t.Name(b.p)
		children = append(children,
			b.immutable(name, t.Kind.Component, t.Config.Fingerprint(), configEntry, t.Config),
			Child{Once: true, Object: b.job(t, name)})
	}
	return children
}

// job ends with the success of its one pod, or of each worker's. A pod that a node lost does not count,
// one that cannot use its config ends the job, and any other is followed by as many more as its kind
// allows, ever later. It has no time to live: the controller keeps the last.
func (b builder) job(t Task, name string) *batchv1ac.JobApplyConfiguration {
	lost := batchv1ac.PodFailurePolicyRule().WithAction(batchv1.PodFailurePolicyActionIgnore).
		WithOnPodConditions(batchv1ac.PodFailurePolicyOnPodConditionsPattern().
			WithType(corev1.DisruptionTarget).WithStatus(corev1.ConditionTrue))
	unusable := batchv1ac.PodFailurePolicyRule().WithAction(batchv1.PodFailurePolicyActionFailJob).
		WithOnExitCodes(batchv1ac.PodFailurePolicyOnExitCodesRequirement().
			WithContainerName(t.Kind.Component).
			WithOperator(batchv1.PodFailurePolicyOnExitCodesOpIn).WithValues(config.ExitUnusable))
	job := batchv1ac.Job(name, b.p.Namespace).
		WithLabels(naming.Labels(b.p, t.Kind.Component)).
		WithLabels(t.labels()).
		WithAnnotations(map[string]string{
			naming.AnnotationConfig:   config.Hash(t.Config),
			naming.AnnotationTrigger:  config.Hash(t.Trigger),
			naming.AnnotationRetry:    strconv.Itoa(t.Retry),
			naming.AnnotationRebuilds: strconv.Itoa(t.Trigger.Rebuilds),
			naming.AnnotationTicks:    strconv.Itoa(t.Trigger.Ticks),
			naming.AnnotationSpec:     strconv.FormatInt(b.p.Generation, 10),
		}).
		WithSpec(batchv1ac.JobSpec().
			WithBackoffLimit(t.Kind.failures).
			WithPodFailurePolicy(batchv1ac.PodFailurePolicy().WithRules(lost, unusable)).
			WithTemplate(t.Kind.pod(b, t, name)))
	if t.Workers > 1 {
		job.Spec.WithCompletionMode(batchv1.IndexedCompletion).WithCompletions(t.Workers).WithParallelism(t.Workers).
			WithBackoffLimitPerIndex(*job.Spec.BackoffLimit)
		job.Spec.BackoffLimit = nil
	}
	if t.Rules != "" {
		job.WithAnnotations(map[string]string{naming.AnnotationRules: t.Rules})
	}
	if t.Upgrade {
		job.WithAnnotations(map[string]string{naming.AnnotationUpgrade: "true"})
	}
	if t.Trigger.Sync != "" {
		job.WithAnnotations(map[string]string{naming.AnnotationSync: t.Trigger.Sync})
	}
	if t.Asked {
		job.WithAnnotations(map[string]string{naming.AnnotationAsked: "true"})
	}
	return job
}

// The variables with the number of a worker and the UID of its Job.
const (
	workerVariable = "JOB_COMPLETION_INDEX" // is what the Job controller sets by itself
	runVariable    = "RAGPIPELINE_RUN"
)

func (b builder) ingestPod(t Task, configMap string) *corev1ac.PodTemplateSpecApplyConfiguration {
	c, spec := t.Config.(config.Ingest), b.p.Spec.Ingest
	sources, mounts := b.sources()
	programs, filled := b.programs()
	arguments := append([]string{"ingest", "--config", configDirectory + "/" + configEntry,
		"--secrets", secretsDirectory, "--termination-log", corev1.TerminationMessagePathDefault}, t.flags()...)
	container := b.operatorContainer(naming.ComponentIngest, arguments...).
		WithTerminationMessagePath(corev1.TerminationMessagePathDefault).
		WithResources(limited(spec.Resources, "200m", "512Mi", "3Gi")).
		WithVolumeMounts(readOnly(ConfigVolume, configDirectory)).
		WithVolumeMounts(mounts...)
	if t.Workers > 1 {
		container.WithArgs("--workers", strconv.Itoa(int(t.Workers)), "--worker", "$("+workerVariable+")", "--run",
			"$("+runVariable+")").
			WithEnv(envFromField(workerVariable, "metadata.annotations['"+batchv1.JobCompletionIndexAnnotation+"']"),
				envFromField(runVariable, "metadata.labels['"+batchv1.ControllerUidLabel+"']"))
	}
	volumes := append([]*corev1ac.VolumeApplyConfiguration{configVolume(configMap)}, slices.Concat(sources, filled,
		b.encryptOps(b.names.Tasks(naming.ComponentIngest), container))...)
	kinds := b.sourceKinds()
	keys := []*config.SecretKey{c.Embedding.Key, indexSecret(c.Index)}
	for _, kind := range kinds {
		for _, key := range kind.Keys {
			keys = append(keys, &key)
		}
	}
	if c.Extraction != nil {
		keys = append(keys, c.Extraction.Server.Key)
	}
	if secrets := secretsVolume(keys...); secrets != nil {
		volumes = append(volumes, secrets)
		container.WithVolumeMounts(readOnly("secrets", secretsDirectory))
	}
	if bundles := bundlesVolume(kinds); bundles != nil {
		volumes = append(volumes, bundles)
		container.WithArgs("--bundles", bundlesDirectory).WithVolumeMounts(readOnly("bundles", bundlesDirectory))
	}
	template := b.template(pod{
		component:   naming.ComponentIngest,
		account:     b.names.Tasks(naming.ComponentIngest),
		labels:      t.labels(),
		annotations: b.weaviateKeyAnnotation(),
		selector:    naming.Selector(b.p, naming.ComponentIngest),
		scheduling:  spec.Scheduling,
		volumes:     volumes,
	}, container)
	template.Spec.WithRestartPolicy(corev1.RestartPolicyNever).WithInitContainers(programs...)
	for _, s := range b.p.Spec.Documents {
		if s.Container != nil {
			addPullSecrets(template.Spec, s.Container.PullSecrets)
		}
	}
	return template
}

// sources returns the volumes with documents, and their mounts. A claim that several sources name
// is one volume: the kubelet does not mount the same claim twice into one pod. It is read-only as a
// volume too, so that nobody changes the owner of the user's files.
func (b builder) sources() ([]*corev1ac.VolumeApplyConfiguration, []*corev1ac.VolumeMountApplyConfiguration) {
	var volumes []*corev1ac.VolumeApplyConfiguration
	var mounts []*corev1ac.VolumeMountApplyConfiguration
	claims := map[string]string{} // claim to volume
	for _, s := range b.p.Spec.Documents {
		kind := derive.KindOf(s)
		if kind.Program {
			mounts = append(mounts, readOnly(naming.Program(s.Name), path.Join(sourcesDirectory, s.Name)))
		}
		if !kind.Mounted {
			continue
		}
		name, object := naming.Program(s.Name), kind.Objects[0]
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

func (b builder) sourceKinds() (kinds []derive.SourceKind) {
	for _, s := range b.p.Spec.Documents {
		kinds = append(kinds, derive.KindOf(s))
	}
	return kinds
}

// bundlesVolume holds the certificates that sources trust as <config map>/<key>; it is nil without
// any. Like a key, they may be missing.
func bundlesVolume(kinds []derive.SourceKind) *corev1ac.VolumeApplyConfiguration {
	projected := corev1ac.ProjectedVolumeSource()
	taken := map[config.ConfigMapKey]bool{}
	for _, kind := range kinds {
		for _, bundle := range kind.Bundles {
			if taken[bundle] {
				continue
			}
			taken[bundle] = true
			projected.WithSources(corev1ac.VolumeProjection().WithConfigMap(corev1ac.ConfigMapProjection().
				WithName(bundle.Name).WithOptional(true).
				WithItems(corev1ac.KeyToPath().WithKey(bundle.Key).WithPath(bundle.Name + "/" + bundle.Key))))
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return corev1ac.Volume().WithName("bundles").WithProjected(projected)
}
