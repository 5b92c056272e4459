package dataplane

import (
	"strings"
	"testing"
)

// run obeys spec.ingest.maxFailed: an index that lacks too many documents is not answered from, unless it has been
// before.
func TestTooManyFailedDocumentsEndARun(t *testing.T) {
	t.Parallel()
	docs, data := directory(t, map[string]string{
		"wind.md": wind, "empty.md": "", "valves.csv": "name,note\nAnn,\"x\nBob,valve V77 opens at 7 bar\n",
		"long.md": strings.Repeat("The sea is measured in fathoms. ", 100), // some five chunks
	}), t.TempDir()
	ask := func(spec string) *process {
		return run(t, "run", "-f", manifest(t, pipeline(volume, standIns, "\n  ingest: "+spec)), "--documents", docs,
			"--data", data, "--ask", "At how many bar does valve V77 open?")
	}
	const partlyRead = "partly read  docs/valves.csv  LinesSkipped: 1 (line 2"
	p := ask("{maxFailed: 24%}")
	p.ends(1, "1 of 4, more than spec.ingest.maxFailed (24%) allows: Malformed (1)", "raise maxFailed", partlyRead)
	if answer := p.stdout.String(); answer != "" {
		t.Errorf("it answers %q", answer)
	}
	p = ask("{maxFailed: 1}")
	p.ends(0, "3 unchanged, 1 failed", partlyRead)
	contains(t, p.stdout.String(), "valve V77 opens at 7 bar")
	// Another chunking needs another index, which is held back; the one before is still there.
	ask("{maxFailed: 0}\n  chunking: {size: 300, overlap: 20}").ends(1, "1 of 4, more than spec.ingest.maxFailed (0) allows")
	ask("{maxFailed: 1}").ends(0, "3 unchanged, 1 failed")
	p = ask("{maxFailed: 0}")
	p.ends(0, "warning: too many documents failed: 1 of 4", "stays in use")
	contains(t, p.stdout.String(), "valve V77 opens at 7 bar")
	ask("{limits: {chunks: 3}, maxFailed: 2}").ends(0, "TooLarge", "docs/long.md", "raise spec.ingest.limits.chunks")
	ask("{limits: {chunks: 9}}").ends(0, "1 added, 2 unchanged, 1 failed")
}
