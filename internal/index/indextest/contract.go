package indextest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

func empty(t *testing.T, at Place) {
	home := open(t, at)
	must(t, cmp.Diff([]string{}, vector(t, home, []float32{1, 0}, 10, nil)))
	must(t, cmp.Diff([]string{}, keyword(t, home, "anything at all", 10, nil)))
	must(t, cmp.Diff([]index.Chunk{}, fetch(t, home, id("a")), cmpopts.EquateEmpty()))
	must(t, cmp.Diff([]index.Row{}, rows(t, home), cmpopts.EquateEmpty()))
	must(t, cmp.Diff(index.Stats{}, stats(t, home)))
	removed, err := home.Remove(t.Context(), []string{"docs/none"})
	if removed != 0 || err != nil {
		t.Errorf("removing from an empty index: %d, %v", removed, err)
	}
}

func chunks(t *testing.T, at Place) {
	home := open(t, at)
	a := index.Chunk{ID: id("a"), Document: "docs/a.pdf", Source: "docs", Title: "A \"title\"", Heading: "One > Two",
		Text: "Some text,\n한국어 too.", Page: 3, Start: 5, End: 24, Metadata: map[string]string{"team": "vision", "year": "2024"}}
	b := index.Chunk{ID: id("b"), Document: "docs/a.pdf", Source: "docs", Text: "more"}
	put(t, home, "docs/a.pdf", index.Vectored{Chunk: a, Vector: []float32{1, 0}}, index.Vectored{Chunk: b, Vector: []float32{0, 1}})

	must(t, cmp.Diff([]index.Chunk{b, a}, fetch(t, home, b.ID, id("gone"), a.ID), cmpopts.EquateEmpty()))
	must(t, cmp.Diff([]index.Chunk{a}, fetch(t, home, a.ID), cmpopts.EquateEmpty()))
	must(t, cmp.Diff([]index.Chunk{}, fetch(t, home), cmpopts.EquateEmpty()))

	many := make([]index.Vectored, 150)
	var ids []string
	for i := range many {
		many[i] = passage(fmt.Sprint("many", i), "docs/many", "text", 1, float32(i))
		ids = append(ids, many[i].ID)
	}
	put(t, home, "docs/many", many...)
	slices.Reverse(ids)
	var got []string
	for _, c := range fetch(t, home, ids...) {
		got = append(got, c.ID)
	}
	must(t, cmp.Diff(ids, got))
}

func vectors(t *testing.T, at Place) {
	home := open(t, at)
	put(t, home, "docs/a",
		passage("north", "docs/a", "same text", 0, 5),
		passage("east", "docs/a", "same text", 0.1, 0),
		passage("north-east", "docs/a", "other text", 1, 1),
		passage("south", "docs/a", "yet another", 0, -2))
	hits, err := home.Vector(t.Context(), []float32{0, 3}, 10, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []index.Hit{
		{ID: id("north"), Score: 1}, {ID: id("north-east"), Score: math.Sqrt(0.5)},
		{ID: id("east"), Score: 0}, {ID: id("south"), Score: -1},
	}
	must(t, cmp.Diff(want, hits, cmpopts.EquateApprox(0, 1e-6), cmpopts.IgnoreFields(index.Hit{}, "Digest")))
	if hits[0].Digest != hits[2].Digest || hits[0].Digest == hits[1].Digest {
		t.Errorf("digests do not follow the text: %v", hits)
	}
	found, err := home.Keyword(t.Context(), "same", 10, nil)
	if err != nil || len(found) != 2 || found[0].Digest != hits[0].Digest {
		t.Errorf("the keyword leg gave %v, %v: two hits with digest %d were expected", found, err, hits[0].Digest)
	}
}

func ties(t *testing.T, at Place) {
	home := open(t, at)
	var all []string
	for i := range 40 { // in an order that is not that of the ids
		document := fmt.Sprint("docs/", i)
		c := passage(fmt.Sprint("tie", i), document, "the very same words", 1, 2)
		all = append(all, c.ID)
		put(t, home, document, c)
	}
	slices.Sort(all)
	for _, limit := range []int{1, 7, 40} {
		must(t, cmp.Diff(all[:limit], vector(t, home, []float32{2, 1}, limit, nil)))
		must(t, cmp.Diff(all[:limit], keyword(t, home, "same words", limit, nil)))
	}
}

func limits(t *testing.T, at Place) {
	home := open(t, at)
	put(t, home, "docs/a", passage("a", "docs/a", "apple", 1, 0), passage("b", "docs/a", "apple apple", 1, 1), passage("c", "docs/a", "apple", 0, 1))
	for limit, want := range map[int]int{0: 0, 1: 1, 2: 2, 3: 3, 4: 3, 10_000: 3} {
		if got := len(vector(t, home, []float32{1, 0}, limit, nil)); got != want {
			t.Errorf("vector leg, limit %d: %d hits, want %d", limit, got, want)
		}
		if got := len(keyword(t, home, "apples", limit, nil)); got != want {
			t.Errorf("keyword leg, limit %d: %d hits, want %d", limit, got, want)
		}
	}
}

func keywords(t *testing.T, at Place) {
	home := open(t, at)
	texts := map[string]string{
		"gpu":     "Training ran on 16 nodes with 8 A100 GPUs each.",
		"revenue": "Net sales were $98,024 million, up 7.7% from last year.",
		"release": "Version 1.5.0 renames max_seq_len to maxTokens.",
		"image":   "Images of 336x336 give 576 tokens; 5.1k GPU hours in all.",
		"korean":  "검색 증강 생성은 문서를 먼저 찾는다.",
		"tokyo":   "東京タワーは港区にある。",
		"name":    "Jensen Huang founded it with Chris Malachowsky.",
	}
	for name, text := range texts {
		put(t, home, "docs/"+name, passage(name, "docs/"+name, text, 1, 0))
	}
	titled := passage("titled", "docs/titled", "Nothing of note.", 1, 0)
	titled.Title, titled.Heading = "Zephyr handbook", "Quokka > Setup"
	put(t, home, "docs/titled", titled)

	for question, want := range map[string]string{
		"Where is the A100 used?": "gpu",
		"a100":                    "gpu",
		"98,024":                  "revenue",
		"$98024":                  "revenue",
		"7.7 percent":             "revenue",
		"what is new in 1.5.0":    "release",
		"MAX_SEQ_LEN":             "release",
		"max tokens":              "release",
		"336x336":                 "image",
		"5.1k":                    "image",
		"문서를 찾는 검색":               "korean",
		"東京":                      "tokyo",
		"タワー":                     "tokyo",
		"Who is Malachowsky?":     "name",
		"zephyr":                  "titled",
		"quokka":                  "titled",
	} {
		got := keyword(t, home, question, 1, nil)
		if diff := cmp.Diff([]string{id(want)}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", question, diff)
		}
	}
	for _, question := range []string{"", "where is the", "xylophone", "?!"} {
		must(t, cmp.Diff([]string{}, keyword(t, home, question, 10, nil)))
	}
}

func filters(t *testing.T, at Place) {
	home := open(t, at)
	// Ranked a, b, c, d by both legs for the question below.
	for i, c := range []struct{ name, source, team, year string }{
		{"a", "papers", "vision", "2023"}, {"b", "papers", "vision", "2024"},
		{"c", "blog", "audio", "2024"}, {"d", "blog", "", "2024"},
	} {
		p := passage(c.name, c.source+"/"+c.name, strings.Repeat("kiwi ", 5-i)+strings.Repeat("plum ", i), 1, float32(i))
		p.Source = c.source
		p.Metadata = map[string]string{"year": c.year}
		if c.team != "" {
			p.Metadata["team"] = c.team
		}
		put(t, home, p.Document, p)
	}
	for name, test := range map[string]struct {
		filter index.Filter
		want   []string
	}{
		"no filter":                           {nil, []string{"a", "b", "c", "d"}},
		"a source":                            {index.Filter{"source": {"blog"}}, []string{"c", "d"}},
		"a document":                          {index.Filter{"document": {"papers/b"}}, []string{"b"}},
		"metadata":                            {index.Filter{"team": {"vision"}}, []string{"a", "b"}},
		"alternatives of a key":               {index.Filter{"team": {"audio", "vision", "none"}}, []string{"a", "b", "c"}},
		"keys together":                       {index.Filter{"team": {"vision"}, "year": {"2024"}}, []string{"b"}},
		"keys that exclude each other":        {index.Filter{"team": {"vision"}, "source": {"blog"}}, nil},
		"a value that nothing has":            {index.Filter{"team": {"nobody"}}, nil},
		"a key that nothing has":              {index.Filter{"colour": {"red"}}, nil},
		"a key without alternatives":          {index.Filter{"team": {}}, nil},
		"the value of another key":            {index.Filter{"team": {"2024"}}, nil},
		"values are compared whole and as is": {index.Filter{"team": {"Vision", "vis"}}, nil},
	} {
		want := ids(test.want)
		t.Run(name, func(t *testing.T) {
			must(t, cmp.Diff(want, vector(t, home, []float32{1, 0}, 10, test.filter)))
			must(t, cmp.Diff(want, keyword(t, home, "kiwi plums", 10, test.filter), cmpopts.SortSlices(strings.Compare)))
			if len(want) > 0 {
				must(t, cmp.Diff(want[:1], vector(t, home, []float32{1, 0}, 1, test.filter)))
				must(t, cmp.Diff(want[:1], keyword(t, home, "kiwi", 1, test.filter)))
			}
		})
	}
}

func replaces(t *testing.T, at Place) {
	home := open(t, at)
	put(t, home, "docs/a", passage("old", "docs/a", "apricot", 1, 0), passage("both", "docs/a", "banana", 0, 1))
	put(t, home, "docs/b", passage("b", "docs/b", "apricot", 1, 0))
	put(t, home, "docs/a", passage("both", "docs/a", "banana", 0, 1), passage("new", "docs/a", "cherry", 1, 1))

	must(t, cmp.Diff(ids([]string{"b"}), keyword(t, home, "apricot", 10, nil)))
	must(t, cmp.Diff(ids([]string{"new"}), keyword(t, home, "cherry", 10, nil)))
	must(t, cmp.Diff(ids([]string{"both", "new", "b"}), vector(t, home, []float32{0, 1}, 10, nil)))
	must(t, cmp.Diff([]index.Chunk{}, fetch(t, home, id("old")), cmpopts.EquateEmpty()))
	must(t, cmp.Diff(index.Stats{Documents: 2, Chunks: 3, Dimensions: 2}, stats(t, home)))

	put(t, home, "docs/a")
	must(t, cmp.Diff(ids([]string{"b"}), vector(t, home, []float32{0, 1}, 10, nil)))
}

func keeps(t *testing.T, at Place) {
	home := open(t, at)
	c := passage("a", "docs/a", "text", 3, 4)
	c.Metadata = map[string]string{"team": "vision"}
	put(t, home, "docs/a", c)
	known, err := home.Known(t.Context(), "docs/a")
	if err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff(map[string]bool{c.ID: true}, known))

	c.Vector, c.Page, c.Start, c.End, c.Metadata = nil, 7, 10, 14, map[string]string{"team": "audio"}
	put(t, home, "docs/a", c, passage("b", "docs/a", "more", 0, 1))
	must(t, cmp.Diff([]index.Chunk{c.Chunk}, fetch(t, home, c.ID), cmpopts.EquateEmpty()))
	must(t, cmp.Diff(ids([]string{"a", "b"}), vector(t, home, []float32{3, 4}, 10, nil)))
	must(t, cmp.Diff(ids([]string{"a"}), keyword(t, home, "text", 10, index.Filter{"team": {"audio"}})))
	must(t, cmp.Diff([]string{}, keyword(t, home, "text", 10, index.Filter{"team": {"vision"}})))

	known, err = home.Known(t.Context(), "docs/none")
	if err != nil || len(known) != 0 {
		t.Errorf("an unknown document is known by %v, %v", known, err)
	}
}

func refuses(t *testing.T, at Place) {
	home := open(t, at)
	put(t, home, "docs/a", passage("a", "docs/a", "text", 1, 0))
	before := snapshot(t, home)

	bare := passage("bare", "docs/b", "text")
	bare.Vector = nil
	twice := passage("b", "docs/b", "text", 1, 0)
	for name, chunks := range map[string][]index.Vectored{
		"a vector missing":            {passage("b", "docs/b", "text", 1, 0), bare},
		"a chunk twice":               {twice, twice},
		"another document's":          {passage("b", "docs/c", "text", 1, 0)},
		"not a number":                {passage("b", "docs/b", "text", float32(math.NaN()), 0)},
		"infinite":                    {passage("b", "docs/b", "text", float32(math.Inf(1)), 0)},
		"a vector without dimensions": {passage("b", "docs/b", "text")},
	} {
		if err := home.Put(t.Context(), indexed("docs/b", chunks), chunks); err == nil {
			t.Errorf("%s: was accepted", name)
		}
		must(t, cmp.Diff(before, snapshot(t, home)))
	}
}

func dimensions(t *testing.T, at Place) {
	home := open(t, at)
	mixed := []index.Vectored{passage("a", "docs/a", "text", 1, 0), passage("b", "docs/a", "text", 1, 0, 0)}
	if err := home.Put(t.Context(), indexed("docs/a", mixed), mixed); !errors.Is(err, index.ErrDimensions) {
		t.Errorf("mixed lengths gave %v", err)
	}
	put(t, home, "docs/a", passage("a", "docs/a", "text", 1, 0, 0))
	before := snapshot(t, home)
	other := []index.Vectored{passage("b", "docs/b", "text", 1, 0)}
	if err := home.Put(t.Context(), indexed("docs/b", other), other); !errors.Is(err, index.ErrDimensions) {
		t.Errorf("another length gave %v", err)
	}
	must(t, cmp.Diff(before, snapshot(t, home)))
	if _, err := home.Vector(t.Context(), []float32{1, 0}, 10, nil); !errors.Is(err, index.ErrDimensions) {
		t.Errorf("a question of another length gave %v", err)
	}
	if got := stats(t, home).Dimensions; got != 3 {
		t.Errorf("dimensions are %d, want 3", got)
	}
}

func ledger(t *testing.T, at Place) {
	home := open(t, at)
	want := []index.Row{
		{Document: "docs/Z", Source: "docs", Hash: "00", Attributes: "aa", Title: "Zed", Chunks: 1, Truncated: 1, State: index.Indexed, Updated: noon},
		{Document: "docs/a b", Source: "docs", State: index.Failed, Reason: config.Encrypted, Message: "a password is needed", Updated: noon},
		{Document: "docs/é", Source: "docs", State: index.Failed, Reason: config.NoTextLayer, Message: "no \"text\"", Updated: noon},
		{Document: "other/1", Source: "other", Chunks: 0, State: index.Indexed, Updated: noon},
	}
	for _, i := range []int{2, 0, 3, 1} {
		var chunks []index.Vectored
		if want[i].Chunks > 0 {
			chunks = []index.Vectored{passage("z", want[i].Document, "text", 1, 0)}
		}
		if err := home.Put(t.Context(), want[i], chunks); err != nil {
			t.Fatal(err)
		}
	}
	must(t, cmp.Diff(want, rows(t, home)))
	must(t, cmp.Diff(index.Stats{Documents: 2, FailedDocuments: 2, Chunks: 1, Dimensions: 2}, stats(t, home)))

	var first []index.Row
	if err := home.Ledger(t.Context(), func(r index.Row) bool { first = append(first, r); return len(first) < 2 }); err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff(want[:2], first))

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
		got, err := home.Documents(t.Context(), page.after, page.limit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(page.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for limit, want := range map[int][]index.Row{0: nil, 1: want[1:2], 10: want[1:3]} {
		got, err := home.Failures(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		must(t, cmp.Diff(want, got, cmpopts.EquateEmpty()))
	}
}

func removes(t *testing.T, at Place) {
	home := open(t, at)
	for _, name := range []string{"a", "b", "c"} {
		put(t, home, "docs/"+name, passage(name, "docs/"+name, "text", 1, 0))
	}
	removed, err := home.Remove(t.Context(), []string{"docs/a", "docs/none", "docs/c"})
	if err != nil || removed != 2 {
		t.Fatalf("removed %d, %v; want 2", removed, err)
	}
	must(t, cmp.Diff(ids([]string{"b"}), keyword(t, home, "text", 10, nil)))
	must(t, cmp.Diff(ids([]string{"b"}), vector(t, home, []float32{1, 0}, 10, nil)))
	must(t, cmp.Diff([]string{"docs/b"}, documents(t, home)))
	must(t, cmp.Diff(index.Stats{Documents: 1, Chunks: 1, Dimensions: 2}, stats(t, home)))
	known, err := home.Known(t.Context(), "docs/a")
	if err != nil || len(known) != 0 {
		t.Errorf("a removed document is known by %v, %v", known, err)
	}
}

func reopens(t *testing.T, at Place) {
	home := at(t, Generation)
	put(t, home, "docs/a", passage("a", "docs/a", "apricot", 1, 0), passage("gone", "docs/a", "plum", 0, 1))
	put(t, home, "docs/a", passage("a", "docs/a", "apricot", 1, 0), passage("b", "docs/a", "banana", 1, 1))
	put(t, home, "docs/c", passage("c", "docs/c", "cherry", 0, 1))
	if _, err := home.Remove(t.Context(), []string{"docs/c"}); err != nil {
		t.Fatal(err)
	}
	if err := home.Complete(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, home)
	if err := home.Close(); err != nil {
		t.Fatal(err)
	}
	home = open(t, at)
	must(t, cmp.Diff(before, snapshot(t, home)))
	if completed := stats(t, home).Completed; !completed.Equal(noon) {
		t.Errorf("completed %v, want %v", completed, noon)
	}
	put(t, home, "docs/d", passage("d", "docs/d", "damson", 0, 1))
	must(t, cmp.Diff(ids([]string{"d"}), keyword(t, home, "damson", 10, nil)))
}

func generations(t *testing.T, at Place) {
	next := Generation
	next.Chunking.Size = 400

	old := at(t, Generation)
	put(t, old, "docs/a", passage("a", "docs/a", "apricot", 1, 0))
	if err := old.Complete(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, old)
	closed(t, old)

	home := at(t, next)
	must(t, cmp.Diff(index.Stats{}, stats(t, home)))
	must(t, cmp.Diff([]string{}, documents(t, home)))
	put(t, home, "docs/a", passage("a", "docs/a", "apricot", 1, 0, 0)) // the same id and another length
	must(t, cmp.Diff(index.Stats{Documents: 1, Chunks: 1, Dimensions: 3}, stats(t, home)))
	closed(t, home)

	old = at(t, Generation)
	must(t, cmp.Diff(before, snapshot(t, old)))
	closed(t, old)

	home = at(t, next)
	if err := home.Retire(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff(ids([]string{"a"}), vector(t, home, []float32{1, 0, 0}, 10, nil)))
	closed(t, home)

	old = open(t, at)
	must(t, cmp.Diff(index.Stats{}, stats(t, old)))
	must(t, cmp.Diff([]string{}, keyword(t, old, "apricot", 10, nil)))
}

func cancelled(t *testing.T, at Place) {
	home := open(t, at)
	put(t, home, "docs/a", passage("a", "docs/a", "text", 1, 0))
	before := snapshot(t, home)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	chunks := []index.Vectored{passage("b", "docs/b", "text", 1, 0)}
	for name, call := range map[string]func() error{
		"Vector":    func() error { _, err := home.Vector(ctx, []float32{1, 0}, 1, nil); return err },
		"Keyword":   func() error { _, err := home.Keyword(ctx, "text", 1, nil); return err },
		"Chunks":    func() error { _, err := home.Chunks(ctx, []string{id("a")}); return err },
		"Put":       func() error { return home.Put(ctx, indexed("docs/b", chunks), chunks) },
		"Remove":    func() error { _, err := home.Remove(ctx, []string{"docs/a"}); return err },
		"Complete":  func() error { return home.Complete(ctx, noon) },
		"Ledger":    func() error { return home.Ledger(ctx, func(index.Row) bool { return true }) },
		"Documents": func() error { _, err := home.Documents(ctx, "", 1); return err },
		"Failures":  func() error { _, err := home.Failures(ctx, 1); return err },
		"Stats":     func() error { _, err := home.Stats(ctx); return err },
	} {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s gave %v, want context.Canceled", name, err)
		}
	}
	must(t, cmp.Diff(before, snapshot(t, home)))
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

// id is the chunk id of a test's name for a chunk.
func id(name string) string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String() }

func ids(names []string) []string {
	out := []string{}
	for _, n := range names {
		out = append(out, id(n))
	}
	return out
}

func passage(name, document, text string, vector ...float32) index.Vectored {
	if vector == nil {
		vector = []float32{}
	}
	return index.Vectored{
		Chunk:  index.Chunk{ID: id(name), Document: document, Source: strings.SplitN(document, "/", 2)[0], Text: text, End: len(text)},
		Vector: vector,
	}
}

func indexed(document string, chunks []index.Vectored) index.Row {
	return index.Row{Document: document, Source: strings.SplitN(document, "/", 2)[0], Chunks: len(chunks), State: index.Indexed, Updated: noon}
}

func open(t *testing.T, at Place) Home {
	t.Helper()
	home := at(t, Generation)
	t.Cleanup(func() { closed(t, home) })
	return home
}

func closed(t *testing.T, home Home) {
	t.Helper()
	if err := home.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func must(t *testing.T, diff string) {
	t.Helper()
	if diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func put(t *testing.T, home Home, document string, chunks ...index.Vectored) {
	t.Helper()
	if err := home.Put(t.Context(), indexed(document, chunks), chunks); err != nil {
		t.Fatal(err)
	}
}

func vector(t *testing.T, home Home, query []float32, limit int, filter index.Filter) []string {
	t.Helper()
	hits, err := home.Vector(t.Context(), query, limit, filter)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(hits)
}

func keyword(t *testing.T, home Home, question string, limit int, filter index.Filter) []string {
	t.Helper()
	hits, err := home.Keyword(t.Context(), question, limit, filter)
	if err != nil {
		t.Fatal(err)
	}
	return idsOf(hits)
}

func idsOf(hits []index.Hit) []string {
	ids := []string{}
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids
}

func fetch(t *testing.T, home Home, ids ...string) []index.Chunk {
	t.Helper()
	chunks, err := home.Chunks(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	return chunks
}

func rows(t *testing.T, home Home) []index.Row {
	t.Helper()
	var rows []index.Row
	if err := home.Ledger(t.Context(), func(r index.Row) bool { rows = append(rows, r); return true }); err != nil {
		t.Fatal(err)
	}
	return rows
}

func documents(t *testing.T, home Home) []string {
	t.Helper()
	names := []string{}
	for _, r := range rows(t, home) {
		names = append(names, r.Document)
	}
	return names
}

// stats are the home's, without the memory that only some know.
func stats(t *testing.T, home Home) index.Stats {
	t.Helper()
	s, err := home.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.MemoryBytes = 0
	return s
}

// state is everything that a user can see of an index of these tests.
type state struct {
	Rows    []index.Row
	Stats   index.Stats
	Vector  []index.Hit
	Keyword []index.Hit
	Chunks  []index.Chunk
}

func snapshot(t *testing.T, home Home) (s state) {
	t.Helper()
	s.Rows, s.Stats = rows(t, home), stats(t, home)
	query := make([]float32, s.Stats.Dimensions)
	for i := range query {
		query[i] = float32(i + 1)
	}
	var err error
	if s.Vector, err = home.Vector(t.Context(), query, 1000, nil); err != nil {
		t.Fatal(err)
	}
	if s.Keyword, err = home.Keyword(t.Context(), "text apricot banana cherry damson plum", 1000, nil); err != nil {
		t.Fatal(err)
	}
	s.Chunks = fetch(t, home, idsOf(s.Vector)...)
	return s
}
