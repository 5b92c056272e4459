package plan

import (
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// schedule counts in the task's trigger the tick that makes it due, and returns how long it is until
// the next one; 0 if the interval makes none due.
//
// A tick is due an interval after the last task ended, so that ticks which a suspended pipeline or a
// stopped operator missed make one task due, not several. A task that is active or has failed keeps
// its tick: it is awaited, or tried again. Where an upgrade of the operator makes a task due anyway,
// that one waits for its turn, and no tick lets it jump the queue.
func (s *State) schedule(k kind, task *desired.Task, now time.Time) time.Duration {
	last, interval := s.newestJob(k.Component), k.interval(s)
	if last == nil {
		return 0
	}
	task.Trigger.Ticks = ticks(last)
	if interval == 0 || finished(last) != batchv1.JobComplete || !current(last, *task) {
		return 0
	}
	due := finishedAt(last).Add(interval + jitter(s.Pipeline, interval))
	if wait := due.Sub(now); wait > 0 {
		return wait
	}
	task.Trigger.Ticks++
	return 0
}

// jitterShare is the part of an interval by which that of a pipeline may be longer.
const jitterShare = 10

// jitter is always the same for a pipeline and an interval, and differs between pipelines, so that
// those whose tasks ended together do not start the next ones together.
func jitter(p *v1alpha1.RAGPipeline, interval time.Duration) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.Namespace + "/" + p.Name)) // never fails
	return time.Duration(h.Sum64() % uint64(interval/jitterShare))
}

// syncInterval is the interval of the pipeline's runs.
func (s *State) syncInterval() time.Duration { return SyncInterval(s.Pipeline) }

// SyncInterval is the time between two runs of a pipeline; 0 if it has no interval or needs none,
// because a watch reports every change of its documents.
func SyncInterval(p *v1alpha1.RAGPipeline) time.Duration {
	unwatched := func(source v1alpha1.Source) bool { return source.ConfigMap == nil }
	if !slices.ContainsFunc(p.Spec.Documents, unwatched) {
		return 0
	}
	return ptr.Deref(p.Spec.Sync.Interval, metav1.Duration{}).Duration
}

func ticks(job *batchv1.Job) int {
	n, _ := strconv.Atoi(job.Annotations[naming.AnnotationTicks])
	return n
}

// otherSourcesGoOn reports whether a run failed only because a source could not be listed. It has
// brought the documents of the others up to date, and the next run is to do so again in time.
func (s *State) otherSourcesGoOn(failed *batchv1.Job) bool {
	summary := s.summary(failed)
	return summary != nil && summary.Reason == config.SourcesIncomplete
}

// asks reports whether the sync annotation asks for the task: its value is not that of the last one,
// or the last one was asked for and failed. Without a last one nothing is known of the value, and no
// words in it hold.
func asks(task desired.Task, last *batchv1.Job) bool {
	switch {
	case last == nil || task.Trigger.Sync == "":
		return false
	case last.Annotations[naming.AnnotationSync] != task.Trigger.Sync:
		return true
	}
	return asked(last) && finished(last) != batchv1.JobComplete
}

// asked reports whether the sync annotation asked for the Job.
func asked(job *batchv1.Job) bool { return job.Annotations[naming.AnnotationAsked] == "true" }
