package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A run is in the phase of its slowest worker, and is done when that one is.
func TestTheProgressOfWorkersAddsUp(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	sum := Progress{Phase: PhaseRemoving, DocumentsDone: 5, DocumentsTotal: 5, AllDocuments: 20, Chunks: 50,
		ChunksPerSecond: 2, Slowest: &SlowDocument{Document: "b", Since: late}}
	for _, other := range []Progress{
		{Phase: PhaseIndexing, DocumentsDone: 3, DocumentsTotal: 8, AllDocuments: 20, Chunks: 30, ChunksPerSecond: 3,
			SecondsLeft: 9, Pace: &Pace{Requests: 4, Texts: 32}, Slowest: &SlowDocument{Document: "a", Since: early}},
		{Phase: PhaseIndexing, SecondsLeft: 4, Pace: &Pace{Requests: 1, Texts: 8, Waiting: true}},
		{}, // it reports nothing yet
		{Phase: PhaseDone, DocumentsDone: 7, DocumentsTotal: 7, Chunks: 70},
	} {
		sum.Add(other)
	}
	want := Progress{Phase: PhaseIndexing, DocumentsDone: 15, DocumentsTotal: 20, AllDocuments: 20, Chunks: 150,
		ChunksPerSecond: 5, SecondsLeft: 9, Pace: &Pace{Requests: 5, Texts: 8, Waiting: true},
		Slowest: &SlowDocument{Document: "a", Since: early}}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
