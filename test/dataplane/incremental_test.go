package dataplane

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

func TestOnlyWhatChangedIsEmbeddedAgain(t *testing.T) {
	t.Parallel()
	documents := map[string]string{}
	for i := range 200 {
		documents[fmt.Sprintf("%03d.md", i)] = fmt.Sprintf("# Station %d\n\nStation %d measures wind and rain.\n", i, i)
	}
	docs, data := directory(t, documents), t.TempDir()
	sim := nimsim.Start(t, nimsim.Options{})
	spec := manifest(t, pipeline(volume, endpoints(sim.URL)))
	ask := func(wants ...string) {
		t.Helper()
		run(t, "run", "-f", spec, "--documents", docs, "--data", data, "--ask", "What does station 7 measure?").ends(0, wants...)
	}

	ask("200 documents in 200 chunks: 200 added; chunks: 200 embedded")
	if n := len(embedded(t, sim)); n != 200 {
		t.Errorf("%d passages were embedded at first, want 200", n)
	}

	write(t, filepath.Join(docs, "042.md"), "# Station 42\n\nStation 42 measures the tide.\n")
	write(t, filepath.Join(docs, "200.md"), "# Station 200\n\nStation 200 measures snow.\n")
	if err := os.Remove(filepath.Join(docs, "117.md")); err != nil {
		t.Fatal(err)
	}
	sim.Forget()
	ask("200 documents in 200 chunks: 1 added, 1 changed, 198 unchanged, 1 removed; chunks: 2 embedded")
	want := []string{
		"042.md > Station 42\n# Station 42\n\nStation 42 measures the tide.",
		"200.md > Station 200\n# Station 200\n\nStation 200 measures snow.",
	}
	if diff := cmp.Diff(want, embedded(t, sim)); diff != "" {
		t.Errorf("embedded (-want +got):\n%s", diff)
	}

	sim.Forget()
	ask("200 documents in 200 chunks, all unchanged: nothing to embed")
	if again := embedded(t, sim); len(again) > 0 {
		t.Errorf("embedded though nothing has changed: %q", again)
	}
}

// embedded are the passages that the simulator was asked to embed, sorted, but for the fixed text.
func embedded(t *testing.T, sim *nimsim.Sim) []string {
	t.Helper()
	var passages []string
	for _, r := range sim.Requests(config.StageEmbedding) {
		var request struct {
			Input []string `json:"input"`
			Type  string   `json:"input_type"`
		}
		if err := json.Unmarshal(r.Body, &request); err != nil {
			t.Fatal(err)
		}
		if request.Type == "passage" && !slices.Equal(request.Input, []string{model.Anchor}) {
			passages = append(passages, request.Input...)
		}
	}
	slices.Sort(passages)
	return passages
}

func TestChunksAreCountedInTokens(t *testing.T) {
	t.Parallel()
	words := strings.Repeat("wind and rain and snow and the tide. ", 100) // 900 tokens in 3,700 characters
	docs := directory(t, map[string]string{"station.txt": words})
	for unit, chunks := range map[string]string{"Characters": "in 9 chunks", "Tokens": "in 2 chunks"} {
		spec := manifest(t, pipeline(volume, standIns, "\n  chunking: {size: 500, overlap: 100, unit: "+unit+"}"))
		run(t, "run", "-f", spec, "--documents", docs, "--ask", "What falls?").ends(0, chunks)
	}
}

// A generation that was replaced is gone back to without embedding what has not changed since.
func TestARunGoesBackToTodaysDocuments(t *testing.T) {
	t.Parallel()
	docs, data := directory(t, map[string]string{
		"bridge.md": "# Bridge\n\n" + strings.Repeat("The bridge of Kestrel opens at noon. ", 60),
		"lock.md":   "# Lock\n\nThe lock of Kestrel is 17 metres wide.\n",
		"quay.md":   "# Quay\n\nThe quay of Kestrel lies in the north.\n",
	}), t.TempDir()
	sim := nimsim.Start(t, nimsim.Options{})
	spec := func(chunking string) string {
		return manifest(t, pipeline(volume, endpoints(sim.URL), "\n  chunking: "+chunking))
	}
	first, second := spec("{size: 900, overlap: 100}"), spec("{size: 300, overlap: 50}")
	index := func(spec string, wants ...string) string {
		t.Helper()
		p := run(t, "run", "-f", spec, "--documents", docs, "--data", data, "--ask", "How wide is the lock of Kestrel?")
		p.ends(0, wants...)
		return p.stdout.String()
	}
	index(first, "3 added")
	index(second, "3 added")
	if err := os.Remove(filepath.Join(docs, "quay.md")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(docs, "lock.md"), "# Lock\n\nThe lock of Kestrel is 19 metres wide.\n")
	index(second, "1 changed", "1 removed")

	planned := run(t, "plan", "-f", first, "--data", data)
	planned.ends(1)
	if said := planned.stdout.String(); !strings.Contains(said, "is kept for a way back and takes over") {
		t.Errorf("the plan says %s", said)
	}
	sim.Forget()
	if answer := index(first, "2 documents in", "1 changed, 1 unchanged"); strings.Contains(answer, "17 metres") {
		t.Errorf("the answer is of yesterday's documents: %s", answer)
	}
	if again := embedded(t, sim); len(again) != 1 {
		t.Errorf("embedded to go back: %q", again)
	}
	sim.Forget()
	index(spec("{size: 300, overlap: 50}\n  index: {retain: 0s}"), "all unchanged")
	if again := embedded(t, sim); len(again) != 0 {
		t.Errorf("embedded to go forth: %q", again)
	}
	sim.Forget()
	index(first, "2 added")
	if again := embedded(t, sim); len(again) == 0 {
		t.Error("nothing is embedded for a generation that was not retained")
	}
}
