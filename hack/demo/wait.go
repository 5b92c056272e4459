package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// wait prints one line that changes, on a terminal, and a line for each change otherwise.
func wait(ctx context.Context, api client.WithWatch, name string) error {
	begun, line := time.Now(), newLine()
	defer line.end()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		p := new(v1alpha1.RAGPipeline)
		if err := api.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, p); err != nil {
			return fmt.Errorf("read the pipeline %s: %w", name, err)
		}
		ready, text := progress(p)
		line.show(time.Since(begun), text)
		if ready {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %s", name, text)
		case <-tick.C:
		}
	}
}

// progress says how far a pipeline is: its stages, and what it waits for.
func progress(p *v1alpha1.RAGPipeline) (ready bool, text string) {
	conditions := p.Status.Conditions
	if p.Status.ObservedGeneration != p.Generation {
		return false, "waiting for the operator"
	}
	var stages []string
	for _, stage := range []string{
		v1alpha1.ConditionVectorStoreReady, v1alpha1.ConditionEmbeddingReady, v1alpha1.ConditionRerankingReady,
		v1alpha1.ConditionLLMReady, v1alpha1.ConditionIndexReady, v1alpha1.ConditionGatewayReady,
	} {
		mark := "…"
		if meta.IsStatusConditionTrue(conditions, stage) {
			mark = "✓"
		}
		stages = append(stages, strings.TrimSuffix(stage, "Ready")+" "+mark)
	}
	text = strings.Join(stages, "  ")
	if c := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady); c != nil {
		ready = c.Status == "True"
		text += "  " + c.Message
	}
	return ready, text
}

// line is where progress is shown.
type line struct {
	terminal bool
	last     string
}

func newLine() *line {
	info, err := os.Stdout.Stat()
	return &line{terminal: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (l *line) show(since time.Duration, text string) {
	seconds := fmt.Sprintf("%3d s  ", int(since.Seconds()))
	switch {
	case l.terminal:
		fmt.Fprintf(os.Stdout, "\r\033[2K%s%s", seconds, cut(text, 150))
	case text != l.last:
		fmt.Fprintf(os.Stdout, "%s%s\n", seconds, text)
	}
	l.last = text
}

func (l *line) end() {
	if l.terminal {
		fmt.Fprintln(os.Stdout)
	}
}

// cut keeps a line from wrapping, which it could not be overwritten from.
func cut(text string, width int) string {
	if letters := []rune(text); len(letters) > width {
		return string(letters[:width-1]) + "…"
	}
	return text
}
