package controllers

import (
	"strconv"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// standing is a scene in which a run could start: the stand-in embedding model and the store are there.
func standing(jobs ...*batchv1.Job) *scene {
	p := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Namespace: "rag", Name: "papers"}}
	p.Spec.Models.Embedding.StandIn = &v1alpha1.StandIn{}
	p.Spec.VectorStore.Weaviate = &v1alpha1.Weaviate{}
	names := naming.For(p)
	return &scene{
		pipeline:     p,
		wanted:       "aaaaaaaa",
		jobs:         jobs,
		sources:      []desired.SourceVersion{{Source: "papers", UID: "1", ResourceVersion: "7"}},
		deployments:  map[string]*appsv1.Deployment{names.StandIn(): {Status: appsv1.DeploymentStatus{AvailableReplicas: 1}}},
		statefulSets: map[string]*appsv1.StatefulSet{names.Weaviate(): {Status: appsv1.StatefulSetStatus{ReadyReplicas: 1}}},
	}
}

var wantedConfig = config.Ingest{Version: config.Version, Keep: []string{"aaaaaaaa"}}

// job is one made for the config and trigger, in the state: "" runs.
func job(name string, c config.Ingest, trigger desired.Trigger, retry int, ended batchv1.JobConditionType, ago time.Duration) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Name:   name,
		Labels: map[string]string{naming.LabelGeneration: "aaaaaaaa"},
		Annotations: map[string]string{
			naming.AnnotationConfig:   config.Hash(c),
			naming.AnnotationTrigger:  config.Hash(trigger),
			naming.AnnotationRetry:    strconv.Itoa(retry),
			naming.AnnotationRebuilds: strconv.Itoa(trigger.Rebuilds),
		},
	}}
	if ended != "" {
		j.Status.Conditions = []batchv1.JobCondition{{Type: ended, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(noon.Add(-ago))}}
	}
	return j
}

func TestTheRunThatIsToBe(t *testing.T) {
	now := standing().trigger()
	older := desired.Trigger{Sources: []desired.SourceVersion{{Source: "papers", UID: "1", ResourceVersion: "6"}}}
	other := config.Ingest{Version: config.Version, Keep: []string{"bbbbbbbb"}}
	for name, c := range map[string]struct {
		job     *batchv1.Job
		change  func(*scene)
		run     bool
		retry   int
		kept    bool
		blocked bool
		wait    time.Duration
	}{
		"the first starts":                                 {run: true},
		"the first waits for the store":                    {change: withoutStore, blocked: true},
		"the first waits for the model":                    {change: withoutModel, blocked: true},
		"the first waits for a source":                     {change: withoutSource, blocked: true},
		"the first waits for a pod of an earlier one":      {change: withIngestPod, blocked: true},
		"one that runs goes on":                            {job: job("a", wantedConfig, now, 2, "", 0), run: true, retry: 2},
		"one that succeeded stays":                         {job: job("a", wantedConfig, now, 0, batchv1.JobComplete, time.Hour), run: true},
		"one that runs on older documents is awaited":      {job: job("a", wantedConfig, older, 0, "", 0), kept: true},
		"one that runs on another config is stopped":       {job: job("a", other, now, 0, "", 0), blocked: true},
		"changed documents start another":                  {job: job("a", wantedConfig, older, 0, batchv1.JobComplete, time.Hour), run: true},
		"changed documents wait for the store":             {job: job("a", wantedConfig, older, 0, batchv1.JobComplete, time.Hour), change: withoutStore, blocked: true, kept: true},
		"a changed config starts another":                  {job: job("a", other, now, 3, batchv1.JobFailed, 0), run: true},
		"one that failed just now is followed in a minute": {job: job("a", wantedConfig, now, 0, batchv1.JobFailed, 0), kept: true, wait: time.Minute},
		"the pause doubles":                                {job: job("a", wantedConfig, now, 2, batchv1.JobFailed, time.Minute), kept: true, wait: 3 * time.Minute},
		"the pause is an hour at most":                     {job: job("a", wantedConfig, now, 40, batchv1.JobFailed, 0), kept: true, wait: time.Hour},
		"after the pause the next starts":                  {job: job("a", wantedConfig, now, 0, batchv1.JobFailed, 2*time.Minute), run: true, retry: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			if c.job != nil {
				s.jobs = append(s.jobs, c.job)
			}
			if c.change != nil {
				c.change(s)
			}
			got := s.plan(wantedConfig, noon)
			if (got.run != nil) != c.run || (len(got.keep) > 0) != c.kept || got.blocked != c.blocked || got.wait != c.wait {
				t.Fatalf("plan %+v", got)
			}
			if c.run && got.run.Retry != c.retry {
				t.Errorf("retry %d, want %d", got.run.Retry, c.retry)
			}
		})
	}
}

func withoutStore(s *scene)  { s.statefulSets = nil }
func withoutModel(s *scene)  { s.deployments = nil }
func withoutSource(s *scene) { s.missing = []status.Missing{{Component: naming.ComponentIngest}} }
func withIngestPod(s *scene) {
	s.pods = []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{naming.LabelComponent: naming.ComponentIngest}}}}
}

func TestAnIndexThatWasLostIsBuiltAgainOnce(t *testing.T) {
	s := standing()
	s.jobs = []*batchv1.Job{job("a", wantedConfig, s.trigger(), 0, batchv1.JobComplete, time.Hour)}
	gone := config.OpsStatus{Generation: s.wanted, Stages: map[config.Stage]config.StageStatus{
		config.StageIndex: {Reason: config.IndexNotBuilt, Since: noon.Add(-time.Minute)},
	}}
	s.gateways = []config.OpsStatus{gone}
	first := s.plan(wantedConfig, noon)
	if first.run == nil || first.run.Trigger.Rebuilds != 1 {
		t.Fatalf("plan %+v", first)
	}
	s.jobs = append(s.jobs, job("b", wantedConfig, first.run.Trigger, 0, "", 0))
	if again := s.plan(wantedConfig, noon); again.run == nil || again.run.Name(s.pipeline) != first.run.Name(s.pipeline) {
		t.Errorf("while it runs: %+v", again)
	}
	s.jobs[1] = job("b", wantedConfig, first.run.Trigger, 0, batchv1.JobComplete, 0)
	if after := s.plan(wantedConfig, noon); after.run == nil || after.run.Name(s.pipeline) != first.run.Name(s.pipeline) {
		t.Errorf("after it: %+v", after)
	}
}
