package plan

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// onVolume is a standing pipeline whose documents are on a volume, with an interval of an hour.
func onVolume(jobs ...*batchv1.Job) *State {
	s := standing(jobs...)
	s.Pipeline.Spec.Documents = []v1alpha1.Source{
		{Name: "papers", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "papers", Path: "/"}},
	}
	s.Objects = map[string]metav1.ObjectMeta{"PersistentVolumeClaim/papers": {UID: "1"}}
	s.Pipeline.Spec.Sync.Interval = &metav1.Duration{Duration: time.Hour}
	return s
}

// planned is the ingestion run that is to be at noon; nil for none.
func planned(t *testing.T, s *State) (*desired.Task, Plan) {
	t.Helper()
	p, err := For(s, noon)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Facts.Tasks) == 0 {
		return nil, p
	}
	return &p.Facts.Tasks[0], p
}

// ticked is a Job with so many ticks.
func ticked(j *batchv1.Job, n int) *batchv1.Job {
	j.Annotations[naming.AnnotationTicks] = strconv.Itoa(n)
	return j
}

func TestRunsByTheInterval(t *testing.T) {
	task := wantedTask(t, onVolume())
	second := task
	second.Trigger.Ticks = 2
	const succeeded, failed, long = batchv1.JobComplete, batchv1.JobFailed, 66 * time.Minute // with jitter
	for name, c := range map[string]struct {
		job    *batchv1.Job
		change func(*State)
		ticks  int
		wait   bool // for the next tick
	}{
		"the first run is no tick":                      {},
		"within the interval there is none":             {job: job("a", task, succeeded, 59*time.Minute), wait: true},
		"after the interval there is one":               {job: job("a", task, succeeded, long), ticks: 1},
		"and after that the next":                       {job: ticked(job("a", second, succeeded, long), 2), ticks: 3},
		"a day without the operator makes one due":      {job: job("a", task, succeeded, 24*time.Hour), ticks: 1},
		"one that runs keeps its tick":                  {job: ticked(job("a", second, "", 0), 2), ticks: 2},
		"one that failed keeps its tick":                {job: ticked(job("a", second, failed, long), 2), ticks: 2},
		"with interval 0s there is none":                {job: job("a", task, succeeded, long), change: every(0)},
		"a shorter interval makes one due":              {job: job("a", task, succeeded, 2*time.Minute), change: every(time.Minute), ticks: 1},
		"ConfigMaps alone need none":                    {job: job("a", task, succeeded, long), change: onConfigMaps},
		"a volume beside a ConfigMap needs one":         {job: job("a", task, succeeded, long), change: alsoOnConfigMap, ticks: 1},
		"no tick jumps the queue after an upgrade":      {job: job("a", task, succeeded, long), change: upgraded},
		"an older operator's run is followed by a tick": {job: withoutTicks(job("a", task, succeeded, long)), ticks: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := onVolume()
			if c.job != nil {
				s.Jobs = []*batchv1.Job{c.job}
			}
			if c.change != nil {
				c.change(s)
			}
			task, p := planned(t, s)
			if task == nil {
				t.Fatal("no run is planned")
			}
			if task.Trigger.Ticks != c.ticks {
				t.Errorf("the run has %d ticks, want %d", task.Trigger.Ticks, c.ticks)
			}
			if (p.Wait > 0) != c.wait {
				t.Errorf("the pass waits %s", p.Wait)
			}
		})
	}
}

// A watch reports each change of a ConfigMap; the Secret of a remote source is watched, but its documents are not.
func TestSourcesThatNothingWatchesAreReadByTheInterval(t *testing.T) {
	for name, c := range map[string]struct {
		source v1alpha1.Source
		want   time.Duration
	}{
		"configMap":             {source: v1alpha1.Source{ConfigMap: &v1alpha1.ConfigMapSource{}}},
		"persistentVolumeClaim": {v1alpha1.Source{PersistentVolumeClaim: &v1alpha1.VolumeSource{}}, time.Hour},
		"s3":                    {v1alpha1.Source{S3: &v1alpha1.S3Source{}}, time.Hour},
		"git":                   {v1alpha1.Source{Git: &v1alpha1.GitSource{}}, time.Hour},
		"http":                  {v1alpha1.Source{HTTP: &v1alpha1.HTTPSource{}}, time.Hour},
		"container":             {v1alpha1.Source{Container: &v1alpha1.ContainerSource{}}, time.Hour},
	} {
		p := onVolume().Pipeline
		p.Spec.Documents = []v1alpha1.Source{c.source}
		if got := SyncInterval(p); got != c.want {
			t.Errorf("%s: the interval is %s, want %s", name, got, c.want)
		}
	}
}

func every(interval time.Duration) func(*State) {
	return func(s *State) { s.Pipeline.Spec.Sync.Interval = &metav1.Duration{Duration: interval} }
}

func onConfigMaps(s *State) {
	from := standing()
	s.Pipeline.Spec.Documents, s.Objects = from.Pipeline.Spec.Documents, from.Objects
}

func alsoOnConfigMap(s *State) {
	from := standing()
	s.Objects["ConfigMap/papers"] = from.Objects["ConfigMap/papers"]
	more := from.Pipeline.Spec.Documents[0]
	more.Name = "notes"
	s.Pipeline.Spec.Documents = append(s.Pipeline.Spec.Documents, more)
}

func upgraded(s *State) { s.Rules = "analyser/3" }

func withoutTicks(j *batchv1.Job) *batchv1.Job {
	delete(j.Annotations, naming.AnnotationTicks)
	return j
}

// A tick starts one Job, whichever pass of whichever operator finds it due, and none beside an active one.
func TestATickStartsOneJob(t *testing.T) {
	last := job("a", wantedTask(t, onVolume()), batchv1.JobComplete, 2*time.Hour)
	first, _ := planned(t, onVolume(last))
	again, err := For(onVolume(last), noon.Add(3*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	p := onVolume().Pipeline
	if one, other := first.Name(p), again.Facts.Tasks[0].Name(p); one != other {
		t.Errorf("one tick starts the Jobs %s and %s", one, other)
	}
	active := ticked(job("b", *first, "", 0), 1)
	next, _ := planned(t, onVolume(last, active))
	if next.Name(p) != first.Name(p) {
		t.Error("another run is planned beside the one that is active")
	}
}

// The same pipeline always waits as long, and pipelines whose runs ended together do not start the next together.
func TestJitterIsThePipelinesOwn(t *testing.T) {
	waits := map[time.Duration]bool{}
	for i := range 20 {
		wait := func() time.Duration {
			s := onVolume()
			s.Pipeline.Name = fmt.Sprint("papers-", i)
			task := wantedTask(t, s)
			s.Jobs = []*batchv1.Job{job("a", task, batchv1.JobComplete, 0)}
			_, p := planned(t, s)
			return p.Wait
		}
		first, second := wait(), wait()
		if first != second {
			t.Error("the jitter of a pipeline changes")
		}
		if first < time.Hour || first >= 66*time.Minute {
			t.Errorf("the next run is due in %s", first)
		}
		waits[first] = true
	}
	if len(waits) < 15 {
		t.Errorf("20 pipelines wait for only %d different times", len(waits))
	}
}

// While a source cannot be listed, those beside it are brought up to date as often as else.
func TestASourceThatFailsDoesNotSlowTheOthers(t *testing.T) {
	task := wantedTask(t, onVolume())
	task.Retry = 9
	for reason, wait := range map[string]time.Duration{
		`{"reason": "SourcesIncomplete"}`: 5 * time.Minute,
		`{"reason": "RunFailed"}`:         time.Hour,
	} {
		s := onVolume(job("a", task, batchv1.JobFailed, 0))
		every(5 * time.Minute)(s)
		left(reason)(s)
		if _, p := planned(t, s); p.Wait != wait {
			t.Errorf("after %s the next run is due in %s, want %s", reason, p.Wait, wait)
		}
	}
}

// Words in the sync annotation hold for the run that a new value starts, and for its retries.
func TestTheSyncAnnotationAsksForOneRun(t *testing.T) {
	const value, succeeded, failed = "confirm-prune", batchv1.JobComplete, batchv1.JobFailed
	asking := onVolume()
	asking.Pipeline.Annotations = map[string]string{naming.AnnotationSync: value}
	before, task := wantedTask(t, onVolume()), wantedTask(t, asking)
	made := func(task desired.Task, ended batchv1.JobConditionType, asked bool) *batchv1.Job {
		j := job("a", task, ended, 2*time.Hour)
		if task.Trigger.Sync != "" {
			j.Annotations[naming.AnnotationSync] = task.Trigger.Sync
		}
		if asked {
			j.Annotations[naming.AnnotationAsked] = "true"
		}
		return j
	}
	for name, c := range map[string]struct {
		job   *batchv1.Job
		value string
		asked bool
	}{
		"a new value":                               {made(before, succeeded, false), value, true},
		"the run that it started":                   {made(task, "", true), value, true},
		"that run has failed and is tried again":    {made(task, failed, true), value, true},
		"that run has succeeded, and a tick is due": {made(task, succeeded, true), value, false},
		"the value is taken away":                   {made(task, succeeded, true), "", false},
		"another value":                             {made(task, succeeded, true), "now", true},
		"nothing is known of the value":             {nil, value, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := onVolume()
			if c.job != nil {
				s.Jobs = []*batchv1.Job{c.job}
			}
			s.Pipeline.Annotations = map[string]string{naming.AnnotationSync: c.value}
			task, _ := planned(t, s)
			if task == nil || task.Asked != c.asked {
				t.Errorf("the run is %+v, and is to be asked for: %t", task, c.asked)
			}
		})
	}
}
