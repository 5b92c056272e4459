package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// LogOptions say which lines to read of a pipeline's pods.
type LogOptions struct {
	// Component selects pods of one component; empty selects all.
	Component string
	// Tail is how many lines of each container are read; a negative number is all.
	Tail int64
	// Since is how old a line may be; 0 is any age.
	Since time.Duration
	// Follow goes on until the context ends, with containers and pods that start later.
	Follow bool
}

// LogLine is a line of a container's log.
type LogLine struct {
	Part      string `json:"part"` // is the component that the pod belongs to
	Pod       string `json:"pod"`
	Container string `json:"container"`
	Line      string `json:"line"`
}

// container is one life of a container: after a restart, its log begins anew.
type container struct {
	part, pod, name string
	restarts        int32
}

// newPodsEvery is the pause between two looks for containers that have started.
const newPodsEvery = 2 * time.Second

// Logs calls each for every line, from one goroutine at a time. It needs the rights to list pods and to get pods/log.
func (c *Cluster) Logs(ctx context.Context, p *v1alpha1.RAGPipeline, o LogOptions, each func(LogLine) error) error {
	core, err := typedcorev1.NewForConfig(c.rest)
	if err != nil {
		return err
	}
	r := logReader{pods: core.Pods(p.Namespace), options: o, each: each, seen: map[container]bool{}}
	if !o.Follow {
		started, err := c.started(ctx, p, o.Component)
		if err == nil && len(started) == 0 {
			err = fmt.Errorf("no container of %s/%s has started", p.Namespace, p.Name)
		}
		for _, one := range started {
			err = errors.Join(err, r.read(ctx, one, o.Tail))
		}
		return err
	}
	return c.follow(ctx, p, &r)
}

// follow reads each container that runs, and those that start later.
func (c *Cluster) follow(ctx context.Context, p *v1alpha1.RAGPipeline, r *logReader) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var readers sync.WaitGroup
	defer readers.Wait()
	defer cancel(nil)
	ticks := time.NewTicker(newPodsEvery)
	defer ticks.Stop()
	for tail := r.options.Tail; ; tail = -1 { // nothing of a log that begins later is left out
		started, err := c.started(ctx, p, r.options.Component)
		if err != nil && ctx.Err() == nil {
			return err
		}
		for _, one := range started {
			if r.seen[one] {
				continue
			}
			r.seen[one] = true
			readers.Go(func() {
				// A pod may be deleted between the look and the read: the log of the others goes on.
				if err := r.read(ctx, one, tail); err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
					cancel(err)
				}
			})
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
				return cause
			}
			return nil
		case <-ticks.C:
		}
	}
}

// started are the containers that have written or may write a log, those of one pod after those of another.
func (c *Cluster) started(
	ctx context.Context, p *v1alpha1.RAGPipeline, component string,
) (started []container, err error) {
	pods, err := c.pods(ctx, p, component)
	for _, pod := range pods {
		for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if s.State.Running != nil || s.State.Terminated != nil || s.RestartCount > 0 {
				started = append(started, container{pod.Labels[naming.LabelComponent], pod.Name, s.Name, s.RestartCount})
			}
		}
	}
	return started, err
}

// logReader reads logs of containers.
type logReader struct {
	pods    typedcorev1.PodInterface
	options LogOptions
	mu      sync.Mutex // is held while each is called
	each    func(LogLine) error
	seen    map[container]bool
}

// maxLine bounds a line.
const maxLine = 1 << 20

func (r *logReader) read(ctx context.Context, c container, tail int64) error {
	o := &corev1.PodLogOptions{Container: c.name, Follow: r.options.Follow}
	if tail >= 0 {
		o.TailLines = &tail
	}
	if r.options.Since > 0 {
		seconds := max(1, int64(r.options.Since.Seconds()))
		o.SinceSeconds = &seconds
	}
	stream, err := r.pods.GetLogs(c.pod, o).Stream(ctx)
	if err != nil {
		return fmt.Errorf("read the log of pod %s: %w", c.pod, err)
	}
	defer stream.Close()
	lines := bufio.NewReader(stream)
	for {
		text, err := readLine(lines)
		if text != "" {
			r.mu.Lock()
			failed := r.each(LogLine{Part: c.part, Pod: c.pod, Container: c.name, Line: text})
			r.mu.Unlock()
			if failed != nil {
				return failed
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the log of pod %s: %w", c.pod, err)
		}
	}
}

// readLine returns a line without its end. What of it is beyond maxLine is replaced by an ellipsis.
func readLine(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		part, more, err := r.ReadLine()
		if room := maxLine - b.Len(); len(part) > room {
			part = append(part[:max(room, 0):max(room, 0)], "…"...)
		}
		if b.Len() <= maxLine {
			b.Write(part)
		}
		if err != nil || !more {
			return b.String(), err
		}
	}
}
