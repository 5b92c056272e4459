package indextest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

func answersNothing(t *testing.T, at Storage) {
	store := open(t, at)
	must(t, cmp.Diff([]string{}, vector(t, store, []float32{1, 0}, 10, nil)))
	must(t, cmp.Diff([]string{}, keyword(t, store, "anything at all", 10, nil)))
	must(t, cmp.Diff([]index.Chunk{}, fetch(t, store, id("a")), cmpopts.EquateEmpty()))
	must(t, cmp.Diff([]index.Row{}, rows(t, store), cmpopts.EquateEmpty()))
	must(t, cmp.Diff(index.Stats{}, stats(t, store)))
	removed, err := store.Remove(t.Context(), []string{"docs/none"})
	if removed != 0 || err != nil {
		t.Errorf("removing from an empty index: %d, %v", removed, err)
	}
}

func ledger(t *testing.T, at Storage) {
	store := open(t, at)
	want := []index.Row{
		{Document: "docs/Z", Hash: "00", Version: "W/\"é 1\"", Attributes: "aa", Readers: "common/1 csv/2",
			Title: "Zed", Chunks: 1, Truncated: 1,
			Metadata: config.Metadata{"year": config.Number(2024), "tags": config.List("é", "b")},
			State:    index.Indexed,
			Warnings: config.Warnings{{Reason: config.LinesSkipped, Count: 2, Places: []string{"line 3", "line \"é\""}}}},
		{Document: "docs/a b", State: index.Failed, Reason: config.Encrypted, Message: "a password is needed", Attempts: 2},
		{Document: "docs/é", State: index.Failed, Reason: config.NoTextLayer, Message: "no \"text\""},
		{Document: "other/1", Chunks: 0, State: index.Indexed},
	}
	for i := range want {
		want[i].Source, want[i].Updated = sourceOf(want[i].Document), noon
	}
	for _, i := range []int{2, 0, 3, 1} {
		var chunks []index.Vectored
		if want[i].Chunks > 0 {
			chunks = []index.Vectored{passage("z", want[i].Document, "text", 1, 0)}
		}
		if err := store.Put(t.Context(), want[i], chunks); err != nil {
			t.Fatal(err)
		}
	}
	must(t, cmp.Diff(want, rows(t, store)))
	must(t, cmp.Diff(index.Stats{Documents: 2, FailedDocuments: 2, Chunks: 1, Dimensions: 2}, stats(t, store)))

	want[0].Version, want[0].Updated = "2", noon.Add(time.Hour)
	if err := store.PutRow(t.Context(), want[0]); err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff(want, rows(t, store)))
	must(t, cmp.Diff(ids([]string{"z"}), vector(t, store, []float32{1, 0}, 10, nil)))
	if err := store.PutRow(t.Context(), index.Row{Document: "docs/none", State: index.Indexed}); err == nil {
		t.Error("a row was replaced that does not exist")
	}
	must(t, cmp.Diff(want, rows(t, store)))

	pages(t, store, want)
	for limit, want := range map[int][]index.Row{0: nil, 1: want[1:2], 10: want[1:3]} {
		got, err := store.Failures(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		must(t, cmp.Diff(want, got, cmpopts.EquateEmpty()))
	}
}

// pages reads the ledger, which has these four rows, in pages.
func pages(t *testing.T, store index.Store, want []index.Row) {
	t.Helper()
	for name, page := range map[string]struct {
		after string
		limit int
		want  []index.Row
	}{
		"the first page":      {"", 2, want[:2]},
		"the next page":       {"docs/a b", 10, want[2:]},
		"after an absent one": {"docs/b", 1, want[2:3]},
		"after the last":      {"other/1", 10, nil},
		"none":                {"", 0, nil},
	} {
		got, err := store.Documents(t.Context(), page.after, page.limit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(page.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for _, row := range want {
		got, err := store.Row(t.Context(), row.Document)
		if err != nil || got == nil {
			t.Fatalf("the row of %s: %v, %v", row.Document, got, err)
		}
		must(t, cmp.Diff(row, *got, cmpopts.EquateEmpty()))
	}
	if got, err := store.Row(t.Context(), "docs/absent"); got != nil || err != nil {
		t.Errorf("the row of a document that is absent: %v, %v", got, err)
	}
}

func reopens(t *testing.T, at Storage) {
	store := at(t, Generation)
	put(t, store, "docs/a", passage("a", "docs/a", "apricot", 1, 0), passage("gone", "docs/a", "plum", 0, 1))
	put(t, store, "docs/a", passage("a", "docs/a", "apricot", 1, 0), passage("b", "docs/a", "banana", 1, 1))
	put(t, store, "docs/c", passage("c", "docs/c", "cherry", 0, 1))
	if _, err := store.Remove(t.Context(), []string{"docs/c"}); err != nil {
		t.Fatal(err)
	}
	losses := config.Losses{
		Reasons: map[config.Reason]int{config.Encrypted: 3},
		Warned:  1, WarningReasons: map[config.WarningReason]int{config.HiddenText: 1},
		WarnedDocuments: []config.WarnedDocument{{
			Document: "docs/é", Warnings: config.Warnings{{Reason: config.HiddenText, Count: 2, Places: []string{"page \"1\""}}},
		}},
	}
	if err := store.Complete(t.Context(), noon.Add(-time.Hour), config.Losses{Warned: 9}); err != nil {
		t.Fatal(err)
	}
	if err := store.Complete(t.Context(), noon, losses); err != nil {
		t.Fatal(err)
	}
	measured := index.Measured{
		Anchor: []byte{0, 255, 1}, ChunksPerSecond: 12.5, ChunkCounts: config.ChunkCounts{{Size: 200, Chunks: []int{3, 4}}},
		Synced: config.Synced{
			Sources: []config.SourceSync{{Name: "docs", Documents: 2, Scanned: 3, Unchanged: 2, Failed: 1, LastSuccess: noon}},
			Removed: config.Removed{Documents: 1, VerifiedAt: noon},
		},
	}
	if err := store.Measure(t.Context(), measured); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, store)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	store = open(t, at)
	must(t, cmp.Diff(before, snapshot(t, store)))
	must(t, cmp.Diff(measured, stats(t, store).Measured))
	if completed := stats(t, store).Completed; !completed.Equal(noon) {
		t.Errorf("completed %v, want %v", completed, noon)
	}
	must(t, cmp.Diff(losses, stats(t, store).Losses))
	put(t, store, "docs/d", passage("d", "docs/d", "damson", 0, 1))
	must(t, cmp.Diff(ids([]string{"d"}), keyword(t, store, "damson", 10, nil)))
}

func generations(t *testing.T, at Storage) {
	next := Generation
	next.Chunking.Size = 400

	old := at(t, Generation)
	put(t, old, "docs/a", passage("a", "docs/a", "apricot", 1, 0))
	if err := old.Complete(t.Context(), noon, config.Losses{}); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, old)
	closed(t, old)

	store := at(t, next)
	must(t, cmp.Diff(index.Stats{}, stats(t, store)))
	must(t, cmp.Diff([]string{}, documents(t, store)))
	put(t, store, "docs/a", passage("a", "docs/a", "apricot", 1, 0, 0)) // the same id and another length
	must(t, cmp.Diff(index.Stats{Documents: 1, Chunks: 1, Dimensions: 3}, stats(t, store)))
	closed(t, store)

	old = at(t, Generation)
	must(t, cmp.Diff(before, snapshot(t, old)))
	closed(t, old)

	store = at(t, next)
	for _, r := range []index.Retirement{{Keep: []string{Generation.Fingerprint()}}, {Incomplete: true}} {
		if err := store.Retire(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, store)

	old = at(t, Generation) // it was complete, and kept
	must(t, cmp.Diff(before, snapshot(t, old)))
	if err := old.Retire(t.Context(), index.Retirement{Incomplete: true}); err != nil {
		t.Fatal(err)
	}
	closed(t, old)

	store = at(t, next) // it was never complete
	must(t, cmp.Diff(index.Stats{}, stats(t, store)))
	put(t, store, "docs/a", passage("a", "docs/a", "apricot", 1, 0, 0))
	if err := store.Retire(t.Context(), index.Retirement{}); err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff(ids([]string{"a"}), vector(t, store, []float32{1, 0, 0}, 10, nil)))
	closed(t, store)

	old = open(t, at)
	must(t, cmp.Diff(index.Stats{}, stats(t, old)))
	must(t, cmp.Diff([]string{}, keyword(t, old, "apricot", 10, nil)))
}

func cancelled(t *testing.T, at Storage) {
	store := open(t, at)
	put(t, store, "docs/a", passage("a", "docs/a", "text", 1, 0))
	before := snapshot(t, store)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	chunks := []index.Vectored{passage("b", "docs/b", "text", 1, 0)}
	for name, call := range map[string]func() error{
		"Vector":    func() error { _, err := store.Vector(ctx, []float32{1, 0}, 1, nil); return err },
		"Keyword":   func() error { _, err := store.Keyword(ctx, "text", 1, nil); return err },
		"Chunks":    func() error { _, err := store.Chunks(ctx, []string{id("a")}); return err },
		"Put":       func() error { return store.Put(ctx, indexed("docs/b", chunks), chunks) },
		"PutRow":    func() error { return store.PutRow(ctx, index.Row{Document: "docs/a"}) },
		"Borrow":    func() error { _, err := store.Borrow(ctx, "docs/b", []string{id("b")}); return err },
		"Remove":    func() error { _, err := store.Remove(ctx, []string{"docs/a"}); return err },
		"Unremoved": func() error { _, err := store.Unremoved(ctx); return err },
		"Left":      func() error { _, err := store.Left(ctx, []string{"docs/a"}); return err },
		"Complete":  func() error { return store.Complete(ctx, noon, config.Losses{}) },
		"Measure":   func() error { return store.Measure(ctx, index.Measured{ChunksPerSecond: 1}) },
		"Documents": func() error { _, err := store.Documents(ctx, "", 1); return err },
		"Failures":  func() error { _, err := store.Failures(ctx, 1); return err },
		"Stats":     func() error { _, err := store.Stats(ctx); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s gave %v, want context.Canceled", name, err)
		}
	}
	must(t, cmp.Diff(before, snapshot(t, store)))
}
