package index_test

import (
	"context"
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// counted is an index of which only the counts are known.
type counted struct {
	index.Reader
	stats index.Stats
	err   error
}

func (c counted) Stats(context.Context) (index.Stats, error) { return c.stats, c.err }

func TestMetricsTellWhatTheIndexHolds(t *testing.T) {
	stats := index.Stats{Documents: 12, Chunks: 30, FailedDocuments: 1, Losses: config.Losses{Warned: 3}}
	complete := stats
	complete.Completed = time.Unix(1_700_000_000, 0)
	counts := map[string]float64{"ragpipeline_index_documents": 12, "ragpipeline_index_chunks": 30, "ragpipeline_index_failed_documents": 1}
	withTime := maps.Clone(counts)
	withTime["ragpipeline_index_last_sync_timestamp_seconds"] = 1_700_000_000
	withTime["ragpipeline_index_documents_with_warnings"] = 3
	synced := complete
	synced.Measured.Synced.Sources = []config.SourceSync{
		{Name: "bucket", Documents: 5, LastSuccess: time.Unix(1_600_000_000, 0), Error: "it is down"}, {Name: "wiki", Documents: 7},
	}
	bySource := maps.Clone(withTime)
	maps.Copy(bySource, map[string]float64{
		"ragpipeline_index_source_documents bucket": 5, "ragpipeline_index_source_documents wiki": 7,
		"ragpipeline_index_source_failed bucket": 1, "ragpipeline_index_source_failed wiki": 0,
		"ragpipeline_index_source_last_success_timestamp_seconds bucket": 1_600_000_000,
	})
	for _, c := range []struct {
		name   string
		reader counted
		want   map[string]float64
	}{
		{"an index that was never complete has no time of it", counted{stats: stats}, counts},
		{"a complete one has", counted{stats: complete}, withTime},
		{"each source is told of, and when it was last listed", counted{stats: synced}, bySource},
		{"of one that cannot be read nothing is told", counted{err: errors.New("broken")}, map[string]float64{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			registry := prometheus.NewPedanticRegistry()
			registry.MustRegister(index.NewCollector(c.reader))
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]float64{}
			for _, f := range families {
				for _, m := range f.GetMetric() {
					name := f.GetName()
					for _, label := range m.GetLabel() {
						name += " " + label.GetValue()
					}
					got[name] = m.GetGauge().GetValue()
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
