//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// shared is a pipeline whose runs three workers share, over a volume with so many documents.
func (n *namespace) shared(name string, documents int) *pipeline {
	n.t.Helper()
	n.fill("notes", 0, documents)
	object := standIns(name, "")
	object.Spec.Documents = []v1alpha1.Source{{Name: "notes", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "notes"}}}
	object.Spec.Ingest.Workers = 3
	object.Spec.Index.Retain = new(metav1.Duration)
	return n.pipeline(object)
}

func TestWorkersShareARun(t *testing.T) {
	t.Parallel()
	p := newNamespace(t).shared("workers", 300)
	p.settled(2 * readyWithin)
	p.holdsOnce(300)
	var jobs batchv1.JobList
	if err := api.List(t.Context(), &jobs, client.InNamespace(p.namespace.name)); err != nil {
		t.Fatal(err)
	}
	for _, job := range jobs.Items {
		if job.Status.CompletedIndexes != "0-2" || job.Status.Succeeded != 3 {
			t.Errorf("the run %s ended with %d pods, of the workers %q", job.Name, job.Status.Succeeded, job.Status.CompletedIndexes)
		}
	}
	if summary := p.get().Status.Index; summary.Documents != 300 || summary.FailedDocuments != 0 {
		t.Errorf("the status has %d documents, %d failed", summary.Documents, summary.FailedDocuments)
	}
}

// Ten times, a worker, the store or the operator is killed at a moment of a run that nobody chose, in turn. Each time the
// run ends with every document in the index exactly once.
func TestWorkersKilledAtAnyMoment(t *testing.T) {
	long(t)
	const documents, rounds, seed = 600, 10, 7
	p := newNamespace(t).shared("killed", documents)
	p.settled(2 * readyWithin)
	random := rand.New(rand.NewPCG(seed, seed))
	for round := range rounds {
		p.rechunk(int32(40 + round))
		workers := p.working()
		moment := time.Duration(random.Int64N(int64(4 * time.Second)))
		victim := []string{"a worker", "the store", "the operator"}[round%3]
		pause(t, moment)
		switch round % 3 {
		case 0:
			kill(t, &workers[random.IntN(len(workers))])
		case 1:
			kill(t, p.pod(naming.ComponentWeaviate))
		default:
			killOperator(t)
		}
		t.Logf("round %d: %s was killed %s after its workers had started", round, victim, moment.Round(time.Millisecond))
		p.settled(3 * readyWithin)
		p.holdsOnce(documents)
		if t.Failed() {
			t.Fatalf("round %d, seed %d", round, seed)
		}
	}
}

// working waits until workers of a run are running, and returns them.
func (p *pipeline) working() (workers []corev1.Pod) {
	p.t.Helper()
	eventually(p.t, readyWithin, "workers run", func(ctx context.Context) error {
		alive, err := p.podsOf(ctx, naming.ComponentIngest)
		if err != nil {
			return err
		}
		workers = workers[:0]
		for _, pod := range alive {
			if pod.Status.Phase == corev1.PodRunning {
				workers = append(workers, pod)
			}
		}
		if len(workers) == 0 {
			return errors.New("none does")
		}
		return nil
	})
	return workers
}

// pause waits for a moment that a test chooses by chance.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(fmt.Errorf("waiting for the moment: %w", t.Context().Err()))
	}
}
