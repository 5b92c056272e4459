package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// manyDocuments is an index of n documents, of which those in warned have a warning.
type manyDocuments struct {
	fakeIndex
	n      int
	warned map[int]bool
	read   int // rows
}

func (m *manyDocuments) Seen(_ context.Context, _ index.Audience, after string, limit int) ([]index.Row, error) {
	var rows []index.Row
	for i := 0; i < m.n && len(rows) < limit; i++ {
		row := index.Row{Document: fmt.Sprintf("docs/%05d", i), State: index.Indexed}
		if m.warned[i] {
			row.Warnings = config.Warnings{{Reason: config.LinesSkipped, Count: 1}}
		}
		if row.Document > after {
			rows = append(rows, row)
		}
	}
	m.read += len(rows)
	return rows, nil
}

// Following next finds every document of the kind once, and no request reads much of a large ledger.
func TestFewDocumentsAreFoundInALargeLedger(t *testing.T) {
	f := newFixture()
	store := &manyDocuments{n: 25_000, warned: map[int]bool{0: true, 999: true, 1000: true, 1001: true, 24_999: true}}
	f.options.Index = store
	g := f.gateway()
	var got []string
	requests := 0
	for after := ""; requests == 0 || after != ""; requests++ {
		store.read = 0
		reply := call(g, "GET", "/v1/documents?warnings=true&limit=2&after="+url.QueryEscape(after), "")
		var page DocumentPage
		if err := json.Unmarshal(reply.Body.Bytes(), &page); err != nil || len(page.Documents) > 2 {
			t.Fatalf("%v: %s", err, reply.Body)
		}
		if store.read > maxBatches*(maxPage+1) {
			t.Errorf("a request read %d rows", store.read)
		}
		for _, d := range page.Documents {
			got = append(got, d.DocumentID)
		}
		after = page.Next
	}
	want := []string{"docs/00000", "docs/00999", "docs/01000", "docs/01001", "docs/24999"}
	if diff := cmp.Diff(want, got); diff != "" || requests > 6 {
		t.Errorf("in %d requests (-want +got):\n%s", requests, diff)
	}
}

// contradicted is an index whose last run found that a document's metadata contradicts that of others.
type contradicted struct{ fakeIndex }

func (c *contradicted) Stats(ctx context.Context) (index.Stats, error) {
	stats, err := c.fakeIndex.Stats(ctx)
	stats.Losses.WarnedDocuments = []config.WarnedDocument{
		{Document: "docs/a.md", Warnings: config.Warnings{{Reason: config.MetadataConflict, Count: 3, Places: []string{"year is a text"}}}},
		{Document: "docs/c.md", Warnings: config.Warnings{{Reason: config.LinesSkipped, Count: 9}}}, // of an earlier version
	}
	return stats, err
}

func TestADocumentInConflictIsAmongThoseWithWarnings(t *testing.T) {
	f := newFixture()
	f.options.Index = &contradicted{}
	reply := call(f.gateway(), "GET", "/v1/documents?warnings=true", "")
	var page DocumentPage
	if err := json.Unmarshal(reply.Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	got := map[string]config.WarningReason{}
	for _, d := range page.Documents {
		got[d.DocumentID] = d.Warnings[0].Reason
	}
	want := map[string]config.WarningReason{"docs/a.md": config.MetadataConflict, "docs/c.md": config.HiddenText}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("documents with warnings (-want +got):\n%s", diff)
	}
}
