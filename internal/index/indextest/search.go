package indextest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

func chunks(t *testing.T, at Storage) {
	store := open(t, at)
	a := index.Chunk{
		ID: id("a"), Document: "docs/a.pdf", Source: "docs", Title: "A \"title\"", Heading: "One > Two",
		Text: "Some text,\n한국어 too.", Page: 3, Start: 5, End: 24,
		Metadata: config.Metadata{"team": config.Text("vision"), "year": config.Text("2024")},
	}
	b := index.Chunk{ID: id("b"), Document: "docs/a.pdf", Source: "docs", Text: "more"}
	put(t, store, "docs/a.pdf",
		index.Vectored{Chunk: a, Vector: []float32{1, 0}}, index.Vectored{Chunk: b, Vector: []float32{0, 1}})

	must(t, cmp.Diff([]index.Chunk{b, a}, fetch(t, store, b.ID, id("gone"), a.ID), cmpopts.EquateEmpty()))
	must(t, cmp.Diff([]index.Chunk{a}, fetch(t, store, a.ID), cmpopts.EquateEmpty()))
	must(t, cmp.Diff([]index.Chunk{}, fetch(t, store), cmpopts.EquateEmpty()))

	many := make([]index.Vectored, 150)
	var ids []string
	for i := range many {
		many[i] = passage(fmt.Sprint("many", i), "docs/many", "text", 1, float32(i))
		ids = append(ids, many[i].ID)
	}
	put(t, store, "docs/many", many...)
	slices.Reverse(ids)
	var got []string
	for _, c := range fetch(t, store, ids...) {
		got = append(got, c.ID)
	}
	must(t, cmp.Diff(ids, got))
}

func vectors(t *testing.T, at Storage) {
	store := open(t, at)
	put(t, store, "docs/a",
		passage("north", "docs/a", "same text", 0, 5),
		passage("east", "docs/a", "same text", 0.1, 0),
		passage("north-east", "docs/a", "other text", 1, 1),
		passage("south", "docs/a", "yet another", 0, -2))
	hits, err := store.Vector(t.Context(), []float32{0, 3}, 10, nil)
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
	found, err := store.Keyword(t.Context(), "same", 10, nil)
	if err != nil || len(found) != 2 || found[0].Digest != hits[0].Digest {
		t.Errorf("the keyword retriever gave %v, %v: two hits with digest %d were expected", found, err, hits[0].Digest)
	}
}

func ties(t *testing.T, at Storage) {
	store := open(t, at)
	var all []string
	for i := range 40 { // in an order that is not that of the ids
		document := fmt.Sprint("docs/", i)
		c := passage(fmt.Sprint("tie", i), document, "the very same words", 1, 2)
		all = append(all, c.ID)
		put(t, store, document, c)
	}
	slices.Sort(all)
	for _, limit := range []int{1, 7, 40} {
		must(t, cmp.Diff(all[:limit], vector(t, store, []float32{2, 1}, limit, nil)))
		must(t, cmp.Diff(all[:limit], keyword(t, store, "same words", limit, nil)))
	}
}

func limits(t *testing.T, at Storage) {
	store := open(t, at)
	put(t, store, "docs/a",
		passage("a", "docs/a", "apple", 1, 0),
		passage("b", "docs/a", "apple apple", 1, 1),
		passage("c", "docs/a", "apple", 0, 1))
	for limit, want := range map[int]int{0: 0, 1: 1, 2: 2, 3: 3, 4: 3, 10_000: 3} {
		if got := len(vector(t, store, []float32{1, 0}, limit, nil)); got != want {
			t.Errorf("vector retriever, limit %d: %d hits, want %d", limit, got, want)
		}
		if got := len(keyword(t, store, "apples", limit, nil)); got != want {
			t.Errorf("keyword retriever, limit %d: %d hits, want %d", limit, got, want)
		}
	}
}

func keywords(t *testing.T, at Storage) {
	store := open(t, at)
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
		put(t, store, "docs/"+name, passage(name, "docs/"+name, text, 1, 0))
	}
	titled := passage("titled", "docs/titled", "Nothing of note.", 1, 0)
	titled.Title, titled.Heading = "Zephyr handbook", "Quokka > Setup"
	put(t, store, "docs/titled", titled)

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
		got := keyword(t, store, question, 1, nil)
		if diff := cmp.Diff([]string{id(want)}, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", question, diff)
		}
	}
	for _, question := range []string{"", "where is the", "xylophone", "?!"} {
		must(t, cmp.Diff([]string{}, keyword(t, store, question, 10, nil)))
	}
}

func filters(t *testing.T, at Storage) {
	store := open(t, at)
	// Ranked a, b, c, d by both retrievers for the question below.
	for i, c := range []struct{ name, source, team, year string }{
		{"a", "papers", "vision", "2023"}, {"b", "papers", "vision", "2024"},
		{"c", "blog", "audio", "2024"}, {"d", "blog", "", "2024"},
	} {
		p := passage(c.name, c.source+"/"+c.name, strings.Repeat("kiwi ", 5-i)+strings.Repeat("plum ", i), 1, float32(i))
		p.Source = c.source
		p.Metadata = config.Metadata{"year": config.Text(c.year)}
		if c.team != "" {
			p.Metadata["team"] = config.Text(c.team)
		}
		put(t, store, p.Document, p)
	}
	for name, test := range map[string]struct {
		filter *index.Filter
		want   []string
	}{
		"no filter":             {nil, []string{"a", "b", "c", "d"}},
		"a source":              {index.AnyOf("source", "blog"), []string{"c", "d"}},
		"a document":            {index.AnyOf("document", "papers/b"), []string{"b"}},
		"metadata":              {index.AnyOf("team", "vision"), []string{"a", "b"}},
		"alternatives of a key": {index.AnyOf("team", "audio", "vision", "none"), []string{"a", "b", "c"}},
		"keys together": {index.All(index.AnyOf("team", "vision"), index.AnyOf("year", "2024")),
			[]string{"b"}},
		"keys that exclude each other":        {index.All(index.AnyOf("team", "vision"), index.AnyOf("source", "blog")), nil},
		"a value that nothing has":            {index.AnyOf("team", "nobody"), nil},
		"a key that nothing has":              {index.AnyOf("colour", "red"), nil},
		"a key without alternatives":          {index.AnyOf("team"), nil},
		"the value of another key":            {index.AnyOf("team", "2024"), nil},
		"values are compared whole and as is": {index.AnyOf("team", "Vision", "vis"), nil},
	} {
		want := ids(test.want)
		t.Run(name, func(t *testing.T) {
			must(t, cmp.Diff(want, vector(t, store, []float32{1, 0}, 10, test.filter)))
			must(t, cmp.Diff(want, keyword(t, store, "kiwi plums", 10, test.filter), cmpopts.SortSlices(strings.Compare)))
			if len(want) > 0 {
				must(t, cmp.Diff(want[:1], vector(t, store, []float32{1, 0}, 1, test.filter)))
				must(t, cmp.Diff(want[:1], keyword(t, store, "kiwi", 1, test.filter)))
			}
		})
	}
}
