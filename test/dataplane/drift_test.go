package dataplane

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// A server puts another model behind the same name, with vectors of the same length.
func TestAModelThatIsSwappedBehindItsNameIsNoticed(t *testing.T) {
	t.Parallel()
	docs, data := directory(t, map[string]string{"pump.md": "The pump has a warranty of two years.\n"}), t.TempDir()
	sim := nimsim.Start(t, nimsim.Options{})
	spec := manifest(t, pipeline(volume, endpoints(sim.URL)))
	ask := func(flags ...string) *process {
		t.Helper()
		return run(t, append([]string{"run", "-f", spec, "--documents", docs, "--data", data,
			"--ask", "How long is the warranty of the pump?"}, flags...)...)
	}
	ask().ends(0, "1 added; chunks: 1 embedded")

	sim.Fault(config.StageEmbedding, nimsim.AnotherModel)
	write(t, filepath.Join(docs, "valve.md"), "The valve has none.\n")
	ask().ends(0,
		"warning: the index is not up to date, and serves what it had: the embedding model no longer gives the vectors",
		"--rebuild", "warning: embedding: the embedding model", "passages that were found by their vectors may be the wrong ones")

	sim.Mend()
	ask().ends(0, "1 added, 1 unchanged; chunks: 1 embedded")

	sim.Fault(config.StageEmbedding, nimsim.AnotherModel)
	ask("--rebuild").ends(0, "2 documents in 2 chunks: 2 added; chunks: 2 embedded")
	ask().ends(0, "2 documents in 2 chunks, all unchanged: nothing to embed")
	sim.Mend()
	if err := os.Remove(filepath.Join(docs, "valve.md")); err != nil {
		t.Fatal(err)
	}
	ask().ends(0, "warning: the index is not up to date")
}
