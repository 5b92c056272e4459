package plan

import (
	"maps"
	"slices"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// decision is what to do about one kind of task.
type decision struct {
	task    *desired.Task // to have; nil for none, or for one that is kept as it is
	keep    string        // name of a Job that stays although it is not wanted; empty for none
	wait    time.Duration // until a failed task's successor is due; 0 for none
	blocked bool          // a task is due and waits for what it needs
	behind  bool          // it waits for an earlier one, or its pods, to end
	stopped bool          // it waits while the live generation is brought up to date
	active  bool          // a task is active, or about to be
	queued  bool          // a task is due and waits until fewer other pipelines have one after an upgrade
	upgrade bool          // the task is active, or about to be, and only an upgrade made it due
}

// decide compares the task that is wanted now with the newest Job of its kind. One Job of a kind is
// active at a time: two would do the same work.
func (s *State) decide(k kind, task desired.Task, now time.Time) decision {
	newest := s.newestOf(k, task)
	if newest == nil {
		return s.start(k, task, nil)
	}
	ended, same := finished(newest), madeFor(newest, task)
	switch {
	case newest.DeletionTimestamp != nil:
		return decision{keep: newest.Name, behind: true} // until its pods are gone
	case ended == "" && newest.Annotations[naming.AnnotationConfig] != config.Hash(task.Config):
		return decision{blocked: true, behind: true} // its work is not wanted any more: it is pruned
	case ended == "" && s.outdated(newest) && !s.begun(newest):
		// Its pods were made for an earlier spec and cannot start; those of the present one may: it is pruned.
		return decision{blocked: true, behind: true}
	case ended == "" && !same:
		// Its trigger is outdated, not its work: the next task adds to it.
		return decision{keep: newest.Name, active: true, upgrade: Upgrading(newest)}
	case ended == batchv1.JobComplete && same && current(newest, task) && s.leftDocuments(newest):
		return s.retryAfterFailure(k, task, newest, now)
	case ended == "", ended == batchv1.JobComplete && same && current(newest, task):
		task.Retry, task.Rules, task.Upgrade = retry(newest), newest.Annotations[naming.AnnotationRules], afterUpgrade(newest)
		task.Asked = asked(newest)
		return decision{task: &task, active: ended == "", upgrade: Upgrading(newest)}
	case same && current(newest, task):
		return s.retryAfterFailure(k, task, newest, now)
	default:
		return s.start(k, task, newest)
	}
}

// start begins a task once no pod of an earlier one is left and all that it needs is there, before
// which it would only fail. One that only an upgrade made due waits for its turn. Until then the last
// Job stays.
func (s *State) start(k kind, task desired.Task, last *batchv1.Job) decision {
	var keep string
	if last != nil {
		keep = last.Name
	}
	task.Upgrade = s.madeDue(task, last)
	if !task.Kind.KeepsUp() {
		task.Asked = asks(task, last)
	}
	switch {
	case !k.startable(s):
		return decision{blocked: true, keep: keep}
	case len(s.podsOf(k.Component)) > 0 || s.activeBeside(last, k):
		return decision{blocked: true, behind: true, keep: keep}
	case task.Upgrade && s.OtherUpgrades >= MaxUpgrades:
		return decision{queued: true, keep: keep}
	}
	return decision{task: &task, active: true, upgrade: task.Upgrade}
}

// activeBeside reports whether a Job of the kind's component is active that is not this one, such as
// one of upkeep when ingestion is due.
func (s *State) activeBeside(this *batchv1.Job, k kind) bool {
	return slices.ContainsFunc(s.Jobs, func(job *batchv1.Job) bool {
		return job != this && job.Labels[naming.LabelComponent] == k.Component && finished(job) == ""
	})
}

// The pause before a failed task is followed by another doubles from the first to the longest.
// After a pod that could not use its config, or found another embedding model, it is the longest at once: the same
// again cannot help.
const (
	firstRetry   = time.Minute
	longestRetry = time.Hour
)

func (s *State) retryAfterFailure(k kind, task desired.Task, failed *batchv1.Job, now time.Time) decision {
	task.Retry = retry(failed) + 1
	pause := min(firstRetry<<min(task.Retry-1, 10), longestRetry)
	switch {
	case s.stoppedByDrift(failed) && s.recovered(finishedAt(failed)):
		pause = 0
	case unusable(failed):
		pause = longestRetry
	case k.interval(s) > 0 && s.otherSourcesGoOn(failed):
		pause = min(pause, k.interval(s))
	}
	if wait := finishedAt(failed).Add(pause).Sub(now); wait > 0 {
		return decision{keep: failed.Name, wait: wait}
	}
	return s.start(k, task, failed)
}

// stoppedByDrift reports whether a Job failed because the embedding model is no longer the one that built the
// generation.
func (s *State) stoppedByDrift(job *batchv1.Job) bool {
	summary := s.summary(job)
	return summary != nil && summary.Reason == config.ModelDrifted
}

// leftDocuments reports whether a run that succeeded left documents, or pages of them, to the next
// one, because the extraction server failed.
func (s *State) leftDocuments(job *batchv1.Job) bool {
	summary := s.summary(job)
	return summary != nil && summary.Reasons[config.ServerFailed]+summary.WarningReasons[config.PagesWaiting] > 0
}

// jobs are those of a kind of task, by creation, the newest last. Those of upkeep are not among them.
func (s *State) jobs(component string) []*batchv1.Job {
	return slices.DeleteFunc(slices.Clone(s.Jobs), func(job *batchv1.Job) bool {
		return job.Labels[naming.LabelComponent] != component || keepsUp(job)
	})
}

// newestOf is the last Job that was made for the like of the task: its kind and, for upkeep, its
// generation; nil before the first.
func (s *State) newestOf(k kind, task desired.Task) *batchv1.Job {
	if k.KeepsUp() {
		return s.upkeepOf(task.Config.Fingerprint())
	}
	return s.newestJob(k.Component)
}

// newestJob is the last of a kind of task that was made; nil before the first.
func (s *State) newestJob(component string) *batchv1.Job {
	if jobs := s.jobs(component); len(jobs) > 0 {
		return jobs[len(jobs)-1]
	}
	return nil
}

// madeFor reports whether a Job was made for the config and trigger of the task, whatever its retry
// number.
func madeFor(job *batchv1.Job, task desired.Task) bool {
	return job.Annotations[naming.AnnotationConfig] == config.Hash(task.Config) && triggeredBy(job, task.Trigger)
}

func triggeredBy(job *batchv1.Job, trigger desired.Trigger) bool {
	return job.Annotations[naming.AnnotationTrigger] == config.Hash(trigger)
}

func retry(job *batchv1.Job) int {
	n, _ := strconv.Atoi(job.Annotations[naming.AnnotationRetry])
	return n
}

// finished is how a Job ended; empty while it has not.
func finished(job *batchv1.Job) batchv1.JobConditionType { return end(job).Type }

// finishedAt is when a Job ended; zero while it has not.
func finishedAt(job *batchv1.Job) time.Time { return end(job).LastTransitionTime.Time }

// unusable reports whether a Job failed by its pod failure policy, which fails it as soon as a pod
// exits with config.ExitUnusable.
func unusable(job *batchv1.Job) bool { return end(job).Reason == batchv1.JobReasonPodFailurePolicy }

// end is the condition that tells how a Job ended; zero while it has not.
func end(job *batchv1.Job) batchv1.JobCondition {
	for _, c := range job.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c
		}
	}
	return batchv1.JobCondition{}
}

// summary adds up the termination messages of the Job's workers: of each, that of the newest pod
// that left one. The earlier attempts of an active Job count too: they explain why it makes no
// progress.
func (s *State) summary(job *batchv1.Job) *config.Summary {
	byWorker := map[int]*config.Summary{}
	for _, pod := range s.Pods {
		if pod.Labels[batchv1.JobNameLabel] != job.Name {
			continue
		}
		if summary := summaryOf(&pod); summary != nil {
			byWorker[worker(&pod)] = summary
		}
	}
	if len(byWorker) == 0 {
		return nil
	}
	sum := new(config.Summary)
	for _, worker := range slices.Sorted(maps.Keys(byWorker)) {
		sum.Add(*byWorker[worker])
	}
	return sum
}

// ended is the progress of the workers of a Job that have done their shares, and report no more.
func (s *State) ended(job *batchv1.Job) (all []config.Progress) {
	for _, pod := range s.Pods {
		shared := pod.Annotations[batchv1.JobCompletionIndexAnnotation] != ""
		if !shared || pod.Labels[batchv1.JobNameLabel] != job.Name || pod.Status.Phase != corev1.PodSucceeded {
			continue
		}
		if summary := summaryOf(&pod); summary != nil {
			all = append(all, config.Progress{
				Phase: config.PhaseDone, DocumentsDone: summary.Listed, DocumentsTotal: summary.Listed,
				Chunks: summary.Embedded + summary.Reused,
			})
		}
	}
	return all
}

// worker is the number of the worker that the pod is; 0 if it is the only one.
func worker(pod *corev1.Pod) int {
	n, _ := strconv.Atoi(pod.Annotations[batchv1.JobCompletionIndexAnnotation])
	return n
}

// summaryOf is the termination message of the pod; nil if it left none.
func summaryOf(pod *corev1.Pod) (summary *config.Summary) {
	for _, container := range pod.Status.ContainerStatuses {
		if container.State.Terminated == nil {
			continue
		}
		if parsed, err := config.ParseSummary(container.State.Terminated.Message); err == nil {
			summary = parsed
		}
	}
	return summary
}
