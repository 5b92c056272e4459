package ingest

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/golden"
)

func sampleReport() *Report {
	return &Report{
		Pipeline: "default/papers", Generation: "0a1b2c3d",
		Listed: 215, Unchanged: 199, Added: 1, Changed: 1, Failed: 14, Removed: 1,
		Indexed: 202, Chunks: 1458, Embedded: 12, Reused: 3, Truncated: 1, Bytes: 12_345_678,
		Failures: []config.FailedDocument{
			{Document: "papers/locked.pdf", Reason: config.Encrypted, Message: "a password is needed"},
			{Document: "papers/scan\x1b[2J.pdf", Reason: config.NoTextLayer, Message: "its pages are \"images\";\nthere is no OCR"},
		},
		Warnings: []string{"1 document could not be read; the index keeps what it had of it"},
		Losses: config.Losses{
			Reasons: map[config.Reason]int{config.Encrypted: 1, config.NoTextLayer: 13},
			Warned:  11, WarningReasons: map[config.WarningReason]int{config.LinesSkipped: 1, config.EncodingGuessed: 11},
			WarnedDocuments: []config.WarnedDocument{{Document: "papers/a.csv", Warnings: config.Warnings{
				{Reason: config.EncodingGuessed, Count: 1, Places: []string{"read as KOI8-R"}},
				{Reason: config.LinesSkipped, Count: 2, Places: []string{"line 3", "line 9"}},
			}}},
		},
		Seconds: 3.21,
		StageSeconds: map[string]float64{
			stageRead: 0.04, stageExtract: 2.5, stageSplit: 0.1, stageEmbed: 1.2, stageWrite: 0.3,
		},
	}
}

func TestReportForPeople(t *testing.T) {
	golden.Check(t, "testdata/report.txt", sampleReport().String()+"\n")
}

func TestReportLeavesOutWhatIsZero(t *testing.T) {
	for _, c := range []struct {
		name   string
		report Report
		want   string
	}{
		{"a first run", Report{Listed: 12, Added: 12, Indexed: 12, Chunks: 30, Embedded: 30},
			"12 documents in 30 chunks: 12 added; chunks: 30 embedded"},
		{"nothing has changed", Report{Listed: 1, Unchanged: 1, Indexed: 1, Chunks: 1},
			"1 document in 1 chunk, all unchanged: nothing to embed"},
		{"the rest is unchanged, and one is gone", Report{Listed: 2, Unchanged: 2, Removed: 1, Indexed: 2, Chunks: 4},
			"2 documents in 4 chunks: 2 unchanged, 1 removed"},
		{"one still fails, and nothing else has changed", Report{Listed: 2, Unchanged: 1, Failed: 1, Indexed: 1, Chunks: 4,
			Failures: []config.FailedDocument{{Document: "docs/a.pdf", Reason: config.Encrypted, Message: "remove the password"}}},
			"1 of 2 documents in 4 chunks: 1 unchanged, 1 failed\nfailed  docs/a.pdf  Encrypted  remove the password"},
		{"no document at all", Report{}, "0 documents in 0 chunks: nothing was done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.report.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReportAsJSON(t *testing.T) {
	b, err := json.MarshalIndent(sampleReport(), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/report.json", string(b)+"\n")
}

func TestReportAsTerminationMessage(t *testing.T) {
	golden.Check(t, "testdata/termination.json", string(sampleReport().Summary().JSON())+"\n")
}

// The sources of a large pipeline fit into the summary, and those with trouble do whatever their number.
func TestTheSummaryHasTheSources(t *testing.T) {
	var r Report
	for i := range 32 {
		r.Synced.Sources = append(r.Synced.Sources, config.SourceSync{
			Name: fmt.Sprintf("wiki-%02d", i), Documents: 12_345, Scanned: 12_345, Unchanged: 12_345, LastSuccess: time.Unix(1, 0),
		})
	}
	if got := r.Summary().Synced.Sources; len(got) != 32 || got[31].Documents != 12_345 {
		t.Errorf("the summary has %d sources: %v", len(got), got)
	}
	for i := range r.Synced.Sources {
		r.Synced.Sources[i].Name += strings.Repeat("x", 30)
		r.Synced.Sources[i].Added, r.Synced.Sources[i].Removed, r.Synced.Sources[i].Warned = 1234, 1234, 1234
	}
	r.Synced.Sources[30].Error, r.Synced.Sources[31].HeldBack = "no such bucket", 40
	got := r.Summary().Synced.Sources
	if len(got) == 32 || len(got) < 10 || got[0].Error == "" || got[1].HeldBack != 40 {
		t.Errorf("the summary has %d sources: %v", len(got), got)
	}
}

// The kubelet cuts a termination message at 4,096 bytes; ours must never need it.
func FuzzTermination(f *testing.F) {
	f.Add(strings.Repeat("\"\\", 400), strings.Repeat("\u2028<>&\x00", 300), strings.Repeat("é", 1000))
	f.Add(strings.Repeat("\xff", 4000), strings.Repeat("😀", 1000), "x")
	f.Fuzz(func(t *testing.T, document, message, failure string) {
		r := &Report{
			Pipeline: document, Generation: message,
			Listed: math.MinInt, Unchanged: math.MinInt, Added: math.MinInt, Changed: math.MinInt, Failed: math.MinInt,
			Removed: math.MinInt, Indexed: math.MinInt, Chunks: math.MinInt, Embedded: math.MinInt, Reused: math.MinInt,
			Skipped: math.MinInt, Kept: math.MinInt, HeldBack: math.MinInt,
			Truncated: math.MinInt, Bytes: math.MinInt64, Seconds: 1e15, Error: failure, Reason: config.Failure(message),
		}
		r.Warned, r.WarningReasons = math.MinInt, map[config.WarningReason]int{}
		for _, reason := range []config.WarningReason{
			config.PagesWithoutText, config.UndecodableText, config.EncodingGuessed, config.LinesSkipped, config.HiddenText,
			config.Truncated, config.PagesWaiting, config.PartsIgnored,
		} {
			r.WarningReasons[reason] = math.MinInt
		}
		r.Reasons = map[config.Reason]int{}
		for _, reason := range []config.Reason{
			config.NoTextLayer, config.Encrypted, config.Malformed, config.TooLarge, config.TooComplex, config.TimedOut,
			config.Unsupported, config.Changed, config.Unreadable, config.EmbeddingRefused,
		} {
			r.Reasons[reason] = math.MinInt
		}
		for range 20 {
			r.WarnedDocuments = append(r.WarnedDocuments, config.WarnedDocument{Document: document, Warnings: config.Warnings{
				{Reason: config.WarningReason(message), Count: math.MinInt, Places: []string{document, message, failure, message}},
			}})
			r.Failures = append(r.Failures, config.FailedDocument{Document: document, Reason: config.Reason(message), Message: message})
		}
		r.Synced.Removed = config.Removed{Documents: math.MinInt, VerifiedAt: time.Unix(1, 1)}
		for range 40 {
			r.Synced.Sources = append(r.Synced.Sources, config.SourceSync{Name: document, Scanned: math.MinInt, Error: failure})
		}
		b := r.Summary().JSON()
		if len(b) > 3500 {
			t.Errorf("%d bytes", len(b))
		}
		if !json.Valid(b) || !utf8.Valid(b) || strings.ContainsAny(string(b), "\n\x00\\") {
			t.Errorf("not plain JSON: %q", b)
		}
		if _, err := config.ParseSummary(string(b)); err != nil {
			t.Error(err)
		}
	})
}
