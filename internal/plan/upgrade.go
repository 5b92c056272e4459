package plan

import (
	"strconv"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// MaxUpgrades is how many pipelines at a time have a task that only an upgrade of the operator made due. An upgrade
// makes one due for every pipeline, and models and stores serve questions meanwhile.
const MaxUpgrades = 3

// current reports whether the operator that started a task goes by the same rules as this one.
func current(job *batchv1.Job, task desired.Task) bool {
	return job.Annotations[naming.AnnotationRules] == task.Rules
}

// madeDue reports whether nothing but an upgrade of the operator makes the task due after the last one: neither the
// spec nor what started the last one has changed. A pipeline that does not serve yet waits for no other.
func (s *State) madeDue(task desired.Task, last *batchv1.Job) bool {
	if last == nil || s.live() == nil {
		return false
	}
	if current(last, task) {
		return afterUpgrade(last) && madeFor(last, task) // a retry
	}
	spec := last.Annotations[naming.AnnotationSpec]
	return last.Annotations[naming.AnnotationTrigger] == config.Hash(task.Trigger) &&
		(spec == "" || spec == strconv.FormatInt(s.Pipeline.Generation, 10))
}

// afterUpgrade reports whether nothing but an upgrade of the operator made the Job due.
func afterUpgrade(job *batchv1.Job) bool { return job.Annotations[naming.AnnotationUpgrade] == "true" }

// Upgrading reports whether a Job is active that only an upgrade of the operator made due.
func Upgrading(job *batchv1.Job) bool { return afterUpgrade(job) && finished(job) == "" }

// Upgrades reports whether the pipeline has, or is about to have, an active task that only an upgrade of the operator
// made due.
func (p Plan) Upgrades() bool {
	for _, d := range p.tasks {
		if d.upgrade {
			return true
		}
	}
	return false
}
