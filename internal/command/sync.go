package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/command/cluster"
)

type askedSyncFlags struct {
	connection
	confirmPrune, retryFailed, noWait bool
	timeout                           time.Duration
}

func newSyncCommand() *cobra.Command {
	var f askedSyncFlags
	cmd := &cobra.Command{
		Use:   "sync NAME",
		Short: "Bring a pipeline's index up to date with its sources now, and wait until it is",
		Long: "sync sets the annotation ragpipeline.io/sync, for which the operator starts a run. It needs the right to\n" +
			"patch RAGPipelines, and to wait, the right to list Jobs.",
		Example: "  ragpipeline sync quickstart\n  ragpipeline sync quickstart --confirm-prune --no-wait",
		RunE:    f.ofPipeline(f.run),
	}
	f.registerCluster(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.confirmPrune, "confirm-prune", false,
		"remove documents that vanished from a source, even if they are more than sync.maxPrune")
	flags.BoolVar(&f.retryFailed, "retry-failed", false, "read documents again that failed before, even parked ones")
	flags.BoolVar(&f.noWait, "no-wait", false, "end as soon as the run is asked for")
	flags.DurationVar(&f.timeout, "timeout", time.Hour, "how long to wait")
	return cmd
}

func (f *askedSyncFlags) run(ctx context.Context, name string) error {
	k, before, err := f.pipeline(ctx, name)
	if err != nil {
		return exit{err, exitUnreadable}
	}
	if before.Spec.Suspend {
		return fmt.Errorf("%s/%s is suspended, so no run starts: set spec.suspend to false first", before.Namespace, name)
	}
	value := f.value(time.Now())
	if err := k.Sync(ctx, before, value); err != nil {
		return err
	}
	if f.noWait {
		return f.print(before, value)
	}
	w := syncWait{cluster: k, before: before, value: value}
	if err := awaited(ctx, f.timeout, newLine(f.progress), w.look); err != nil {
		return err
	}
	return f.print(w.now, value)
}

// value is a new value of the annotation.
func (f *askedSyncFlags) value(now time.Time) string {
	words := []string{now.UTC().Format(time.RFC3339Nano)}
	if f.confirmPrune {
		words = append(words, "confirm-prune")
	}
	if f.retryFailed {
		words = append(words, "retry-failed")
	}
	return strings.Join(words, " ")
}

func (f *askedSyncFlags) print(p *v1alpha1.RAGPipeline, value string) error {
	switch {
	case f.noWait && f.json():
		return json.NewEncoder(f.stdout).Encode(map[string]string{"pipeline": p.Namespace + "/" + p.Name, "sync": value})
	case f.noWait:
		_, err := fmt.Fprintf(f.stdout, "%s/%s: a run is asked for; `ragpipeline status %[2]s --watch` shows it\n",
			p.Namespace, p.Name)
		return err
	case f.json():
		return printPipeline(f.stdout, p)
	}
	return printSources(f.stdout, p, time.Now())
}

// syncWait looks for the run that was asked for, and for what the status says of it.
type syncWait struct {
	cluster     *cluster.Cluster
	before, now *v1alpha1.RAGPipeline
	value       string
	ended       time.Time // is when the run was first seen to have ended
}

// settles is how long the status may take to follow a run that ended.
const settles = 30 * time.Second

func (w *syncWait) look(ctx context.Context) (done bool, text string, err error) {
	if w.now, err = w.cluster.Pipeline(ctx, w.before.Name); err != nil {
		return false, "", exit{err, exitUnreadable}
	}
	job, err := w.cluster.Run(ctx, w.now, w.value)
	switch {
	case err != nil:
		return false, "", fmt.Errorf("a run is asked for, but its end cannot be seen: %w; use --no-wait", err)
	case job == nil:
		return false, "waiting for the run to start", nil
	}
	switch cluster.Ended(job) {
	case batchv1.JobComplete:
		return w.synced(), "the run is done", nil
	case batchv1.JobFailed:
		cause := w.cause()
		return false, "the run failed", cause
	}
	if index := w.now.Status.Index; index != nil && index.Building != nil {
		return false, buildingText(index.Building, time.Now()), nil
	}
	return false, "the run is starting", nil
}

// synced reports whether the status has what the run found, or is unlikely to get it any more.
func (w *syncWait) synced() bool {
	if w.ended.IsZero() {
		w.ended = time.Now()
	}
	at := func(p *v1alpha1.RAGPipeline) time.Time {
		if p.Status.Index == nil || p.Status.Index.LastSyncTime == nil {
			return time.Time{}
		}
		return p.Status.Index.LastSyncTime.Time
	}
	return !at(w.now).Equal(at(w.before)) || time.Since(w.ended) > settles
}

// cause is why the run failed, once the status says so.
func (w *syncWait) cause() error {
	if w.ended.IsZero() {
		w.ended = time.Now()
	}
	for _, condition := range []string{v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling} {
		c := meta.FindStatusCondition(w.now.Status.Conditions, condition)
		if c != nil && c.Reason != v1alpha1.ReasonIndexing {
			return fmt.Errorf("the run failed: %s: %s", c.Reason, c.Message)
		}
	}
	if time.Since(w.ended) > settles {
		return errors.New("the run failed; `ragpipeline logs` shows why")
	}
	return nil
}
