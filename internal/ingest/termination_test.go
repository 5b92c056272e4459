package ingest

import (
	"fmt"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// The operator reads what a run leaves behind, whatever became of the run.
func TestTerminationMessageIsTheOperatorsSummary(t *testing.T) {
	for _, c := range []struct {
		name   string
		reason config.Failure
		err    error
	}{
		{"it succeeded", "", nil},
		{"there was nothing", config.NoDocuments, fmt.Errorf("%w: the sources are empty", ErrNoDocuments)},
		{"nothing could be read", config.AllDocumentsFailed, fmt.Errorf("%w: 2 of 2", ErrAllDocumentsFailed)},
		{"a source was not there", config.SourcesIncomplete, incomplete(map[string]error{"a": ErrIncomplete, "b": ErrIncomplete})},
		{"the model has been retired", "ModelRetired", fmt.Errorf("embed: %w", &model.Error{Stage: config.StageEmbedding, Failure: config.ModelRetired, Model: "m", Status: 410})},
		{"the index has failed", "", fmt.Errorf("commit: %w", fmt.Errorf("connection reset"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := sampleReport()
			if c.err != nil {
				report.Error, report.Reason = c.err.Error(), reasonOf(c.err)
			}
			s, err := config.ParseSummary(string(report.Summary().JSON()))
			if err != nil {
				t.Fatal(err)
			}
			if s.Reason != c.reason || (s.Error == "") != (c.err == nil) {
				t.Errorf("the summary says reason %q, error %q, of error %v", s.Reason, s.Error, c.err)
			}
			got := config.Summary{Generation: s.Generation, Listed: s.Listed, Indexed: s.Indexed, Chunks: s.Chunks, Failed: s.Failed, Embedded: s.Embedded, Reused: s.Reused}
			want := config.Summary{Generation: "0a1b2c3d", Listed: 215, Indexed: 202, Chunks: 1458, Failed: 14, Embedded: 12, Reused: 3}
			if fmt.Sprint(got) != fmt.Sprint(want) || len(s.Failures) != 2 {
				t.Errorf("got %+v with %d failures, want %+v with 2", got, len(s.Failures), want)
			}
		})
	}
}
