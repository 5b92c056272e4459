package plan

import (
	"slices"
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
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// began is a Job that was made so long ago.
func began(j *batchv1.Job, ago time.Duration) *batchv1.Job {
	j.CreationTimestamp = metav1.NewTime(noon.Add(-ago))
	return j
}

// A build that takes long stops for a run of the live generation, and goes on after it.
func TestALongBuildStopsForTheLiveGeneration(t *testing.T) {
	s := onVolume()
	live := desired.NewRecord(s.Pipeline)
	s.Records = map[string]desired.Record{live.Fingerprint(): live}
	synced := metav1.NewTime(noon.Add(-2 * time.Hour))
	s.Pipeline.Status.Index = &v1alpha1.IndexStatus{Generation: live.Fingerprint(), LastSyncTime: &synced}
	s.Pipeline.Spec.Chunking.Size = 400
	embedding := config.OpsStatus{Generation: live.Fingerprint(), Stages: map[config.Stage]config.StageStatus{config.StageEmbedding: {OK: true}}}
	s.Gateways = []config.OpsStatus{embedding}
	ingesting := []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{
		Labels: map[string]string{naming.LabelComponent: naming.ComponentIngest}}}}
	due := func(step string, want ...string) (tasks []desired.Task) {
		t.Helper()
		p := mustPlan(t, s)
		var got []string
		for _, task := range p.Facts.Tasks {
			got = append(got, map[bool]string{true: "live", false: "build"}[task.Config.Fingerprint() == live.Fingerprint()])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: tasks (-want +got):\n%s", step, diff)
		}
		stopped := !slices.Contains(want, "build")
		if run := s.run(p); stopped && run.State != status.RunStopped && step != "it takes longer than the build may" {
			t.Errorf("%s: the run is observed as %s", step, run.State)
		}
		if kept := s.Retained(p, nil); kept["build"] {
			t.Errorf("%s: the build's Job is kept", step)
		}
		return p.Facts.Tasks
	}
	task, err := ingestion.task(s, desired.Facts{Live: &live})
	if err != nil {
		t.Fatal(err)
	}
	build := began(job("build", task, "", 0), 89*time.Minute)
	s.Jobs = []*batchv1.Job{build}
	due("a build within its time", "build")
	began(build, 90*time.Minute)
	due("its time is up")
	s.Gateways = nil
	due("the live generation's model is down", "build")
	s.Gateways = []config.OpsStatus{embedding}
	s.Jobs, s.Pods = nil, ingesting
	due("its pods are ending")
	s.Pods = nil
	run := due("they are gone", "live")[0]
	upkeep := began(upkeepJob("live", run, "", 0), 0)
	s.Jobs = []*batchv1.Job{upkeep}
	due("the live generation's run", "live")
	s.Pods = ingesting
	due("its pods are no reason to stop it", "live")
	s.Pods = nil
	began(upkeep, 91*time.Minute)
	due("it takes longer than the build may")
	for _, ended := range []batchv1.JobConditionType{batchv1.JobComplete, batchv1.JobFailed} {
		s.Jobs = []*batchv1.Job{began(upkeepJob("live", run, ended, time.Minute), time.Hour)}
		due("it ended as "+string(ended), "build")
	}
	s.Jobs = []*batchv1.Job{began(ticked(upkeepJob("live", run, batchv1.JobComplete, time.Minute), 1), 3*time.Hour), build}
	due("its time is up again")
	s.Jobs = s.Jobs[:1]
	if again := due("and the live generation is due again", "live")[0]; again.Trigger.Ticks != 2 || again.Name(s.Pipeline) == run.Name(s.Pipeline) {
		t.Errorf("the run is the same as before: %+v", again.Trigger)
	}
	s.Pipeline.Spec.Sync.Interval = new(metav1.Duration)
	s.Jobs = []*batchv1.Job{build}
	due("without an interval", "build")
}

// A document that changes during each run of the live generation, which takes long, starves no build: the build goes on
// for a while between two such runs, and the change reaches the live generation after that.
func TestADocumentThatChangesAllTheTimeStarvesNoBuild(t *testing.T) {
	s := standing()
	live := desired.NewRecord(s.Pipeline)
	s.Records = map[string]desired.Record{live.Fingerprint(): live}
	s.Pipeline.Spec.Chunking.Size = 400
	s.Pipeline.Status.Index = &v1alpha1.IndexStatus{
		Generation: live.Fingerprint(), Building: &v1alpha1.Building{Generation: s.wanted().Fingerprint()},
	}
	versions := func(version string) desired.Task {
		s.Objects["ConfigMap/papers"] = metav1.ObjectMeta{UID: "1", ResourceVersion: version}
		task, err := ingestion.task(s, desired.Facts{Live: &live})
		if err != nil {
			t.Fatal(err)
		}
		return task
	}
	c, err := desired.UpkeepConfig(s.Pipeline, live)
	if err != nil {
		t.Fatal(err)
	}
	run := desired.Task{Kind: desired.Upkeep, Config: c, Trigger: versions("8").Trigger}
	kept := func(ago time.Duration) *batchv1.Job {
		return began(upkeepJob("kept", run, batchv1.JobComplete, ago), ago+20*time.Minute)
	}
	build := versions("9") // which changed during the run
	goesOn := func(step string, want bool) {
		t.Helper()
		p := mustPlan(t, s)
		if got := !p.tasks[naming.ComponentIngest].stopped; got != want {
			t.Errorf("%s: the build goes on: %t", step, got)
		}
	}
	s.Jobs = []*batchv1.Job{kept(0)}
	goesOn("the run has just ended", true)
	s.Jobs = []*batchv1.Job{kept(9 * time.Minute), began(job("build", build, "", 0), 9*time.Minute)}
	goesOn("the build has gone on for nine minutes", true)
	s.Jobs = []*batchv1.Job{kept(leastBuilding), began(job("build", build, "", 0), leastBuilding)}
	goesOn("it has gone on for ten", false)
	s.Jobs = s.Jobs[:1]
	goesOn("it is gone", false)
	run.Trigger = build.Trigger
	s.Jobs = []*batchv1.Job{kept(time.Hour), began(job("build", build, "", 0), time.Hour)}
	goesOn("the live generation has the change", true)
}

// asking marks a Job as one that the sync annotation with that value asked for.
func asking(j *batchv1.Job, value string) *batchv1.Job {
	j.Annotations[naming.AnnotationSync], j.Annotations[naming.AnnotationAsked] = value, "true"
	return j
}

// A run that is asked for while another generation is built goes to the live one at once, with the words of the
// annotation. A watched source that changes waits a while.
func TestABuildStopsForARunThatIsAskedFor(t *testing.T) {
	s := standing()
	live := desired.NewRecord(s.Pipeline)
	s.Records = map[string]desired.Record{live.Fingerprint(): live}
	built := job("built", wantedTask(t, s), batchv1.JobComplete, time.Hour)
	s.Pipeline.Spec.Chunking.Size = 400
	s.Pipeline.Status.Index = &v1alpha1.IndexStatus{
		Generation: live.Fingerprint(), Building: &v1alpha1.Building{Generation: s.wanted().Fingerprint()},
	}
	task, err := ingestion.task(s, desired.Facts{Live: &live})
	if err != nil {
		t.Fatal(err)
	}
	build := began(job("build", task, "", 0), time.Minute)
	s.Jobs = []*batchv1.Job{built, build}
	names := func(p Plan) (names []string) {
		for _, task := range p.Facts.Tasks {
			names = append(names, task.Name(s.Pipeline))
		}
		return names
	}
	stops := func(step string, want bool) {
		t.Helper()
		p := mustPlan(t, s)
		if kept := s.Retained(p, nil); !kept["built"] {
			t.Errorf("%s: the last run of the live generation is not kept, by which a new value is known", step)
		}
		if got := len(p.Facts.Tasks) == 0; got != want {
			t.Errorf("%s: the build stops: %t; there are %v", step, got, names(p))
		}
	}
	stops("nothing has changed", false)
	s.Objects["ConfigMap/papers"] = metav1.ObjectMeta{UID: "1", ResourceVersion: "8"}
	if p := mustPlan(t, s); s.run(p).State == status.RunStopped {
		t.Error("a document that changes a minute after its beginning stops the build")
	}
	began(build, leastBuilding)
	stops("a document has changed, and the build has gone on for a while", true)
	began(build, time.Minute)

	s.Pipeline.Annotations = map[string]string{naming.AnnotationSync: "confirm-prune"}
	stops("a run is asked for", true)
	s.Gateways = []config.OpsStatus{{Generation: live.Fingerprint(), Stages: map[config.Stage]config.StageStatus{
		config.StageEmbedding: {Reason: config.ModelDrifted}}}}
	if p := mustPlan(t, s); s.run(p).State == status.RunStopped {
		t.Error("a run that would write nothing stops the build")
	}
	s.Gateways, s.Jobs = nil, s.Jobs[:1]
	due := mustPlan(t, s).Facts.Tasks
	if len(due) != 1 || due[0].Config.Fingerprint() != live.Fingerprint() || !due[0].Asked {
		t.Fatalf("%+v is due, want a run of the live generation that was asked for", due)
	}
	kept := asking(upkeepJob("kept", due[0], "", 0), "confirm-prune")
	s.Jobs = append(s.Jobs, began(kept, 0))
	if again := mustPlan(t, s).Facts.Tasks; len(again) != 1 || again[0].Name(s.Pipeline) != due[0].Name(s.Pipeline) {
		t.Errorf("while it is active, %+v is due", again)
	}
	for _, ended := range []batchv1.JobConditionType{batchv1.JobComplete, batchv1.JobFailed} {
		s.Jobs = []*batchv1.Job{built, asking(upkeepJob("kept", due[0], ended, 0), "confirm-prune")}
		after := mustPlan(t, s).Facts.Tasks
		if len(after) != 1 || after[0].Config.Fingerprint() == live.Fingerprint() {
			t.Errorf("after it has ended as %s, %+v is due, want the build", ended, after)
		}
	}
}
