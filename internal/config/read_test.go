package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func validGateway() Gateway {
	return Gateway{
		Version:  Version,
		Pipeline: Pipeline{Namespace: "default", Name: "demo"},
		Generation: Generation{
			Embedding: EmbeddingSpace{Model: "m"},
			Chunking:  Chunking{Size: 800, Overlap: 200, Unit: Characters},
		},
		Index: Index{Local: &LocalIndex{Directory: "/index"}},
		Models: Models{
			Embedding: Model{URL: "http://e/v1", Name: "e", Key: &SecretKey{Name: "s", Key: "k"}},
			LLM:       &LLM{Model: Model{URL: "http://l/v1", Name: "l", Protocol: OpenAI}, ContextWindow: 8192},
		},
		Retrieval:     Retrieval{Mode: Hybrid, K: 45, TopN: 5, Alpha: 0.5},
		Answer:        Answer{MaxTokens: 1024},
		FailurePolicy: FailurePolicy{Embedding: Fail, Reranking: Degrade, LLM: Fail},
	}
}

func write(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAGatewayConfigSurvivesTheFile(t *testing.T) {
	want := validGateway()
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadGateway(write(t, b))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func TestAnUnusableConfigIsRefused(t *testing.T) {
	valid, err := json.Marshal(validGateway())
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, new string) []byte { return []byte(strings.Replace(string(valid), old, new, 1)) }
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"not JSON":         {[]byte("version: 1"), "invalid character"},
		"a second value":   {append(slices.Clone(valid), '{', '}'), "something follows"},
		"a brace too many": {append(slices.Clone(valid), '}'), "something follows"},
		"an unknown field": {replace(`"version"`, `"colour":"red","version"`), "colour"},
		"another version":  {replace(`"version":1`, `"version":2`), "one image"},
		"no index store":   {replace(`"local":{"directory":"/index"}`, ``), "exactly one of local and weaviate"},
		"two index stores": {replace(`"local":{`, `"weaviate":{"url":"http://w"},"local":{`),
			"exactly one of local and weaviate"},
		"larger than 1 MiB": {[]byte(strings.Repeat(" ", maxBytes) + "{}"), "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadGateway(write(t, c.content)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestAFingerprintFollowsWhatDecidesTheIndex(t *testing.T) {
	base := Generation{
		Embedding: EmbeddingSpace{Model: "m"},
		Chunking:  Chunking{Size: 800, Overlap: 200, Unit: Characters},
		Analyser:  "1", EmbeddedText: "1", Extraction: "1",
	}
	seen := map[string]string{base.Fingerprint(): "base"}
	for name, change := range map[string]func(*Generation){
		"model":      func(g *Generation) { g.Embedding.Model = "n" },
		"dimensions": func(g *Generation) { g.Embedding.Dimensions = 512 },
		"prefix":     func(g *Generation) { g.Embedding.PassagePrefix = "passage: " },
		"size":       func(g *Generation) { g.Chunking.Size = 400 },
		"overlap":    func(g *Generation) { g.Chunking.Overlap = 0 },
		"unit":       func(g *Generation) { g.Chunking.Unit = Tokens },
		"analyser":   func(g *Generation) { g.Analyser = "2" },
		"text":       func(g *Generation) { g.EmbeddedText = "2" },
		"extraction": func(g *Generation) { g.Extraction = "2" },
	} {
		g := base
		change(&g)
		if other, taken := seen[g.Fingerprint()]; taken {
			t.Errorf("%s has the fingerprint of %s", name, other)
		}
		seen[g.Fingerprint()] = name
	}
	if got, want := base.Fingerprint(), "99b74c3a"; got != want {
		t.Errorf("the fingerprint of a generation has changed from %s to %s: every index would be built anew", want, got)
	}
}
