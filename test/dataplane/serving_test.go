package dataplane

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

const (
	keywords = "\n  retrieval: {mode: Keyword}" // questions need no embedding
	tide     = "# Tide\n\nThe tide is measured in metres above the lowest low water.\n"
)

// embeddingAt are models of which the embedding is served elsewhere than the others.
func embeddingAt(embedding, others string) string {
	return strings.Replace(endpoints(others), others, embedding, 1)
}

// outdated makes a complete index of docs, and adds a document to them. With args, `run` embeds that document at url.
func outdated(t *testing.T, sim *nimsim.Sim) (docs string, args func(url string) []string) {
	docs, data := directory(t, map[string]string{"wind.md": wind}), t.TempDir()
	args = func(url string) []string {
		return []string{
			"-f", manifest(t, pipeline(volume, embeddingAt(url, sim.URL), keywords)), "--documents", docs, "--data", data,
		}
	}
	run(t, append([]string{"run", "--ask", "What is wind measured in?"}, args(sim.URL)...)...).ends(0, "1 added")
	write(t, docs+"/tide.md", tide)
	return docs, args
}

// A complete index answers while documents are added to it, and goes on if that fails.
func TestACompleteIndexIsServedWhileItIsUpdated(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{})
	url, reached, open := gate(t, sim)
	docs, args := outdated(t, sim)

	p, c := serving(t, args(url))
	select {
	case <-reached:
	case <-time.After(patience):
		t.Fatal("it embeds nothing")
	}
	c.ask("What is wind measured in?").want(t, http.StatusOK, "Wind is measured in knots. [1]")
	open()
	p.says(`2 documents in 2 chunks: 1 added, 1 unchanged`)
	c.ask("What is the tide measured in?").want(t, http.StatusOK, "The tide is measured in metres")
	p.stop().ends(0)

	write(t, docs+"/sea.md", "The sea is measured in fathoms.")
	sim.Fault(config.StageEmbedding, nimsim.Named("retired"))
	p, c = serving(t, args(sim.URL))
	p.says(`warning: the index is not up to date, and serves what it had: .*has been retired`)
	c.ask("What is wind measured in?").want(t, http.StatusOK, "Wind is measured in knots. [1]")
	p.stop().ends(0)
}

// A termination ends an update that is under way.
func TestAnUpdateEndsWithTheServing(t *testing.T) {
	t.Parallel()
	sim := nimsim.Start(t, nimsim.Options{})
	url, reached, _ := gate(t, sim)
	_, args := outdated(t, sim)
	p, _ := serving(t, args(url))
	select {
	case <-reached:
	case <-time.After(patience):
		t.Fatal("it embeds nothing")
	}
	p.stop().ends(0)
	run(t, append([]string{"run", "--ask", "What is the tide measured in?"}, args(sim.URL)...)...).ends(0, "1 added")
}
