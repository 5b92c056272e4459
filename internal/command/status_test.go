package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// building is a pipeline that serves one generation while it builds the next, as of now.
func building(now time.Time) *v1alpha1.RAGPipeline {
	at := func(ago time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(-ago)} }
	return &v1alpha1.RAGPipeline{
		ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "papers", Generation: 2, CreationTimestamp: *at(time.Hour)},
		Status: v1alpha1.RAGPipelineStatus{
			ObservedGeneration: 2,
			Endpoint:           "http://papers-gateway.team.svc:8080",
			Conditions: []metav1.Condition{
				{Type: "Ready", Status: "True", Reason: "Ready", Message: "questions are answered", LastTransitionTime: *at(time.Hour)},
				{Type: "Reconciling", Status: "True", Reason: "Indexing", Message: "a line\nbreak", LastTransitionTime: *at(time.Minute)},
			},
			Sources: []v1alpha1.SourceStatus{
				{Name: "papers", Documents: 420, Added: 3, Failed: 2, LastSuccessTime: at(5 * time.Minute)},
				{Name: "wiki", Documents: 9, HeldBack: 30},
			},
			Index: &v1alpha1.IndexStatus{
				Generation: "6fe1ba65", Documents: 429, Chunks: 12600, EmbeddingModel: "embed-1", Dimensions: 1024, LastSyncTime: at(5 * time.Minute),
				FailedDocuments: 2, FailureReasons: []v1alpha1.ReasonCount{{Reason: "NoTextLayer", Documents: 2}},
				Building: &v1alpha1.Building{
					Generation: "92b7a7e6", Phase: "Indexing", DocumentsDone: 120, DocumentsTotal: 429, ChunksPerSecond: "3.2", EstimatedEnd: at(-90 * time.Second),
					Reason: "ChunkingChanged", Message: "spec.chunking.size: 800 -> 450",
				},
			},
		},
	}
}

func TestAStatusForPeople(t *testing.T) {
	now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
	var out bytes.Buffer
	if err := printStatus(&out, building(now), now); err != nil {
		t.Fatal(err)
	}
	want := `Pipeline   team/papers
Ready      True: questions are answered
Endpoint   http://papers-gateway.team.svc:8080
Serving    429 documents in 12600 chunks, generation 6fe1ba65, embedded by embed-1 (1024 dimensions), synced 5m ago
Building   generation 92b7a7e6: indexing, 120 of 429 documents, 3.2 chunks a second, about 1m30s left (ChunkingChanged)
           because of spec.chunking.size: 800 -> 450
Failed     2 documents (NoTextLayer 2); ` + "`ragpipeline failures papers`" + ` lists them

CONDITION     STATUS   REASON     SINCE   MESSAGE
Ready         True     Ready      60m     questions are answered
Reconciling   True     Indexing   60s     a line break

SOURCE   DOCUMENTS   ADDED   CHANGED   REMOVED   FAILED   WARNINGS   LISTED   MESSAGE
papers   420         3       0         0         2        0          5m ago   
wiki     9           0       0         0         0        0          never    30 documents vanished and are kept until you confirm it by sync --confirm-prune
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
	out.Reset()
	if err := printList(&out, []v1alpha1.RAGPipeline{*building(now)}, true, now); err != nil {
		t.Fatal(err)
	}
	if want := "team        papers   True    429         12600    2        Indexing 120/429   60m   questions are answered\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("the row is %q", out.String())
	}
}

func TestWhatAWaitEndsFor(t *testing.T) {
	now := time.Now()
	change := func(edit func(*v1alpha1.RAGPipelineStatus)) *v1alpha1.RAGPipeline {
		p := building(now)
		edit(&p.Status)
		return p
	}
	notReady := func(s *v1alpha1.RAGPipelineStatus) { s.Conditions[0].Status = "False" }
	for _, c := range []struct {
		name     string
		pipeline *v1alpha1.RAGPipeline
		ready    bool
		text     string
		code     int
	}{
		{"ready, while the next index is built", building(now), true, "ready: questions are answered", 0},
		{"ready for another spec", change(func(s *v1alpha1.RAGPipelineStatus) { s.ObservedGeneration = 1 }), false, "waiting for the operator", 0},
		{"without a status", change(func(s *v1alpha1.RAGPipelineStatus) { s.Conditions = nil; s.Index = nil }), false, "waiting for the operator", 0},
		{"building the first index", change(notReady), false, "120 of 429 documents", 0},
		{"stalled", change(func(s *v1alpha1.RAGPipelineStatus) { notReady(s); s.Conditions[1].Type = "Stalled" }), false, "", exitStalled},
	} {
		ready, text, err := progressOf(c.pipeline, now)
		code := 0
		if e, ok := errors.AsType[exit](err); ok {
			code = e.code
		}
		if ready != c.ready || !strings.Contains(text, c.text) || code != c.code || (err == nil) != (code == 0) {
			t.Errorf("%s: %v, %q, %v", c.name, ready, text, err)
		}
	}
}

func TestAWaitEndsAtItsDeadlineThoughNothingAnswers(t *testing.T) {
	looked := 0
	hangs := func(text string) look {
		return func(ctx context.Context) (bool, string, error) {
			if looked++; looked == 1 && text != "" {
				return false, text, nil
			}
			<-ctx.Done()
			return false, "", exit{fmt.Errorf("read the pipeline: %w", ctx.Err()), exitUnreadable}
		}
	}
	for _, c := range []struct {
		seen, want string
		code       int
	}{
		{"", "read the pipeline: context deadline exceeded", exitUnreadable},
		{"building", "not done within 1s: building", exitFailed},
	} {
		looked = 0
		err := awaited(t.Context(), time.Second, newLine(io.Discard), hangs(c.seen))
		if err == nil || err.Error() != c.want || ExitCode(err) != c.code {
			t.Errorf("after %q: %v", c.seen, err)
		}
	}
}
