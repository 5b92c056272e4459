package weaviate_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
)

// worker opens the index as one of two workers.
func worker(t *testing.T, o weaviate.Options, number int) *weaviate.Store {
	t.Helper()
	o.Share = index.Share{Worker: number, Workers: 2}
	return open(t, o)
}

// shared is a document of a worker's share, and a chunk of it.
func shared(number int) (index.Row, []index.Vectored) {
	for i := 0; ; i++ {
		name := fmt.Sprintf("docs/%d-%d", number, i)
		if !(index.Share{Worker: number, Workers: 2}).Has(name) {
			continue
		}
		id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String()
		chunk := index.Chunk{ID: id, Document: name, Source: "docs", Text: "text of " + name}
		return index.Row{Document: name, Source: "docs", Chunks: 1, State: index.Indexed, Updated: time.Unix(1, 0)},
			[]index.Vectored{{Chunk: chunk, Vector: []float32{1, 2, 3}}}
	}
}

// A worker that is opened while another one works recovers only its own share: what the other has staged stays.
func TestAWorkerLeavesAloneWhatAnotherHasBegun(t *testing.T) {
	o := options(server(t), newPipeline())
	first, second := worker(t, o, 0), worker(t, o, 1)
	for number, s := range []*weaviate.Store{first, second} {
		row, chunks := shared(number)
		if err := s.Stage(t.Context(), row.Document, chunks); err != nil {
			t.Fatal(err)
		}
	}
	worker(t, o, 0) // the successor of the first, which is lost
	row, chunks := shared(1)
	chunks[0].Vector = nil
	if err := second.Put(t.Context(), row, chunks); err != nil {
		t.Errorf("the second worker's staged vector is gone: %v", err)
	}
	row, chunks = shared(0)
	chunks[0].Vector = nil
	if err := first.Put(t.Context(), row, chunks); err == nil {
		t.Error("what the lost worker had staged is still there")
	}
}

// The first worker creates the collections while the others wait, and the record has what any of them learns.
func TestWorkersOpenANewGenerationAtOnce(t *testing.T) {
	o := options(server(t), newPipeline())
	stores := make([]*weaviate.Store, 2)
	var group sync.WaitGroup
	for number := range stores {
		group.Go(func() {
			o := o
			o.Share = index.Share{Worker: number, Workers: 2}
			var err error
			if stores[number], err = weaviate.Open(t.Context(), o); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		t.FailNow()
	}
	for _, s := range stores {
		t.Cleanup(func() { s.Close() })
	}
	row, chunks := shared(1)
	if err := stores[1].Put(t.Context(), row, chunks); err != nil {
		t.Fatal(err)
	}
	if err := stores[0].Complete(t.Context(), time.Unix(2, 0), config.Losses{}); err != nil {
		t.Fatal(err)
	}
	stats, err := stores[1].Stats(t.Context())
	if err != nil || stats.Dimensions != 3 || stats.Completed.IsZero() {
		t.Errorf("the record has %d dimensions and was completed at %v: %v", stats.Dimensions, stats.Completed, err)
	}
	row, chunks = shared(0)
	chunks[0].Vector = []float32{1, 2}
	if err := stores[0].Put(t.Context(), row, chunks); !errors.Is(err, index.ErrDimensions) {
		t.Errorf("a vector of another length: %v", err)
	}
}

func TestWorkersFindEachOthersReports(t *testing.T) {
	o := options(server(t), newPipeline())
	first, second := worker(t, o, 0), worker(t, o, 1)
	reports := func() map[string]map[int]string {
		t.Helper()
		all := map[string]map[int]string{}
		for _, run := range []string{"a", "b"} {
			found, err := second.Reports(t.Context(), run)
			if err != nil {
				t.Fatal(err)
			}
			for number, report := range found {
				if all[run] == nil {
					all[run] = map[int]string{}
				}
				all[run][number] = string(report)
			}
		}
		return all
	}
	for _, mark := range []struct {
		store       *weaviate.Store
		run, report string
	}{{first, "a", "one"}, {second, "a", "two"}, {first, "b", "three"}, {first, "b", "four"}} {
		if err := mark.store.Done(t.Context(), mark.run, []byte(mark.report)); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]map[int]string{"a": {0: "one", 1: "two"}, "b": {0: "four"}}
	if diff := cmp.Diff(want, reports()); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
	if err := first.ForgetRuns(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(reports())); !slices.Equal(got, []string{"b"}) {
		t.Errorf("the runs %v are remembered, want b alone", got)
	}
	rows, err := first.Documents(t.Context(), "", 10)
	if err != nil || len(rows) != 0 {
		t.Errorf("the ledger shows %v, %v", rows, err)
	}
}
