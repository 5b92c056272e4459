//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// A document of the story is so many notes: 16 kB, in about 26 chunks.
const (
	notesADocument  = 170
	chunksADocument = 26
)

// Two workers index E2E_CHUNKS chunks (20,000) beside an embedding server that computes one request at a time, as one
// GPU does, 32 texts in 330 ms, and refuses a request when 16 wait. The log has the rate, how long the server was busy,
// and the most memory that a worker had; docs/benchmarks.md has those of 100,000.
func TestALongIngestionKeepsItsEmbeddingServerBusy(t *testing.T) {
	long(t)
	chunks := 20_000
	if set := os.Getenv("E2E_CHUNKS"); set != "" {
		var err error
		if chunks, err = strconv.Atoi(set); err != nil {
			t.Fatalf("E2E_CHUNKS: %v", err)
		}
	}
	documents := chunks / chunksADocument
	n := newNamespace(t)
	n.claim("notes")
	n.seed("notes", 0, documents, 0, notesADocument)
	embedder := n.host("embedder", "-fast", "-takes=10ms", "-takes-per-text=10ms", "-queue=16")
	object := standIns("scale", "")
	object.Spec.Documents = []v1alpha1.Source{{
		Name: "notes", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "notes"},
	}}
	object.Spec.Models.Embedding.Model = embedder.endpoint(config.StandInEmbedding)
	object.Spec.Ingest.Workers = 2
	object.Spec.Index.Retain = new(metav1.Duration)
	p := n.pipeline(object)
	p.working()
	embedder.must(http.MethodDelete, "load")
	begun, memory := time.Now(), p.watchMemory()
	p.settled(time.Hour)
	took := time.Since(begun)
	var load nimsim.Load
	if err := embedder.admin(t.Context(), http.MethodGet, "load", &load); err != nil {
		t.Fatal(err)
	}
	summary := p.get().Status.Index
	t.Logf("%d chunks of %d documents in %s: %.1f chunks/s; the embedding server was busy for %.1f %% of the time from its "+
		"first text to its last, and refused %d of %d requests; the largest worker had %.0f MB",
		summary.Chunks, summary.Documents, took.Round(time.Second), float64(load.Texts)/load.Passed.Seconds(),
		100*load.Busy.Seconds()/load.Passed.Seconds(), load.Refused, load.Requests+load.Refused, memory()/1e6)
	if summary.FailedDocuments != 0 {
		t.Errorf("%d documents failed", summary.FailedDocuments)
	}
	if spent := load.Texts - int(summary.Chunks); max(spent, -spent) > 100 { // some may have come before the count began
		t.Errorf("%d texts were embedded for %d chunks", load.Texts, summary.Chunks)
	}
	p.holdsOnce(documents)
}

// watchMemory reads the resident memory of the workers each second, until its result is called: the most of it, in bytes.
func (p *pipeline) watchMemory() (most func() float64) {
	ctx, stop := context.WithCancel(p.t.Context())
	var reading sync.WaitGroup
	var peak float64
	reading.Go(func() {
		for tick := time.NewTicker(time.Second); ; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
				return
			}
			workers, err := p.podsOf(ctx, naming.ComponentIngest)
			if err != nil {
				continue // the next reading
			}
			for i := range workers {
				peak = max(peak, resident(ctx, &workers[i]))
			}
		}
	})
	return func() float64 {
		stop()
		reading.Wait()
		if peak == 0 {
			p.t.Error("no worker told its memory")
		}
		return peak
	}
}

// resident is the memory of a pod of ours by its own metrics, in bytes; 0 where it does not answer.
func resident(ctx context.Context, pod *corev1.Pod) (bytes float64) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	url := fmt.Sprintf("http://%s:%d/metrics", pod.Status.PodIP, config.OpsPort)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	reply, err := web.Do(request)
	if err != nil {
		return 0
	}
	defer reply.Body.Close()
	for lines := bufio.NewScanner(reply.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "process_resident_memory_bytes "); ok {
			bytes, _ = strconv.ParseFloat(value, 64)
		}
	}
	return bytes
}
