package controllers

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// plan is what to do about ingestion.
type plan struct {
	run     *desired.Task // to have; nil for none, or for one that is kept as it is
	keep    []string      // names of runs that stay although they are not wanted
	wait    time.Duration // until a failed run's successor is due; 0 for none
	blocked bool          // a run is due and waits for what it needs
}

// plan decides on the run, given the config that runs are to have. One run is active at a time: two would write
// the same chunks.
func (s *scene) plan(wanted config.Ingest, now time.Time) plan {
	run := desired.Task{Kind: desired.Ingestion, Config: wanted, Trigger: s.trigger()}
	newest := s.newestJob()
	switch {
	case newest == nil:
		return s.start(run, nil)
	case newest.DeletionTimestamp != nil:
		return plan{keep: []string{newest.Name}} // until its pods are gone
	case finished(newest) == "" && newest.Annotations[naming.AnnotationConfig] != config.Hash(wanted):
		return plan{blocked: true} // it does what nobody wants any more: it is pruned
	case finished(newest) == "" && !started(newest, run):
		return plan{keep: []string{newest.Name}} // its documents are outdated, not its work: the next run adds to it
	case finished(newest) == "" || finished(newest) == batchv1.JobComplete && started(newest, run):
		run.Retry = retry(newest)
		return plan{run: &run}
	case started(newest, run):
		return s.again(run, newest, now)
	default:
		return s.start(run, newest)
	}
}

// start begins a run once what it needs is there, before which it would only fail, and no pod of an earlier one is
// left.
func (s *scene) start(run desired.Task, last *batchv1.Job) plan {
	if len(s.missingSources()) == 0 && len(s.podsOf(naming.ComponentIngest)) == 0 && s.embeddingAvailable() && s.storeAvailable() {
		return plan{run: &run}
	}
	p := plan{blocked: true}
	if last != nil {
		p.keep = []string{last.Name}
	}
	return p
}

// The pause before a failed run is followed by another doubles from the first to the longest.
const (
	firstRetry   = time.Minute
	longestRetry = time.Hour
)

func (s *scene) again(run desired.Task, failed *batchv1.Job, now time.Time) plan {
	run.Retry = retry(failed) + 1
	pause := min(firstRetry<<min(run.Retry-1, 10), longestRetry)
	if wait := finishedAt(failed).Add(pause).Sub(now); wait > 0 {
		return plan{keep: []string{failed.Name}, wait: wait}
	}
	return s.start(run, failed)
}

// trigger is what a run would be started for now.
func (s *scene) trigger() desired.Trigger {
	return desired.Trigger{
		Sources:  s.sources,
		Sync:     s.pipeline.Annotations[naming.AnnotationSync],
		Rebuilds: s.lost(),
	}
}

// lost counts how often the live index was found gone after a run had completed it, such as with its volume.
func (s *scene) lost() int {
	newest := s.newestJob()
	if newest == nil {
		return 0
	}
	count, _ := strconv.Atoi(newest.Annotations[naming.AnnotationRebuilds])
	if finished(newest) != batchv1.JobComplete {
		return count
	}
	for _, report := range s.gateways {
		stage := report.Stages[config.StageIndex]
		if report.Generation == s.wanted && stage.Reason == config.IndexNotBuilt && stage.Since.After(finishedAt(newest)) {
			return count + 1
		}
	}
	return count
}

func (s *scene) newestJob() *batchv1.Job {
	if len(s.jobs) == 0 {
		return nil
	}
	return s.jobs[len(s.jobs)-1]
}

// started says whether a Job was made for the config and trigger of the run, whatever its retry number.
func started(job *batchv1.Job, run desired.Task) bool {
	return job.Annotations[naming.AnnotationConfig] == config.Hash(run.Config) && job.Annotations[naming.AnnotationTrigger] == config.Hash(run.Trigger)
}

func retry(job *batchv1.Job) int {
	n, _ := strconv.Atoi(job.Annotations[naming.AnnotationRetry])
	return n
}

// finished is how a Job ended, empty while it has not.
func finished(job *batchv1.Job) batchv1.JobConditionType {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c.Type
		}
	}
	return ""
}

func finishedAt(job *batchv1.Job) time.Time {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

func (s *scene) embeddingAvailable() bool {
	name := desired.ModelWorkload(s.pipeline, naming.ComponentEmbedding, s.pipeline.Spec.Models.Embedding.Model)
	d := s.deployments[name]
	return name == "" || d != nil && d.Status.AvailableReplicas > 0
}

func (s *scene) storeAvailable() bool {
	if s.pipeline.Spec.VectorStore.Weaviate == nil {
		return true
	}
	set := s.statefulSets[naming.For(s.pipeline).Weaviate()]
	return set != nil && set.Status.ReadyReplicas == ptr.Deref(set.Spec.Replicas, 1)
}

func sortRecords(list []desired.Record) []desired.Record {
	slices.SortFunc(list, func(a, b desired.Record) int { return cmp.Compare(a.Fingerprint(), b.Fingerprint()) })
	return list
}
