package ingest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Team is the workers that share a run. Each lists all sources, and reads, writes and removes the documents of its
// own share alone. A worker that is done leaves its report in the index; whichever then finds the reports of all
// completes the generation. So nobody waits for another, and a worker that was lost is missed until its successor has
// done its share. Two workers that are done at the same moment may both complete the generation, which is as good as
// one.
type Team struct {
	Share index.Share
	// Run names the run: it is the same for its workers, and for those of no other run.
	Run   string
	Index index.Shared
}

// resume reports whether this worker's share is done already: its predecessor died later than that.
func (r *run) resume(ctx context.Context) (bool, error) {
	if r.Team == nil {
		return false, nil
	}
	reports, err := r.Team.Index.Reports(ctx, r.Team.Run)
	if err != nil {
		return false, err
	}
	mine, found := reports[r.share.Worker]
	if !found {
		return false, nil
	}
	report, err := decodeReport(mine)
	if err != nil {
		return false, err
	}
	r.Log.Info("The share of this worker is done already", "worker", r.share.Worker, "documents", report.Listed)
	r.tally.resume(report)
	return true, nil
}

// finishLast leaves the report of this worker, and completes the generation if it was the last one.
func (r *run) finishLast(ctx context.Context, report Report) error {
	encoded, err := json.Marshal(report)
	if err != nil {
		return err
	}
	if err := r.Team.Index.Done(ctx, r.Team.Run, encoded); err != nil {
		return err
	}
	reports, err := r.Team.Index.Reports(ctx, r.Team.Run)
	if err != nil {
		return err
	}
	var sum Report
	for worker := range r.share.Workers {
		encoded, found := reports[worker]
		if !found {
			r.Log.Info("The share of this worker is done, and another's is not", "worker", r.share.Worker, "other", worker)
			r.unfinished = true
			return nil
		}
		report, err := decodeReport(encoded)
		if err != nil {
			return err
		}
		sum.add(report)
	}
	if err := r.finish(ctx, sum); err != nil {
		return err
	}
	return r.Team.Index.ForgetRuns(ctx, r.Team.Run)
}

func decodeReport(encoded []byte) (r Report, err error) {
	if err := json.Unmarshal(encoded, &r); err != nil {
		return r, fmt.Errorf("the report of a worker: %w", err)
	}
	return r, nil
}

// add adds what another worker did to the report.
func (r *Report) add(other Report) {
	r.Listed += other.Listed
	r.Unchanged += other.Unchanged
	r.Added += other.Added
	r.Changed += other.Changed
	r.Failed += other.Failed
	r.Removed += other.Removed
	r.Skipped += other.Skipped
	r.Kept += other.Kept
	r.HeldBack += other.HeldBack
	r.Indexed += other.Indexed
	r.Chunks += other.Chunks
	r.Embedded += other.Embedded
	r.Reused += other.Reused
	r.Truncated += other.Truncated
	r.Bytes += other.Bytes
	r.ChunksPerSecond += other.ChunksPerSecond
	r.ChunkCounts = r.ChunkCounts.Add(other.ChunkCounts)
	losses := &r.Losses
	losses.Add(other.Losses)
	r.Synced.Add(other.Synced)
	r.Failures = config.FirstFailures(append(slices.Clip(r.Failures), other.Failures...))
	r.Warnings = append(slices.Clip(r.Warnings), other.Warnings...)
	r.Seconds = max(r.Seconds, other.Seconds)
	r.Error, r.Reason = cmp.Or(r.Error, other.Error), cmp.Or(r.Reason, other.Reason)
}

// share sets how many documents were listed for all workers.
func (t *tally) share(all int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = all
	t.show()
}

// resume takes over the report of a predecessor.
func (t *tally) resume(report Report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum, t.done, t.sample = report, report.Listed, report.ChunkCounts
	for _, s := range report.Synced.Sources {
		t.sources[s.Name] = new(s)
	}
	losses := report.Losses
	t.losses.counts = losses.Clone()
	t.losses.failures.list, t.losses.warned.list = report.Failures, report.WarnedDocuments
}
