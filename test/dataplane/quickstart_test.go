package dataplane

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestTheQuickstartAnswersFromItsDocumentsAndEmbedsThemOnce(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	ask := func() *process {
		p := start(t, []string{"run", "-f", absolute(t, quickstart), "--ask", "How does a pipeline switch to a new index?"}, in(home)).wait()
		p.ends(0)
		return p
	}

	first := ask()
	contains(t, first.stdout.String(),
		"A pipeline switches to a new index without downtime. [1]",
		"\n  [1] concepts/generations.md, How a pipeline switches to a new index (score 0.")
	if !regexp.MustCompile(`(?m)^Times: retrieval [\d.]+ ms, reranking [\d.]+ ms, answer [\d.]+ ms, total [\d.]+ ms$`).MatchString(first.stdout.String()) {
		t.Errorf("no time of each stage in\n%s", first.stdout.String())
	}
	contains(t, first.stderr.String(), "13 documents in 31 chunks: 13 added; chunks: 31 embedded",
		"partly read  concepts/model-checklist.html  HiddenText: 1 (<p>)\n")

	second := ask()
	contains(t, second.stderr.String(), "13 documents in 31 chunks, all unchanged: nothing to embed")
	contains(t, second.stdout.String(), "A pipeline switches to a new index without downtime. [1]")
	if _, err := os.Stat(filepath.Join(home, ".ragpipeline", "quickstart", "index.db")); err != nil {
		t.Error(err)
	}
}
