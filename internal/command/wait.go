package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/client"
)

// exitStalled is the exit code of a wait that nothing but a change by the user can end.
const exitStalled = 4

type waitFlags struct {
	connection
	timeout time.Duration
}

func newWaitCommand() *cobra.Command {
	var f waitFlags
	cmd := &cobra.Command{
		Use:   "wait NAME",
		Short: "Wait until a pipeline is ready for questions, and show its progress",
		Long: "wait ends when the pipeline is Ready for its present spec. With --url, it waits until the gateway there\n" +
			"answers and has an index.\n\n" +
			"Exit codes: 0 ready, 1 not ready at the deadline, 2 the arguments are not valid, 3 the pipeline cannot be\n" +
			"read, 4 the pipeline is stalled: only a change by you can help, and the message says which.",
		Example: "  ragpipeline wait quickstart --timeout 10m",
		RunE:    f.ofPipeline(f.run),
	}
	f.register(cmd)
	cmd.Flags().DurationVar(&f.timeout, "timeout", 10*time.Minute, "how long to wait")
	return cmd
}

func (f *waitFlags) run(ctx context.Context, name string) error {
	look, err := f.look(ctx, name)
	if err != nil {
		return err
	}
	return awaited(ctx, f.timeout, newLine(f.progress), look)
}

// look returns how to find out how far the pipeline is.
func (f *waitFlags) look(ctx context.Context, name string) (look, error) {
	if f.url != "" {
		g, _, err := f.gateway(ctx, "")
		return func(ctx context.Context) (bool, string, error) { return f.lookAt(ctx, g) }, err
	}
	k, err := f.cluster.Connect()
	if err != nil {
		return nil, exit{fmt.Errorf("%w, or a gateway by --url", err), exitUnreadable}
	}
	read := false
	return func(ctx context.Context) (bool, string, error) {
		p, err := k.Pipeline(ctx, name)
		switch {
		case err != nil && read && !apierrors.IsNotFound(err):
			return false, err.Error(), nil
		case err != nil:
			return false, "", exit{err, exitUnreadable}
		}
		read = true
		ready, text, err := progressOf(p, time.Now())
		if ready && f.json() {
			err = printPipeline(f.stdout, p)
		}
		return ready, text, err
	}, nil
}

// lookAt reports whether the gateway is ready. While nobody answers there, it is awaited.
func (f *waitFlags) lookAt(ctx context.Context, g *client.Client) (ready bool, text string, err error) {
	state, err := g.Index(ctx)
	if refused, answered := errors.AsType[*client.Error](err); answered && refused.Permanent() {
		return false, "", exit{err, exitUnreadable}
	}
	switch {
	case err != nil:
		return false, err.Error(), nil //nolint:nilerr // it is what the wait shows
	case !state.Ready:
		return false, "no retrieval has succeeded yet", nil
	case f.json():
		return true, "", showIndex(ctx, g, f.stdout, true)
	}
	return true, fmt.Sprintf("ready: %d documents in %d chunks", state.Documents, state.Chunks), nil
}

// progressOf reports whether a pipeline is ready for its present spec, and what it waits for. The error is that it
// is stalled.
func progressOf(p *v1alpha1.RAGPipeline, now time.Time) (ready bool, text string, err error) {
	condition := readyOf(p)
	if p.Status.ObservedGeneration != p.Generation {
		return false, condition.Message, nil
	}
	if condition.Status == metav1.ConditionTrue {
		return true, "ready: " + condition.Message, nil
	}
	if stalled := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionStalled); stalled != nil {
		return false, "", exit{fmt.Errorf("%s/%s is stalled: %s: %s", p.Namespace, p.Name, stalled.Reason, stalled.Message),
			exitStalled}
	}
	if index := p.Status.Index; index != nil && index.Building != nil {
		return false, buildingText(index.Building, now), nil
	}
	return false, condition.Message, nil
}

// look finds out whether what a command waits for is done, and how far it is. An error ends the wait.
type look func(ctx context.Context) (done bool, text string, err error)

// awaited looks until what is awaited is done, or for as long as patience, which also ends a look that gets no answer.
func awaited(parent context.Context, patience time.Duration, line *line, look look) error {
	const every = 500 * time.Millisecond
	ctx, cancel := context.WithTimeout(parent, patience)
	defer cancel()
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	defer line.end()
	for begun := time.Now(); ; {
		done, text, err := look(ctx)
		if parent.Err() != nil {
			return parent.Err()
		}
		late := ctx.Err() != nil && !done
		if late && line.last != "" && (err == nil || errors.Is(err, context.DeadlineExceeded)) {
			text, err = line.last, nil // what was seen says more than that this look was cut short
		}
		if err != nil {
			return err
		}
		if late {
			return fmt.Errorf("not done within %s: %s", patience, text)
		}
		line.show(time.Since(begun), text)
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-ticks.C:
		}
	}
}

// line shows progress: on a terminal in one line that changes, else in a line for each change.
type line struct {
	w        io.Writer
	terminal bool
	last     string
}

func newLine(w io.Writer) *line { return &line{w: w, terminal: isTerminal(w)} }

func (l *line) show(since time.Duration, text string) {
	text = withoutControls(text)
	switch {
	case text == "":
	case l.terminal:
		const width = 110 // a longer line could wrap, and then would not be overwritten
		if letters := []rune(text); len(letters) > width {
			text = string(letters[:width-1]) + "…"
		}
		fmt.Fprintf(l.w, "\r\x1b[K%4d s  %s", int(since.Seconds()), text)
	case text != l.last:
		fmt.Fprintf(l.w, "%4d s  %s\n", int(since.Seconds()), text)
	}
	l.last = text
}

func (l *line) end() {
	if l.terminal && l.last != "" {
		fmt.Fprintln(l.w)
	}
}
