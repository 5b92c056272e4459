package indextest

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// access checks that an audience finds, counts and is told of the documents that it sees, and of no others.
func access(t *testing.T, at Storage) {
	store := open(t, at)
	lists := map[string]config.Access{"a/free": nil, "a/hr": {"hr"}, "a/it": {"it", "hr ops"}, "a/nobody": {}}
	for document, list := range lists {
		p := passage(document, document, "kiwi", 1, 0)
		p.Metadata = config.Metadata{"of " + document: config.Number(1)}.WithAccess(list)
		row := indexed(document, []index.Vectored{p})
		row.Metadata = p.Metadata
		if err := store.Put(t.Context(), row, []index.Vectored{p}); err != nil {
			t.Fatal(err)
		}
	}
	lists["a/failed"] = config.Access{"hr"}
	failed := index.Row{Document: "a/failed", Source: "a", State: index.Failed, Reason: config.Malformed, Updated: noon,
		Metadata: config.Metadata{}.WithAccess(lists["a/failed"])}
	if err := store.Put(t.Context(), failed, nil); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		who  index.Audience
		want []string
	}{
		"without groups": {index.Audience{}, []string{"a/free"}},
		"a group":        {index.Audience{Groups: []string{"hr"}}, []string{"a/failed", "a/free", "a/hr"}},
		"another group":  {index.Audience{Groups: []string{"hr ops"}}, []string{"a/free", "a/it"}},
		"groups": {index.Audience{Groups: []string{"it", "hr"}},
			[]string{"a/failed", "a/free", "a/hr", "a/it"}},
		"other letters":             {index.Audience{Groups: []string{"HR", "h", "ops"}}, []string{"a/free"}},
		"enforced":                  {index.Audience{Groups: []string{"hr"}, Enforced: true}, []string{"a/failed", "a/hr"}},
		"enforced, without groups":  {index.Audience{Enforced: true}, nil},
		"enforced, a strange group": {index.Audience{Groups: []string{"none"}, Enforced: true}, nil},
	} {
		t.Run(name, func(t *testing.T) { seesOnly(t, store, test.who, lists, test.want) })
	}
	p := passage("a/hr", "a/hr", "kiwi", 1, 0)
	p.Vector = nil // a change of access alone
	p.Metadata = config.Metadata{"of a/hr": config.Number(1)}.WithAccess(config.Access{"it"})
	row := indexed("a/hr", []index.Vectored{p})
	row.Metadata = p.Metadata
	if err := store.Put(t.Context(), row, []index.Vectored{p}); err != nil {
		t.Fatal(err)
	}
	seesOnly(t, store, index.Audience{Groups: []string{"hr"}}, lists, []string{"a/failed", "a/free"})
	seesOnly(t, store, index.Audience{Groups: []string{"it"}}, lists, []string{"a/free", "a/hr", "a/it"})
}

func seesOnly(t *testing.T, store index.Store, who index.Audience, all map[string]config.Access, want []string) {
	t.Helper()
	var indexed, keys []string
	for document := range all {
		keys = append(keys, "of "+document)
		if slices.Contains(want, document) && document != "a/failed" {
			indexed = append(indexed, document)
		}
	}
	slices.Sort(indexed)
	sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
	must(t, cmp.Diff(ids(indexed), vector(t, store, []float32{1, 0}, 10, who.Filter()), sorted))
	must(t, cmp.Diff(ids(indexed), keyword(t, store, "kiwi", 10, who.Filter()), sorted))
	both := index.All(who.Filter(), index.AnyOf(config.KeySource, "a"))
	must(t, cmp.Diff(ids(indexed), keyword(t, store, "kiwi", 10, both), sorted))
	types, err := store.Types(t.Context(), keys, who.Filter())
	if err != nil || len(types) != len(indexed) {
		t.Errorf("the keys %v are told of, error %v", types, err)
	}
	for _, limit := range []int{1, 10} {
		var got []string
		for after := ""; ; after = got[len(got)-1] {
			rows, err := store.Seen(t.Context(), who, after, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				got = append(got, row.Document)
				must(t, cmp.Diff(who.Sees(row.Metadata), true))
			}
			if len(rows) < limit {
				break
			}
		}
		must(t, cmp.Diff(want, got))
	}
	counts, err := store.Count(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff(index.Counts{Documents: len(indexed), Chunks: len(indexed), Hidden: true,
		FailedDocuments: len(want) - len(indexed)}, counts))
}
