package plan

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// standing is a state in which a run could start: the stand-in embedding model, the store and the
// one source are there.
func standing(jobs ...*batchv1.Job) *State {
	p := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Namespace: "rag", Name: "papers"}}
	p.Spec.Documents = []v1alpha1.Source{{Name: "papers", ConfigMap: &v1alpha1.ConfigMapSource{Name: "papers"}}}
	p.Spec.Models.Embedding.StandIn = &v1alpha1.StandIn{}
	p.Spec.VectorStore.Weaviate = &v1alpha1.Weaviate{}
	names := naming.For(p)
	return &State{
		Pipeline:     p,
		Rules:        "analyser/2 common/1",
		Jobs:         jobs,
		Objects:      map[string]metav1.ObjectMeta{"ConfigMap/papers": {UID: "1", ResourceVersion: "7"}},
		Deployments:  map[string]*appsv1.Deployment{names.StandIn(): {Status: appsv1.DeploymentStatus{AvailableReplicas: 1}}},
		StatefulSets: map[string]*appsv1.StatefulSet{names.Weaviate(): {Status: appsv1.StatefulSetStatus{ReadyReplicas: 1}}},
	}
}

// wantedTask is the task that a state wants.
func wantedTask(t *testing.T, s *State) desired.Task {
	t.Helper()
	task, err := ingestion.task(s, desired.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

// job is one made for the task, in the state: "" runs.
func job(name string, task desired.Task, ended batchv1.JobConditionType, ago time.Duration) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Name: name,
		Labels: map[string]string{
			naming.LabelComponent:  naming.ComponentIngest,
			naming.LabelGeneration: task.Config.Fingerprint(),
		},
		Annotations: map[string]string{
			naming.AnnotationConfig:   config.Hash(task.Config),
			naming.AnnotationTrigger:  config.Hash(task.Trigger),
			naming.AnnotationRetry:    strconv.Itoa(task.Retry),
			naming.AnnotationRebuilds: strconv.Itoa(task.Trigger.Rebuilds),
			naming.AnnotationRules:    task.Rules,
		},
	}}
	if ended != "" {
		j.Status.Conditions = []batchv1.JobCondition{{
			Type: ended, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon.Add(-ago)),
		}}
	}
	return j
}

// unusableConfig is the job, failed by a pod that could not use its config.
func unusableConfig(j *batchv1.Job) *batchv1.Job {
	j.Status.Conditions[0].Reason = batchv1.JobReasonPodFailurePolicy
	return j
}

func TestTheTaskThatIsToBe(t *testing.T) {
	now := wantedTask(t, standing())
	older, other := now, now
	older.Trigger.Sources = []desired.SourceVersion{{Source: "papers", UID: "1", ResourceVersion: "6"}}
	other.Config, other.Retry = config.Ingest{Version: config.Version, Keep: []string{"bbbbbbbb"}}, 3
	const succeeded, failed = batchv1.JobComplete, batchv1.JobFailed
	retried := func(n int) desired.Task {
		task := now
		task.Retry = n
		return task
	}
	for name, c := range map[string]struct {
		job     *batchv1.Job
		change  func(*State)
		run     bool
		retry   int
		kept    bool
		blocked bool
		wait    time.Duration
	}{
		"the first starts":                            {run: true},
		"the first waits for the store":               {change: withoutStore, blocked: true},
		"the first waits for the model":               {change: withoutModel, blocked: true},
		"the first waits for a source":                {change: withoutSource, blocked: true},
		"the first waits for a pod of an earlier one": {change: withIngestPod, blocked: true},
		"one that runs goes on":                       {job: job("a", retried(2), "", 0), run: true, retry: 2},
		"one that succeeded stays":                    {job: job("a", now, succeeded, time.Hour), run: true},
		"one that runs on older documents is awaited": {job: job("a", older, "", 0), kept: true},
		"one that runs on another config is stopped":  {job: job("a", other, "", 0), blocked: true},
		"one that left documents to the next is followed in a minute": {
			job: job("a", now, succeeded, 0), change: left(`{"reasons": {"ServerFailed": 1}}`),
			kept: true, wait: time.Minute,
		},
		"and then by the next": {
			job: job("a", retried(1), succeeded, 2*time.Minute), change: left(`{"warningReasons": {"PagesWaiting": 3}}`),
			run: true, retry: 2,
		},
		"one that left nothing stays": {
			job: job("a", now, succeeded, time.Hour), change: left(`{"reasons": {"Encrypted": 1}}`), run: true,
		},
		"the first waits for a Tika that starts": {change: withTika(appsv1.DeploymentStatus{}), blocked: true},
		"the first starts once the Tika serves":  {change: withTika(appsv1.DeploymentStatus{AvailableReplicas: 1}), run: true},
		"a Tika that is gone is not waited for": {
			change: withTika(appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{
				Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"}}}),
			run: true,
		},
		"the first does not wait for a Tika that does not start": {
			change: withTika(appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{{
				Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}}}),
			run: true,
		},
		"changed documents start another": {job: job("a", older, succeeded, time.Hour), run: true},
		"changed documents wait for the store": {
			job:    job("a", older, succeeded, time.Hour),
			change: withoutStore, blocked: true, kept: true,
		},
		"a changed config starts another": {job: job("a", other, failed, 0), run: true},
		"one that failed just now is followed in a minute": {
			job:  job("a", now, failed, 0),
			kept: true, wait: time.Minute,
		},
		"the pause doubles": {
			job:  job("a", retried(2), failed, time.Minute),
			kept: true, wait: 3 * time.Minute,
		},
		"the pause is an hour at most": {
			job:  job("a", retried(40), failed, 0),
			kept: true, wait: time.Hour,
		},
		"an unusable config is tried again in an hour": {
			job:  unusableConfig(job("a", now, failed, time.Minute)),
			kept: true, wait: 59 * time.Minute,
		},
		"and then it is": {
			job: unusableConfig(job("a", now, failed, time.Hour)),
			run: true, retry: 1,
		},
		"a changed config does not wait for that":                             {job: unusableConfig(job("a", other, failed, 0)), run: true},
		"changed documents do not either":                                     {job: unusableConfig(job("a", older, failed, 0)), run: true},
		"the first waits while the model is not the one that built the index": {change: drifted(false, 0), blocked: true},
		"one that found another model is tried again in an hour": {
			job:    unusableConfig(job("a", now, failed, time.Minute)),
			change: both(left(`{"reason": "ModelDrifted"}`), drifted(true, time.Hour)),
			kept:   true, wait: 59 * time.Minute,
		},
		"or as soon as a gateway finds the right one": {
			job:    unusableConfig(job("a", now, failed, time.Minute)),
			change: both(left(`{"reason": "ModelDrifted"}`), drifted(true, time.Second)),
			run:    true, retry: 1,
		},
		"but not while it finds another": {
			job:    unusableConfig(job("a", now, failed, time.Hour)),
			change: both(left(`{"reason": "ModelDrifted"}`), drifted(false, time.Second)),
			kept:   true, blocked: true,
		},
		"after the pause the next starts": {
			job: job("a", now, failed, 2*time.Minute),
			run: true, retry: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			if c.job != nil {
				s.Jobs = append(s.Jobs, c.job)
			}
			if c.change != nil {
				c.change(s)
			}
			got := s.decide(ingestion, now, noon)
			if (got.task != nil) != c.run || (got.keep != "") != c.kept || got.blocked != c.blocked || got.wait != c.wait {
				t.Fatalf("decision %+v", got)
			}
			if c.run && got.task.Retry != c.retry {
				t.Errorf("retry %d, want %d", got.task.Retry, c.retry)
			}
		})
	}
}

func both(first, second func(*State)) func(*State) {
	return func(s *State) { first(s); second(s) }
}

// drifted gives the wanted generation a gateway whose embedding model is, since a while, the one that built the index
// or another one.
func drifted(right bool, since time.Duration) func(*State) {
	return func(s *State) {
		embedding := config.StageStatus{OK: right, Since: noon.Add(-since)}
		if !right {
			embedding.Reason = config.ModelDrifted
		}
		s.Gateways = []config.OpsStatus{{
			Generation: s.wanted().Fingerprint(),
			Stages:     map[config.Stage]config.StageStatus{config.StageEmbedding: embedding},
		}}
	}
}

// left makes the pod of Job a one that has ended with a summary.
func left(summary string) func(*State) {
	return func(s *State) {
		pod := reporting("a-1", naming.ComponentIngest, "a")
		pod.Status.Phase = corev1.PodSucceeded
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{Message: summary}}}}
		s.Pods = []corev1.Pod{pod}
	}
}

// withTika gives the pipeline a Tika whose Deployment has that status.
func withTika(now appsv1.DeploymentStatus) func(*State) {
	return func(s *State) {
		s.Pipeline.Spec.Extraction = &v1alpha1.Extraction{Server: v1alpha1.ExtractionServer{Tika: &v1alpha1.Tika{}}}
		s.Deployments[naming.For(s.Pipeline).Stage(naming.ComponentExtraction)] = &appsv1.Deployment{Status: now}
	}
}

func withoutStore(s *State) { s.StatefulSets = nil }

func withoutModel(s *State) { s.Deployments = nil }

func withoutSource(s *State) { s.Missing = []status.Missing{{Component: naming.ComponentIngest}} }

func withIngestPod(s *State) {
	s.Pods = []corev1.Pod{reporting("earlier", naming.ComponentIngest, "a")}
}

func TestAnIndexThatWasLostIsBuiltAgainOnce(t *testing.T) {
	s := standing()
	done := wantedTask(t, s)
	s.Jobs = []*batchv1.Job{job("a", done, batchv1.JobComplete, time.Hour)}
	s.Gateways = []config.OpsStatus{{Generation: done.Config.Fingerprint(), Stages: map[config.Stage]config.StageStatus{
		config.StageIndex: {Reason: config.IndexNotBuilt, Since: noon.Add(-time.Minute)},
	}}}
	first := taskDue(t, s)
	if first.Trigger.Rebuilds != 1 || first.Name(s.Pipeline) == done.Name(s.Pipeline) {
		t.Fatalf("the index is not built again: %+v", first)
	}
	s.Jobs = append(s.Jobs, job("b", first, "", 0))
	if now := taskDue(t, s); now.Name(s.Pipeline) != first.Name(s.Pipeline) {
		t.Errorf("while it runs: %+v", now)
	}
	s.Jobs[1] = job("b", first, batchv1.JobComplete, 0)
	if now := taskDue(t, s); now.Name(s.Pipeline) != first.Name(s.Pipeline) {
		t.Errorf("after it: %+v", now)
	}
}

// taskDue is the one task of a state's plan.
func taskDue(t *testing.T, s *State) desired.Task {
	t.Helper()
	next, err := For(s, noon)
	if err != nil {
		t.Fatal(err)
	}
	if len(next.Facts.Tasks) != 1 {
		t.Fatalf("%d tasks are due, want 1", len(next.Facts.Tasks))
	}
	return next.Facts.Tasks[0]
}

// A Job of another kind is neither this kind's newest nor does it make a generation complete.
func TestKindsOfTasksAreTold(t *testing.T) {
	s := standing()
	other := job("backup", wantedTask(t, s), batchv1.JobComplete, 0)
	other.Labels[naming.LabelComponent] = "backup"
	s.Jobs = []*batchv1.Job{other}
	next, err := For(s, noon)
	if err != nil {
		t.Fatal(err)
	}
	if len(next.Facts.Tasks) != 1 || next.Facts.Live != nil {
		t.Errorf("%d runs are due and %v is live, want a first run and nothing live", len(next.Facts.Tasks), next.Facts.Live)
	}
}

// The summary of a run that workers share adds up what the newest pod of each has left.
func TestTheSummaryOfWorkersIsTheirSum(t *testing.T) {
	pod := func(worker string, phase corev1.PodPhase, summary string) corev1.Pod {
		pod := corev1.Pod{}
		pod.Labels = map[string]string{batchv1.JobNameLabel: "a"}
		if worker != "" {
			pod.Annotations = map[string]string{batchv1.JobCompletionIndexAnnotation: worker}
		}
		pod.Status.Phase = phase
		if summary != "" {
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
				Terminated: &corev1.ContainerStateTerminated{Message: summary}}}}
		}
		return pod
	}
	for name, c := range map[string]struct {
		pods  []corev1.Pod
		want  *config.Summary
		ended int // documents of workers that have done their shares
	}{
		"nobody has ended": {[]corev1.Pod{pod("0", corev1.PodRunning, "")}, nil, 0},
		"each has ended": {[]corev1.Pod{
			pod("1", corev1.PodSucceeded, `{"listed":5,"added":5,"chunks":50,"seconds":3}`),
			pod("0", corev1.PodSucceeded, `{"listed":7,"added":7,"chunks":70,"seconds":2}`),
		}, &config.Summary{Listed: 12, Added: 12, Chunks: 120, Seconds: 3}, 12},
		"one was followed by another": {[]corev1.Pod{
			pod("0", corev1.PodFailed, `{"listed":7,"added":2,"error":"lost"}`),
			pod("1", corev1.PodRunning, ""),
			pod("0", corev1.PodSucceeded, `{"listed":7,"added":5,"unchanged":2}`),
		}, &config.Summary{Listed: 7, Added: 5, Unchanged: 2}, 7},
		"one fails": {[]corev1.Pod{
			pod("1", corev1.PodFailed, `{"error":"the model is down","reason":"ModelUnreachable"}`),
			pod("0", corev1.PodSucceeded, `{"listed":7,"added":7}`),
		}, &config.Summary{Listed: 7, Added: 7, Error: "the model is down", Reason: "ModelUnreachable"}, 7},
		"the only pod": {[]corev1.Pod{pod("", corev1.PodSucceeded, `{"listed":3}`)}, &config.Summary{Listed: 3}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, j := standing(), &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
			s.Pods = c.pods
			if diff := cmp.Diff(c.want, s.summary(j)); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
			ended := 0
			for _, p := range s.ended(j) {
				ended += p.DocumentsDone
			}
			if ended != c.ended {
				t.Errorf("workers have done %d documents, want %d", ended, c.ended)
			}
		})
	}
}

// A Job whose pods cannot start is made again once the spec has changed, and left alone while it has not: its pods
// would stay as they are.
func TestARunThatCannotStartIsMadeAgainForAnotherSpec(t *testing.T) {
	waits := corev1.PodStatus{Phase: corev1.PodPending}
	fetches := corev1.PodStatus{Phase: corev1.PodPending, InitContainerStatuses: []corev1.ContainerStatus{
		{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
	}}
	for name, c := range map[string]struct {
		made  int64 // the spec that the Job was made for, of 2
		pod   *corev1.PodStatus
		stays bool
	}{
		"its pods are refused":                   {made: 1},
		"its pod fits no node":                   {made: 1, pod: &waits},
		"its pods are refused, by this spec":     {made: 2, stays: true},
		"its program fetches documents":          {made: 1, pod: &fetches, stays: true},
		"it runs":                                {made: 1, pod: &corev1.PodStatus{Phase: corev1.PodRunning}, stays: true},
		"an operator that did not note the spec": {made: 0, stays: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			active := job("a", wantedTask(t, s), "", 0)
			s.Jobs, s.Pipeline.Generation = []*batchv1.Job{active}, 2
			if c.made > 0 {
				active.Annotations[naming.AnnotationSpec] = strconv.FormatInt(c.made, 10)
			}
			if c.pod != nil {
				s.Pods = append(s.Pods, corev1.Pod{Status: *c.pod, ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{
					naming.LabelComponent: naming.ComponentIngest, batchv1.JobNameLabel: "a",
				}}})
			}
			if task, _ := planned(t, s); (task != nil) != c.stays {
				t.Errorf("the Job stays: %t", task != nil)
			}
		})
	}
}
