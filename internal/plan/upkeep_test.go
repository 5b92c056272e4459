package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// switched is a pipeline whose wanted generation is complete, an hour after it has replaced the old one.
func switched(t *testing.T, old desired.Record) *State {
	t.Helper()
	s := standing()
	s.Pipeline.Spec.Index.Retain = &metav1.Duration{Duration: 24 * time.Hour}
	wanted := desired.NewRecord(s.Pipeline)
	s.Records = map[string]desired.Record{wanted.Fingerprint(): wanted, old.Fingerprint(): old}
	s.Pipeline.Status.Index = &v1alpha1.IndexStatus{
		Generation: wanted.Fingerprint(),
		Retained: []v1alpha1.RetainedGeneration{{
			Generation: old.Fingerprint(), ReplacedTime: metav1.NewTime(noon.Add(-time.Hour)),
		}},
	}
	task, err := ingestion.task(s, desired.Facts{Live: &wanted, Retained: []desired.Record{old}})
	if err != nil {
		t.Fatal(err)
	}
	s.Jobs = []*batchv1.Job{job("built", task, batchv1.JobComplete, time.Hour)}
	return s
}

func mustPlan(t *testing.T, s *State) Plan {
	t.Helper()
	p, err := For(s, noon)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func fingerprints(records []desired.Record) (list []string) {
	for _, r := range records {
		list = append(list, r.Fingerprint())
	}
	return list
}

func TestAReplacedGenerationIsRetainedForItsTime(t *testing.T) {
	old, older := rechunked(standing(), 400), rechunked(standing(), 300)
	retain := func(d time.Duration) func(*State) {
		return func(s *State) { s.Pipeline.Spec.Index.Retain = &metav1.Duration{Duration: d} }
	}
	for name, c := range map[string]struct {
		change func(*State)
		want   []desired.Record
	}{
		"until its time has passed":          {want: []desired.Record{old}},
		"no longer than that":                {change: retain(time.Hour)},
		"and a second before it is":          {change: retain(time.Hour + time.Second), want: []desired.Record{old}},
		"retain 0s ends it":                  {change: retain(0)},
		"without a record nothing is":        {change: func(s *State) { delete(s.Records, old.Fingerprint()) }},
		"before the first none is":           {change: func(s *State) { s.Jobs, s.Pipeline.Status.Index = nil, nil }},
		"what just was live is, from now on": {change: func(s *State) { s.Pipeline.Status.Index.Generation = older.Fingerprint() }, want: []desired.Record{older, old}},
		"not if nothing is to be retained": {change: func(s *State) {
			retain(0)(s)
			s.Pipeline.Status.Index.Generation = older.Fingerprint()
		}},
		"three at most, those replaced last": {change: func(s *State) {
			for i, size := range []int32{501, 502, 503} {
				r := rechunked(s, size)
				s.Records[r.Fingerprint()] = r
				s.Pipeline.Status.Index.Retained = append(s.Pipeline.Status.Index.Retained, v1alpha1.RetainedGeneration{
					Generation: r.Fingerprint(), ReplacedTime: metav1.NewTime(noon.Add(-time.Duration(i+1) * time.Minute))})
			}
		}, want: []desired.Record{rechunked(standing(), 501), rechunked(standing(), 502), rechunked(standing(), 503)}},
	} {
		t.Run(name, func(t *testing.T) {
			s := switched(t, old)
			s.Records[older.Fingerprint()] = older
			if c.change != nil {
				c.change(s)
			}
			if diff := cmp.Diff(fingerprints(c.want), fingerprints(mustPlan(t, s).Facts.Retained)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A spec that describes a retained generation again makes it live in the same pass, and retains the one
// that it replaces. One that fell behind is brought up to date first.
func TestGoingBackToARetainedGeneration(t *testing.T) {
	for problem, live := range map[string]int32{"": 400, "the model is retired": 0} {
		old := rechunked(standing(), 400)
		s := switched(t, old)
		replaced := s.wanted()
		s.Pipeline.Status.Index.Retained[0].Problem = problem
		s.Pipeline.Spec.Chunking.Size = 400
		p := mustPlan(t, s)
		want, retained := old, []desired.Record{replaced}
		if live == 0 {
			want, retained = replaced, nil
		}
		if p.Facts.Live == nil || p.Facts.Live.Fingerprint() != want.Fingerprint() {
			t.Errorf("problem %q: live is %v, want %s", problem, p.Facts.Live, want.Fingerprint())
		}
		if diff := cmp.Diff(fingerprints(retained), fingerprints(p.Facts.Retained)); diff != "" {
			t.Errorf("problem %q: retained (-want +got):\n%s", problem, diff)
		}
		if len(p.Facts.Tasks) == 0 || p.Facts.Tasks[0].Config.Fingerprint() != old.Fingerprint() {
			t.Errorf("problem %q: no run brings it up to date: %v", problem, p.Facts.Tasks)
		}
	}
}

// upkeepTask is the task that brings the generation up to date for what the state's ingestion is for.
func upkeepTask(t *testing.T, s *State, r desired.Record) desired.Task {
	t.Helper()
	c, err := desired.UpkeepConfig(s.Pipeline, r)
	if err != nil {
		t.Fatal(err)
	}
	return desired.Task{Kind: desired.Upkeep, Config: c, Trigger: s.ingestTrigger(), Rules: s.Rules}
}

func upkeepJob(name string, task desired.Task, ended batchv1.JobConditionType, ago time.Duration) *batchv1.Job {
	j := job(name, task, ended, ago)
	j.Labels[naming.LabelTask] = desired.Upkeep.Variant
	return j
}

func TestUpkeepFollowsIngestionAndNeverRunsBesideIt(t *testing.T) {
	old := rechunked(standing(), 400)
	const succeeded, failed = batchv1.JobComplete, batchv1.JobFailed
	changed := func(s *State) { s.Objects["ConfigMap/papers"] = metav1.ObjectMeta{UID: "1", ResourceVersion: "8"} }
	for name, c := range map[string]struct {
		change func(*State)
		upkeep *batchv1.Job // of the retained generation
		due    []string     // generations of the tasks, "new" and "old"
		keep   []string     // Jobs
		wait   time.Duration
	}{
		"after the switch it is due":                {due: []string{"new", "old"}},
		"once it succeeded it is not":               {upkeep: upkeepJob("kept", upkeepTask(t, standing(), old), succeeded, time.Minute), due: []string{"new", "old"}},
		"changed documents go to ingestion first":   {change: changed, upkeep: upkeepJob("kept", upkeepTask(t, standing(), old), succeeded, time.Minute), due: []string{"new"}, keep: []string{"kept"}},
		"ingestion does not wait for upkeep to end": {change: changed, upkeep: upkeepJob("active", upkeepTask(t, standing(), old), "", 0), keep: []string{"built"}},
		"a failure is followed in a minute":         {upkeep: upkeepJob("failed", upkeepTask(t, standing(), old), failed, 0), due: []string{"new"}, keep: []string{"failed"}, wait: time.Minute},
		"without the model it starts all the same":  {change: withoutModel, due: []string{"new", "old"}},
		"without the store it waits":                {change: withoutStore, due: []string{"new"}},
		"it waits for pods of an earlier run":       {change: withIngestPod, due: []string{"new"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := switched(t, old)
			if c.upkeep != nil {
				s.Jobs = append(s.Jobs, c.upkeep)
			}
			if c.change != nil {
				c.change(s)
			}
			p := mustPlan(t, s)
			var due []string
			for _, task := range p.Facts.Tasks {
				due = append(due, map[bool]string{true: "old", false: "new"}[task.Config.Fingerprint() == old.Fingerprint()])
			}
			if diff := cmp.Diff(c.due, due); diff != "" {
				t.Errorf("tasks (-want +got):\n%s", diff)
			}
			kept := s.Retained(p, nil)
			for _, name := range c.keep {
				if !kept[name] {
					t.Errorf("Job %s is not kept: %v", name, kept)
				}
			}
			if len(kept) != len(c.keep) || p.Wait != c.wait {
				t.Errorf("%v are kept and the next pass is in %s, want %v and %s", kept, p.Wait, c.keep, c.wait)
			}
		})
	}
}

// While the next generation cannot be built, the live one still follows its documents.
func TestTheLiveGenerationIsKeptUpToDateWhileTheNextWaits(t *testing.T) {
	s := standing()
	live := desired.NewRecord(s.Pipeline)
	s.Records = map[string]desired.Record{live.Fingerprint(): live}
	s.Pipeline.Status.Index = &v1alpha1.IndexStatus{Generation: live.Fingerprint()}
	s.Jobs = []*batchv1.Job{job("built", wantedTask(t, s), batchv1.JobComplete, time.Hour)}
	s.Pipeline.Spec.Models.Embedding.Model = v1alpha1.Model{NIM: &v1alpha1.NIM{Model: "example/embed"}}
	if due := mustPlan(t, s).Facts.Tasks; len(due) != 0 {
		t.Fatalf("%v are due although nothing has changed since the live one was built", due)
	}
	s.Objects["ConfigMap/papers"] = metav1.ObjectMeta{UID: "1", ResourceVersion: "8"}
	due := mustPlan(t, s).Facts.Tasks
	if len(due) != 1 || due[0].Config.Fingerprint() != live.Fingerprint() || !due[0].Config.(config.Ingest).Upkeep {
		t.Fatalf("%v are due, want upkeep of the live generation", due)
	}
	s.Jobs = append(s.Jobs, upkeepJob("kept", due[0], batchv1.JobComplete, 0))
	if next := mustPlan(t, s).Facts; next.Live == nil || next.Live.Fingerprint() != live.Fingerprint() {
		t.Errorf("%v is live", next.Live)
	}
}

// Upkeep is no run that the user is told of, and does not make a generation complete.
func TestWhatIsObservedOfUpkeep(t *testing.T) {
	old := rechunked(standing(), 400)
	s := switched(t, old)
	s.Jobs = append(s.Jobs, upkeepJob("active", upkeepTask(t, s, old), "", 0))
	s.Pods = []corev1.Pod{reporting("active-1", naming.ComponentIngest, "active")}
	s.Deployments, s.StatefulSets = nil, nil
	o := s.Observed(mustPlan(t, s), nil, noon)
	if o.Run == nil || o.Run.Generation != s.wanted().Fingerprint() || o.Upkeep == nil || o.Upkeep.Generation != old.Fingerprint() {
		t.Errorf("run %+v, upkeep %+v", o.Run, o.Upkeep)
	}
	if len(o.Retained) != 1 || !o.Retained[0].Until.Equal(noon.Add(23*time.Hour)) || o.Retained[0].Run == nil {
		t.Errorf("retained %+v", o.Retained)
	}
}

// Another embedding model alone gets the texts of the live generation; the run that follows reads the sources.
func TestTextsAreTakenFromTheLiveGenerationForAnotherModel(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*State)
		want   bool
	}{
		"other dimensions":         {want: true},
		"another chunk size, too":  {change: func(s *State) { s.Pipeline.Spec.Chunking.Size = 400 }},
		"nothing is live":          {change: func(s *State) { s.Pipeline.Status.Index = nil }},
		"a fresh one was asked of": {change: func(s *State) { s.Pipeline.Annotations = map[string]string{naming.AnnotationRebuild: "1"} }},
	} {
		t.Run(name, func(t *testing.T) {
			s := standing()
			live := desired.NewRecord(s.Pipeline)
			s.Records = map[string]desired.Record{live.Fingerprint(): live}
			s.Pipeline.Status.Index = &v1alpha1.IndexStatus{Generation: live.Fingerprint()}
			s.Pipeline.Spec.Models.Embedding.Dimensions = new(int32(128))
			if c.change != nil {
				c.change(s)
			}
			first := taskDue(t, s)
			texts := first.Config.(config.Ingest).Texts
			if got := texts != nil && *texts == live.Generation; got != c.want {
				t.Errorf("texts are taken of %v", texts)
			}
			if !c.want {
				return
			}
			s.Jobs = append(s.Jobs, job("built", first, batchv1.JobComplete, 0))
			if next := taskDue(t, s); next.Config.(config.Ingest).Texts != nil || next.Name(s.Pipeline) == first.Name(s.Pipeline) {
				t.Errorf("no run follows that reads the sources: %+v", next.Config)
			}
		})
	}
}

// A claim's version changes without its files, and its files without its version.
func TestTheVersionOfASource(t *testing.T) {
	s := standing()
	s.Pipeline.Spec.Documents = append(s.Pipeline.Spec.Documents,
		v1alpha1.Source{Name: "talks", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "talks"}},
		v1alpha1.Source{Name: "missing", ConfigMap: &v1alpha1.ConfigMapSource{Name: "missing"}})
	s.Objects[ObjectKey("PersistentVolumeClaim", "talks")] = metav1.ObjectMeta{UID: "2", ResourceVersion: "8"}
	want := []desired.SourceVersion{
		{Source: "papers", UID: "1", ResourceVersion: "7"},
		{Source: "talks", UID: "2"},
		{Source: "missing"},
	}
	if diff := cmp.Diff(want, wantedTask(t, s).Trigger.Sources); diff != "" {
		t.Error(diff)
	}
}
