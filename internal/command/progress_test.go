package command

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestProgressIsPrintedAsLines(t *testing.T) {
	for _, c := range []struct {
		name string
		took time.Duration
		want string
	}{
		{"no line in a run of 2 s", 2 * time.Second, ""},
		{"one line in a run of 6 s", 6 * time.Second, "indexing: 5 of 30 documents\n"},
		{"a line when progress was made since the last, and seldom when none was", 66 * time.Second,
			"indexing: 5 of 30 documents\nindexing: 10 of 30 documents\nindexing: 10 of 30 documents\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				show, done := newProgress(&out)
				time.Sleep(time.Second / 2) //nolint:forbidigo // virtual time
				for second := range int(c.took / time.Second) {
					show(config.Progress{Phase: "Indexing", DocumentsDone: min(10, second+1), DocumentsTotal: 30})
					time.Sleep(time.Second) //nolint:forbidigo // virtual time
				}
				done()
				show(config.Progress{Phase: "Done"}) // late progress is harmless
				if diff := cmp.Diff(c.want, out.String()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestProgressLine(t *testing.T) {
	for _, c := range []struct {
		progress config.Progress
		want     string
	}{
		{config.Progress{}, "listing documents"},
		{config.Progress{Phase: "Listing"}, "listing documents"},
		{config.Progress{Phase: "Indexing", DocumentsTotal: 12}, "indexing: 0 of 12 documents"},
		{config.Progress{Phase: "Removing", DocumentsDone: 12, DocumentsTotal: 12}, "removing: 12 of 12 documents"},
		{config.Progress{Phase: "Indexing", DocumentsTotal: 12,
			Slowest: &config.SlowDocument{Document: "docs/a.pdf", Since: time.Now().Add(-12 * time.Second)}},
			"indexing: 0 of 12 documents; docs/a.pdf takes long (12 s)"},
		{config.Progress{Phase: "Indexing", DocumentsTotal: 12,
			Slowest: &config.SlowDocument{Document: "docs/\x1b[2J\n.pdf", Since: time.Now().Add(-12 * time.Second)}},
			"indexing: 0 of 12 documents; docs/ [2J .pdf takes long (12 s)"},
	} {
		if got := progressLine(c.progress); got != c.want {
			t.Errorf("%+v is %q, want %q", c.progress, got, c.want)
		}
	}
}

func TestProgressBar(t *testing.T) {
	for _, c := range []struct {
		done, total int
		want        string
	}{
		{0, 0, "[..............................] listing documents"},
		{0, 3, "[..............................] indexing: 0 of 3 documents"},
		{1, 3, "[##########....................] indexing: 1 of 3 documents"},
		{3, 3, "[##############################] indexing: 3 of 3 documents"},
		{4, 3, "[##############################] indexing: 4 of 3 documents"},
	} {
		if got := bar(config.Progress{Phase: "Indexing", DocumentsDone: c.done, DocumentsTotal: c.total}); got != c.want {
			t.Errorf("%d of %d is\n%s, want\n%s", c.done, c.total, got, c.want)
		}
	}
}
