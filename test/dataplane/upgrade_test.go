package dataplane

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// older is the program as test/older builds it, of an earlier version.
func older(t *testing.T) with {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ragpipeline")
	if out, err := exec.CommandContext(t.Context(), "../older/build.sh", path).CombinedOutput(); err != nil {
		t.Fatalf("build the earlier version: %v\n%s", err, out)
	}
	return func(c *exec.Cmd) { c.Path = path }
}

func TestDocumentsOfAnEarlierVersionAreReadAgainInPlace(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{})
	spec := manifest(t, pipeline(volume, endpoints(sim.URL), "\n  chunking: {size: 100, overlap: 0}"))
	docs, data := directory(t, map[string]string{
		"bolts.csv": "part,torque\nflange,95\n",
		"plain.md":  "A text without any mark is the same to both.\n",
		"guide.md": "These notes are long enough for a chunk of their own, which is what begins the text before its heading.\n\n" +
			"## Valves\n\nThe valve V77 opens at *78* bar, and it closes again as soon as the pressure falls below 70 bar.\n",
	}), t.TempDir()
	ask := []string{"run", "-f", spec, "--documents", docs, "--data", data, "--ask", "At how many bar does valve V77 open?"}
	start(t, ask, older(t)).wait().ends(0, "3 documents in 6 chunks: 3 added; chunks: 6 embedded")

	sim.Forget()
	run(t, ask...).ends(0, "3 documents in 6 chunks: 2 changed, 1 unchanged; chunks: 2 embedded, 3 reused")
	want := []string{
		"guide.md > Valves\n## Valves",
		"guide.md > Valves\nThe valve V77 opens at *78* bar, and it closes again as soon as the pressure falls below 70 bar.",
	}
	if diff := cmp.Diff(want, embedded(t, sim)); diff != "" {
		t.Errorf("embedded (-want +got):\n%s", diff)
	}
	run(t, ask...).ends(0, "3 documents in 6 chunks, all unchanged: nothing to embed")
}

func TestAnotherAnalyserTakesOverTheVectors(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(*pod){
		"on one machine": func(*pod) {},
		"in Weaviate":    func(p *pod) { p.inWeaviate(weaviatetest.Start(t, weaviatetest.Options{})) },
	} {
		t.Run(name, func(t *testing.T) {
			sim := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models"})
			pod := newPod(t, sim.URL)
			place(pod)
			for _, name := range []string{"rain.md", "snow.md"} {
				write(t, filepath.Join(pod.documents, name), "# "+name+"\n\nA document about "+name+".\n")
			}
			pod.ingest.Generation.Analyser = "1"
			pod.startIngest().wait().ends(0, `"added":3,`)
			before := embedded(t, sim)
			sim.Forget()
			write(t, filepath.Join(pod.documents, "snow.md"), "# Snow\n\nAnother document.\n")
			pod.ingest.Generation, pod.ingest.Keep = pod.gateway.Generation, []string{pod.gateway.Generation.Fingerprint()}
			pod.startIngest().wait().ends(0, `"added":3,`)
			// One is the changed document's; the other shows that the model is still the same.
			after := embedded(t, sim)
			if len(before) != 3 || len(after) != 2 {
				t.Errorf("embedded %d texts, and then %q", len(before), after)
			}
			message, err := os.ReadFile(pod.log)
			if err != nil {
				t.Fatal(err)
			}
			if summary, err := config.ParseSummary(string(message)); err != nil || summary.Embedded != 1 || summary.Reused != 2 {
				t.Errorf("summary %s, %v", message, err)
			}
			gateway, api, _ := pod.startGateway()
			api.until("/readyz", 200)
			api.ask("What is wind measured in?").want(t, 200, "Wind is measured in knots. [1]")
			gateway.stop().ends(0)
		})
	}
}
