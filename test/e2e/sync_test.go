//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

func TestDocumentsOnAVolumeVanishAndAreProvedGone(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	n.fill("notes", 0, 40)
	object := standIns("follows", "")
	object.Spec.Documents = []v1alpha1.Source{{Name: "notes", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "notes"}}}
	p := n.pipeline(object)
	p.settled(2 * readyWithin)
	p.holdsOnce(40)

	// New documents, and no new one after that.
	n.refill("notes", 0, 42)
	p.sync("more")
	p.found(v1alpha1.SourceStatus{Name: "notes", Documents: 42, Scanned: 42, Added: 2, Unchanged: 40})

	// By mistake, all but ten are gone.
	n.refill("notes", 0, 10)
	p.sync("by mistake")
	p.until(readyWithin, "the removals are held back", func(object *v1alpha1.RAGPipeline) error {
		return has(v1alpha1.ConditionIndexReady, metav1.ConditionTrue, `source "notes" no longer lists 32 of its documents`)(object)
	})
	p.found(v1alpha1.SourceStatus{Name: "notes", Documents: 42, Scanned: 10, Unchanged: 10, HeldBack: 32})
	p.holdsOnce(42)
	if err := p.finds(t.Context(), 39); err != nil {
		t.Error(err)
	}

	// It was no mistake.
	p.sync("confirm-prune")
	p.removed(32)
	p.holdsOnce(10)
	for note := 10; note < 42; note++ {
		if err := p.finds(t.Context(), note); err == nil {
			t.Errorf("note %d is found after its removal", note)
		}
	}

	// The consent was for one run.
	n.refill("notes", 0, 60)
	p.sync("many more")
	p.found(v1alpha1.SourceStatus{Name: "notes", Documents: 60, Scanned: 60, Added: 50, Unchanged: 10})
	n.refill("notes", 0, 20)
	p.sync("again")
	p.found(v1alpha1.SourceStatus{Name: "notes", Documents: 60, Scanned: 20, Unchanged: 20, HeldBack: 40})

	// The deletion is cut off, and ended by the next pod.
	p.sync("confirm-prune again")
	run := p.pod(naming.ComponentIngest)
	kill(t, p.pod(naming.ComponentWeaviate))
	kill(t, run)
	p.removed(40)
	p.settled(2 * readyWithin)
	p.holdsOnce(20)
	for note := 20; note < 60; note++ {
		if err := p.finds(t.Context(), note); err == nil {
			t.Errorf("note %d is found after its removal", note)
		}
	}
}

// sync asks for a run.
func (p *pipeline) sync(value string) {
	p.t.Helper()
	p.annotate(naming.AnnotationSync, value)
}

// found waits until the status tells of the only source what the last run found in it.
func (p *pipeline) found(want v1alpha1.SourceStatus) {
	p.t.Helper()
	p.until(2*readyWithin, fmt.Sprintf("a run found %+v", want), func(object *v1alpha1.RAGPipeline) error {
		if len(object.Status.Sources) != 1 {
			return fmt.Errorf("the status has the sources %+v", object.Status.Sources)
		}
		got := object.Status.Sources[0]
		if got.LastSuccessTime == nil {
			return fmt.Errorf("it was never listed: %+v", got)
		}
		if got.LastSuccessTime = nil; got != want {
			return fmt.Errorf("it found %+v", got)
		}
		return isSettled(object)
	})
}

// removed waits for the proof that so many documents are gone.
func (p *pipeline) removed(documents int64) {
	p.t.Helper()
	p.until(10*time.Minute, fmt.Sprintf("the removal of %d documents is proved", documents), func(object *v1alpha1.RAGPipeline) error {
		if r := object.Status.Index.Removed; r == nil || r.Documents != documents {
			return fmt.Errorf("the last proof is %+v", r)
		}
		return isSettled(object)
	})
}

// finds reports an error unless a search for a note finds it.
func (p *pipeline) finds(ctx context.Context, note int) error {
	var reply struct {
		Results []struct {
			Document string `json:"document_name"`
		} `json:"results"`
	}
	query := map[string]any{"query": fmt.Sprintf("valve V%d steel grade S%d", note, note*7), "reranker_top_k": 25}
	if err := p.call(ctx, http.MethodPost, "/v1/search", query, &reply); err != nil {
		return err
	}
	for _, r := range reply.Results {
		if strings.HasSuffix(r.Document, fmt.Sprintf("note-%d.md", note)) {
			return nil
		}
	}
	return fmt.Errorf("no result is of note %d: %+v", note, reply.Results)
}
