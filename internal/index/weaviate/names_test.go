package weaviate

import (
	"regexp"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

func TestEveryPipelineHasNamesOfItsOwn(t *testing.T) {
	valid := regexp.MustCompile(`^[A-Z][_0-9A-Za-z]{0,254}$`)
	long := strings.Repeat("a-", 31) + "a"
	seen := map[string]string{}
	for _, p := range []config.Pipeline{
		{Namespace: "a", Name: "b"}, {Namespace: "a-b", Name: "c"}, {Namespace: "a", Name: "b-c"},
		{Namespace: "a--b", Name: "c"}, {Namespace: "a", Name: "b--c"}, {Namespace: "a-b", Name: "b-c"},
		{Namespace: "ab", Name: "c"}, {Namespace: "1a", Name: "b"}, {Namespace: "n", Name: "a1"},
		{Namespace: "n-1a", Name: "b"}, {Namespace: "n1a", Name: "b"}, {Namespace: long, Name: long[:39]},
	} {
		n := newNames("", p, config.Generation{})
		for _, collection := range []string{n.chunks, n.ledger} {
			key := strings.ToLower(collection) // Weaviate tells names apart regardless of case
			if before, taken := seen[key]; taken || !valid.MatchString(collection) {
				t.Errorf("%s has %s, which is not valid or %q's as well", p, collection, before)
			}
			seen[key] = p.String()
		}
	}
	if got := newNames("papers", config.Pipeline{}, config.Generation{}).chunks; !strings.HasPrefix(got, "Papers_") {
		t.Errorf("the prefix papers gives %s", got)
	}
}

func TestGenerationsOfAPrefixAreKnownByTheirNames(t *testing.T) {
	n := newNames("A", config.Pipeline{}, config.Generation{})
	for name, want := range map[string]bool{
		n.chunks: true, n.ledger: true, "A_01234567_Chunks": true, "A_01234567_Other": false, "A_b_01234567_Chunks": false,
		"A_89abcdef_01234567_Chunks": false, "B_01234567_Chunks": false, "A_0123456_Chunks": false,
	} {
		if got := n.isGeneration(name); got != want {
			t.Errorf("%s: %t, want %t", name, got, want)
		}
	}
}

func TestNoTwoFiltersAreOneText(t *testing.T) {
	seen := map[string][2]string{}
	for _, p := range [][2]string{
		{"a", "b=c"}, {"a=b", "c"}, {"a%3Db", "c"}, {"a", "b"}, {"a", "b "}, {"a", "b;"}, {" a", "b"}, {"a ", "b"},
		{"a", " b"}, {"a", ""}, {"", "a"},
	} {
		term := strings.TrimSpace(textTerm(p[0], p[1]))
		if before, taken := seen[term]; taken {
			t.Errorf("%q and %q are both %q", p, before, term)
		}
		seen[term] = p
	}
	c := index.Chunk{
		Source: "docs", Document: "docs/a",
		Metadata: config.Metadata{"source": config.Text("forged"), "document": config.Text("forged"), "k": config.Text("v")},
	}
	if got := strings.Join(filterTerms(&c), " "); got != "document=docs/a; k#text; k=v; source=docs;" {
		t.Errorf("the chunk can be filtered by %s", got)
	}
}
