package plan

import (
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// upkeep brings the generations beside the wanted one up to date, one after the other: the live one
// while the wanted one cannot be built, and those that are retained. Ingestion comes first, so that
// at most one run of a pipeline is active. Its pods start whether or not the embedding model serves:
// without it, a run still removes documents.
var upkeep = kind{
	TaskKind: desired.Upkeep,
	interval: (*State).syncInterval,
	startable: func(s *State) bool {
		return s.sourcesExist() && s.storeAvailable() && s.extractionSettled()
	},
}

// planUpkeep decides on the upkeep of each generation beside the wanted one, given what was decided on
// ingestion and what it was started for. A change of documents makes both due.
func (s *State) planUpkeep(p *Plan, ingest decision, trigger desired.Trigger, now time.Time) error {
	trigger.Rebuilds = 0 // only the wanted generation is built again
	busy := ingest.active
	shared := trigger
	for _, record := range s.upkept(p, trigger, ingest.stopped) {
		c, err := desired.UpkeepConfig(s.Pipeline, record)
		if err != nil {
			return err
		}
		task := desired.Task{Kind: desired.Upkeep, Config: c, Trigger: shared, Rules: s.Rules}
		task.Asked = s.ingestionAsked(shared)
		if live := p.Facts.Live; live != nil && record.Fingerprint() == live.Fingerprint() { // it is not the wanted one
			task.Trigger.Ticks = s.liveTicks(live, shared, now)
			task.Asked = task.Asked || asks(task, s.lastRun(live.Fingerprint()))
		}
		newest := s.upkeepOf(record.Fingerprint())
		active := newest != nil && finished(newest) == ""
		switch {
		case active && ingest.behind:
			continue // it is pruned, and makes way for ingestion
		case !active && (busy || ingest.behind):
			if newest != nil {
				p.add(record.Fingerprint(), decision{keep: newest.Name})
			}
			continue
		}
		d := s.decide(upkeep, task, now)
		busy = busy || d.active
		p.add(record.Fingerprint(), d)
	}
	return nil
}

// liveFirst reports whether the live generation is to be brought up to date, or just is, before the wanted one is built
// further: a build of days must not leave deleted documents in answers for days. The build stops for that, and goes on
// where it was. A run of the live one that failed, or takes longer than the build may, gives way to the build again.
// None is made while another model is behind the name of its embedding model: it would write nothing.
func (s *State) liveFirst(live *desired.Record, now time.Time) bool {
	if live == nil || live.Fingerprint() == s.wanted().Fingerprint() || s.drifted(live.Fingerprint()) {
		return false
	}
	if last := s.upkeepOf(live.Fingerprint()); last != nil && finished(last) == "" {
		return now.Sub(last.CreationTimestamp.Time) < s.buildingTime(live)
	}
	return upkeep.startable(s) && (s.liveAsked(live, now) || s.liveOverdue(live, now))
}

// embeds reports whether a gateway of the generation has found that its embedding model answers.
func (s *State) embeds(r *desired.Record) bool {
	return slices.ContainsFunc(s.Gateways, func(report config.OpsStatus) bool {
		return report.Generation == r.Fingerprint() && report.Stages[config.StageEmbedding].OK
	})
}

// A build goes on for leastBuilding at least before it stops for the live generation, and for leastWithoutModel while
// the embedding model of that is down: a run then only removes documents, and the build may be there to replace the
// model.
const (
	leastBuilding     = 10 * time.Minute
	leastWithoutModel = 2 * time.Hour
)

// buildingTime is how long it goes on when nothing but the interval asks for a run: longer than an interval, so that no
// build begins with a run of the live generation whose last one was in time.
func (s *State) buildingTime(live *desired.Record) time.Duration {
	interval, least := s.syncInterval(), leastBuilding
	if !s.embeds(live) {
		least = leastWithoutModel
	}
	return max(least, interval+interval/2)
}

// liveOverdue reports whether neither a run of the live generation nor one that builds another has begun for so long.
// Without an interval, none is due by time.
func (s *State) liveOverdue(live *desired.Record, now time.Time) bool {
	index := s.Pipeline.Status.Index
	if s.syncInterval() == 0 || index == nil || index.LastSyncTime == nil {
		return false
	}
	since := index.LastSyncTime.Time
	for _, job := range []*batchv1.Job{s.upkeepOf(live.Fingerprint()), s.newestJob(naming.ComponentIngest)} {
		if job != nil && job.CreationTimestamp.After(since) {
			since = job.CreationTimestamp.Time
		}
	}
	return now.Sub(since) >= s.buildingTime(live)
}

// liveAsked reports whether the sync annotation has got another value since a build began, or a watched source has
// changed, which counts once the build has gone on for a while since it began, or since it last stopped: a source that
// changes during each run of the live generation must not keep the build from going on. The status tells that it has
// begun, also while it is stopped.
func (s *State) liveAsked(live *desired.Record, now time.Time) bool {
	index, wanted := s.Pipeline.Status.Index, s.wanted().Fingerprint()
	if index == nil || index.Building == nil || index.Building.Generation != wanted {
		return false
	}
	last := s.lastRun(live.Fingerprint(), wanted)
	if last == nil {
		return false
	}
	trigger, since := s.ingestTrigger(), last.CreationTimestamp.Time
	if trigger.Sync != "" && trigger.Sync != last.Annotations[naming.AnnotationSync] {
		return true
	}
	if ended := finishedAt(last); ended.After(since) {
		since = ended
	}
	// A build that has gone on since a run of the live generation knows of changes that this run does not know of.
	if own := s.lastRun(live.Fingerprint()); own != nil && keepsUp(own) {
		last = own
	}
	trigger.Sync, trigger.Ticks, trigger.Rebuilds = last.Annotations[naming.AnnotationSync], ticks(last), rebuildsOf(last)
	return now.Sub(since) >= leastBuilding && !triggeredBy(last, trigger)
}

// lastRun is the newest Job that worked on one of the generations; nil before the first.
func (s *State) lastRun(fingerprints ...string) (newest *batchv1.Job) {
	for _, job := range s.Jobs {
		if slices.Contains(fingerprints, job.Labels[naming.LabelGeneration]) {
			newest = job
		}
	}
	return newest
}

// stopped is the decision on ingestion while the live generation comes first: a Job that is active goes, and one that
// has ended stays.
func (s *State) stopped() decision {
	d := decision{blocked: true, stopped: true}
	if last := s.newestJob(naming.ComponentIngest); last != nil && finished(last) != "" {
		d.keep = last.Name
	}
	return d
}

// liveTicks are those of the trigger of the live generation's upkeep: one more makes another run due.
func (s *State) liveTicks(live *desired.Record, trigger desired.Trigger, now time.Time) int {
	last := s.upkeepOf(live.Fingerprint())
	if last == nil {
		return trigger.Ticks
	}
	own := max(trigger.Ticks, ticks(last))
	if finished(last) != "" && s.liveOverdue(live, now) {
		own++
	}
	return own
}

// upkept are the generations whose upkeep may be due, in order of precedence. The live one is among
// them if a build was stopped for it, and unless the newest ingestion run was its own and for the same trigger.
func (s *State) upkept(p *Plan, trigger desired.Trigger, stopped bool) (list []desired.Record) {
	live := p.Facts.Live
	if live != nil && live.Fingerprint() != s.wanted().Fingerprint() {
		newest := s.newestJob(naming.ComponentIngest)
		if stopped || newest == nil || newest.Labels[naming.LabelGeneration] != live.Fingerprint() ||
			finished(newest) != batchv1.JobComplete || !triggeredBy(newest, trigger) {
			list = append(list, *live)
		}
	}
	return append(list, p.Facts.Retained...)
}

// upkeepOf is the newest Job that keeps the generation up to date; nil before the first.
func (s *State) upkeepOf(fingerprint string) (newest *batchv1.Job) {
	for _, job := range s.Jobs {
		if keepsUp(job) && job.Labels[naming.LabelGeneration] == fingerprint {
			newest = job
		}
	}
	return newest
}

// ingestionAsked reports whether the sync annotation asked for the newest ingestion run of that trigger:
// its words hold for the upkeep that follows, too.
func (s *State) ingestionAsked(trigger desired.Trigger) bool {
	newest := s.newestJob(naming.ComponentIngest)
	return newest != nil && asked(newest) && newest.Annotations[naming.AnnotationSync] == trigger.Sync
}

// keepsUp reports whether the Job is one of upkeep.
func keepsUp(job *batchv1.Job) bool { return job.Labels[naming.LabelTask] == desired.Upkeep.Variant }
