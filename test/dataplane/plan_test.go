package dataplane

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/plan"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// What plan says of a local index is what the run after it does: documents and chunks within 5 %.
func TestAPlanSaysWhatTheNextRunDoes(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	documents := map[string]string{}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		documents[filepath.Base(page)] = string(text)
	}
	docs, data := directory(t, documents), t.TempDir()
	sim := nimsim.Start(t, nimsim.Options{})
	spec := func(chunking string) string {
		return manifest(t, pipeline(volume, endpoints(sim.URL), "\n  chunking: "+chunking))
	}
	counts := regexp.MustCompile(`(\d+) documents in (\d+) chunks`)
	index := func(spec string) (documents, chunks int) {
		t.Helper()
		p := run(t, "run", "-f", spec, "--documents", docs, "--data", data, "--ask", "What is a generation?")
		p.ends(0)
		found := counts.FindStringSubmatch(p.stderr.String())
		if found == nil {
			t.Fatalf("no counts in %s", p.stderr.String())
		}
		documents, _ = strconv.Atoi(found[1])
		chunks, _ = strconv.Atoi(found[2])
		return documents, chunks
	}
	planned := func(spec string, code int) (p plan.Preview) {
		t.Helper()
		process := run(t, "plan", "-f", spec, "--data", data, "-o", "json")
		process.ends(code)
		if err := json.Unmarshal([]byte(process.stdout.String()), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}

	first := spec("{size: 800, overlap: 200}")
	if p := planned(first, 1); !p.Generation.New || p.Generation.Live != "" {
		t.Errorf("before the first index: %+v", p.Generation)
	}
	index(first)
	if p := planned(first, 0); p.Changes {
		t.Errorf("of the same manifest: %+v", p)
	}
	for _, chunking := range []string{"{size: 400, overlap: 100}", "{size: 1200, overlap: 100}", "{size: 600, overlap: 0}", "{size: 2000, overlap: 400}"} {
		next := spec(chunking)
		e := planned(next, 1).Generation.Estimate
		documents, chunks := index(next)
		t.Logf("%s: planned %d chunks, and there are %d", chunking, e.Chunks, chunks)
		if e.Documents != documents || !e.Estimated {
			t.Errorf("%s: planned %+v, and there are %d documents", chunking, e, documents)
		}
		if off := float64(e.Chunks)/float64(chunks) - 1; off < -0.05 || off > 0.05 {
			t.Errorf("%s: planned %d chunks, and there are %d: off by %.1f %%", chunking, e.Chunks, chunks, 100*off)
		}
		if e.Seconds <= 0 {
			t.Errorf("%s: no time is planned", chunking)
		}
	}
	run(t, "plan", "-f", manifest(t, pipeline(volume, standIns, "\n  chunking: {size: 0}")), "--data", data).ends(2, "spec.chunking.size")
	run(t, "plan", "--data", data).ends(2, "-f FILE is missing")
	run(t, "plan", "-f", first, "--kubeconfig", filepath.Join(data, "none")).ends(3, "kubeconfig")
}
