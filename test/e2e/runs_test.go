//go:build e2e

package e2e

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestEditsAmidAReindexEndAtTheLastAndRunOneAtATime(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	n.fill("notes", 0, 2400)
	object := standIns("edits", "")
	object.Spec.Documents = []v1alpha1.Source{{Name: "notes", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "notes"}}}
	object.Spec.Index.Retain = new(metav1.Duration)
	p := n.pipeline(object)
	prober := p.probe("At how many bar does valve V77 open?")
	runs := p.watchRuns()
	p.settled(2 * readyWithin)
	begun, first := time.Now(), p.get().Status.Index.Generation

	// Another generation, then a third while the second is built, then back while the third is.
	p.rechunk(40)
	second := p.builds(first)
	p.rechunk(50)
	p.builds(first, second)
	killOperator(t)
	p.rechunk(800)
	p.settled(2 * readyWithin)
	if now := p.get().Status.Index.Generation; now != first {
		t.Errorf("generation %s is live, not the first, %s", now, first)
	}
	p.holdsOnce(2400)
	p.oneGenerationIsLeft()

	// The second once more, with its operator killed under it.
	p.rechunk(40)
	p.builds(first)
	killOperator(t)
	p.until(2*readyWithin, "the second generation is live", func(object *v1alpha1.RAGPipeline) error {
		if object.Status.Index.Generation != second {
			return errors.New("another is")
		}
		return isSettled(object)
	})
	p.holdsOnce(2400)
	p.oneGenerationIsLeft()
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)
	runs.wereOneAtATime(t)
	// The first; the second and the third, given up; the first, to remove what is left of those; the
	// second; and the removal of the first. A generation that was complete before it was given up
	// takes one more, to be removed.
	if made := runs.made(); len(made) > 8 {
		t.Errorf("%d runs were made: %v", len(made), made)
	}
}

func (p *pipeline) rechunk(size int32) {
	p.t.Helper()
	overlap := size / 8
	p.edit(func(s *v1alpha1.RAGPipelineSpec) {
		s.Chunking.Size, s.Chunking.Overlap = size, &overlap
		if size == 800 {
			s.Chunking = v1alpha1.Chunking{} // the defaults
		}
	})
}

// builds waits until documents are done for a generation that is none of the others, and returns
// it.
func (p *pipeline) builds(others ...string) (generation string) {
	p.t.Helper()
	p.until(readyWithin, "builds another generation", func(object *v1alpha1.RAGPipeline) error {
		b := object.Status.Index.Building
		if b == nil || b.DocumentsDone == 0 || slices.Contains(others, b.Generation) {
			return errors.New("it does not")
		}
		generation = b.Generation
		return nil
	})
	return generation
}

// runs are those that a watch has seen: none is missed that is soon pruned.
type runs struct {
	stop context.CancelFunc
	work sync.WaitGroup

	mu    sync.Mutex
	jobs  map[types.UID]*batchv1.Job
	alive map[string]bool // pods that may be writing
	most  []string        // the most of them at once
}

func (p *pipeline) watchRuns() *runs {
	ctx, stop := context.WithCancel(p.t.Context())
	r := &runs{stop: stop, jobs: map[types.UID]*batchv1.Job{}, alive: map[string]bool{}}
	p.t.Cleanup(r.end)
	for _, list := range []client.ObjectList{&batchv1.JobList{}, &corev1.PodList{}} {
		watcher, err := api.Watch(ctx, list, client.InNamespace(p.namespace.name),
			client.MatchingLabels{naming.LabelPipeline: p.name, naming.LabelComponent: naming.ComponentIngest})
		if err != nil {
			p.t.Fatal(err)
		}
		r.work.Go(func() {
			defer watcher.Stop()
			for event := range watcher.ResultChan() {
				r.note(event)
			}
		})
	}
	return r
}

func (r *runs) end() {
	r.stop()
	r.work.Wait()
}

func (r *runs) note(event watch.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch object := event.Object.(type) {
	case *batchv1.Job:
		r.jobs[object.UID] = object
	case *corev1.Pod:
		if event.Type != watch.Deleted && object.Status.Phase != corev1.PodSucceeded && object.Status.Phase != corev1.PodFailed {
			r.alive[object.Name] = true
		} else {
			delete(r.alive, object.Name)
		}
		if len(r.alive) > len(r.most) {
			r.most = slices.Sorted(maps.Keys(r.alive))
		}
	}
}

// made are the names of the Jobs, in their order: one twice that was given up and made again.
func (r *runs) made() (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	byTime := func(a, b *batchv1.Job) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) }
	for _, job := range slices.SortedFunc(maps.Values(r.jobs), byTime) {
		names = append(names, job.Name)
	}
	return names
}

func (r *runs) wereOneAtATime(t *testing.T) {
	t.Helper()
	r.end()
	t.Logf("runs: %v", r.made())
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.most) > 1 {
		t.Errorf("pods of ingestion were alive at once: %v", r.most)
	}
}
