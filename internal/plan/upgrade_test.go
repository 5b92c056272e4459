package plan

import (
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// live is standing with a generation that serves, whose last run is the job. The spec is at generation 4.
func live(job *batchv1.Job) *State {
	s := standing(job)
	record := desired.NewRecord(s.Pipeline)
	s.Records = map[string]desired.Record{record.Fingerprint(): record}
	s.Pipeline.Status.Index = &v1alpha1.IndexStatus{Generation: record.Fingerprint()}
	s.Pipeline.Generation = 4
	return s
}

func TestARunThatOnlyAnUpgradeMadeDueWaitsForItsTurn(t *testing.T) {
	now := wantedTask(t, standing())
	earlier := now
	earlier.Rules = "analyser/1 common/0"
	byAnalyser := earlier
	byAnalyser.Config = config.Ingest{Version: config.Version}
	unknown := byAnalyser
	unknown.Rules = ""
	const succeeded, failed = batchv1.JobComplete, batchv1.JobFailed
	annotated := func(j *batchv1.Job, name, value string) *batchv1.Job {
		j.Annotations[name] = value
		return j
	}
	upgrading := func(j *batchv1.Job) *batchv1.Job { return annotated(j, naming.AnnotationUpgrade, "true") }
	notLive := func(s *State) { s.Pipeline.Status.Index, s.Records = nil, nil }
	changed := func(s *State) { s.Pipeline.Annotations = map[string]string{naming.AnnotationSync: "now"} }
	for name, c := range map[string]struct {
		job    *batchv1.Job
		others int
		change func(*State)
		// A run is to be there, and takes a turn; or it waits for one.
		run, turn, queued bool
	}{
		"other readers make a run due": {job: job("a", earlier, succeeded, time.Hour), run: true, turn: true},
		"beside two others":            {job: job("a", earlier, succeeded, time.Hour), others: 2, run: true, turn: true},
		"but not beside three":         {job: job("a", earlier, succeeded, time.Hour), others: 3, queued: true},
		"a new analyser waits likewise": {
			job:    job("a", byAnalyser, succeeded, time.Hour),
			others: 3, queued: true,
		},
		"so does the first run of an operator that knows its rules": {
			job:    job("a", unknown, succeeded, time.Hour),
			others: 3, queued: true,
		},
		"a run that failed before the upgrade is due": {
			job:    job("a", earlier, failed, 0),
			others: 3, queued: true,
		},
		"a run of the earlier operator goes on": {job: job("a", earlier, "", 0), others: 3, run: true},
		"one that has its turn goes on": {
			job: upgrading(job("a", now, "", 0)), others: 3, run: true, turn: true,
		},
		"one on older documents keeps its turn": {
			job: upgrading(job("a", now, "", 0)), change: changed, turn: true,
		},
		"one that has ended gives its turn up": {job: upgrading(job("a", now, succeeded, 0)), others: 2, run: true},
		"one that has failed gives its turn up": {
			job: upgrading(job("a", now, failed, 0)), others: 2,
		},
		"and waits for another": {job: upgrading(job("a", now, failed, time.Hour)), others: 3, queued: true},
		"a retry of any other run does not": {
			job: job("a", now, failed, time.Hour), others: 3, run: true,
		},
		"a user's change does not wait": {
			job: annotated(job("a", byAnalyser, succeeded, 0), naming.AnnotationSpec, "3"), others: 3, run: true,
		},
		"the same spec waits": {
			job: annotated(job("a", byAnalyser, succeeded, 0), naming.AnnotationSpec, "4"), others: 3, queued: true,
		},
		"what the user asks for does not wait": {
			job: job("a", earlier, succeeded, 0), others: 3, change: changed, run: true,
		},
		"a pipeline that does not serve yet waits for no other": {
			job: job("a", byAnalyser, failed, 0), others: 3, change: notLive, run: true,
		},
		"a run whose store is down takes no turn": {job: job("a", earlier, succeeded, 0), change: withoutStore},
	} {
		t.Run(name, func(t *testing.T) {
			s := live(c.job)
			s.OtherUpgrades = c.others
			if c.change != nil {
				c.change(s)
			}
			next, err := For(s, noon)
			if err != nil {
				t.Fatal(err)
			}
			run := s.run(next)
			if queued := run.State == status.RunQueued; len(next.Facts.Tasks) > 0 != c.run || next.Upgrades() != c.turn ||
				queued != c.queued {
				t.Errorf("a run: %v, with a turn: %v, queued: %v; want %v, %v, %v",
					len(next.Facts.Tasks) > 0, next.Upgrades(), queued, c.run, c.turn, c.queued)
			}
			if c.queued && !s.Retained(next, nil)["a"] {
				t.Error("the last run is not kept while the next waits")
			}
		})
	}
}

// The same need must give the same name, before an upgrade and after it, or a run starts twice.
func TestAnUpgradeRenamesNoRunThatStays(t *testing.T) {
	before := wantedTask(t, standing())
	before.Rules = "common/0"
	s := live(job("a", before, "", 0))
	if got := taskDue(t, s); got.Name(s.Pipeline) != before.Name(s.Pipeline) {
		t.Errorf("the run %s is now wanted as %s", before.Name(s.Pipeline), got.Name(s.Pipeline))
	}
	s = live(job("a", before, batchv1.JobComplete, time.Hour))
	next := taskDue(t, s)
	if next.Name(s.Pipeline) == before.Name(s.Pipeline) || next.Rules != s.Rules || !next.Upgrade {
		t.Errorf("after it, %s follows: %+v", next.Name(s.Pipeline), next)
	}
}
