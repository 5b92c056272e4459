package ingest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// endless lists so many documents whose versions are exact, as an object store's are, and holds none of them.
type endless struct{ documents int }

func (e endless) entry(i int) source.Entry {
	return source.Entry{Path: fmt.Sprintf("%03d/%07d.txt", i/1000, i), Size: 10, Version: "1", Exact: true}
}

func (e endless) List(ctx context.Context, yield func(source.Entry) bool) error {
	for i := range e.documents {
		if !yield(e.entry(i)) {
			break
		}
	}
	return ctx.Err()
}

func (endless) Open(context.Context, source.Entry) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader([]byte("text"))), nil
}

// recorded is an index whose ledger has every document of the source, and as many more that vanished from it.
type recorded struct {
	Index
	source  endless
	removed int
}

func (r *recorded) row(i int) index.Row {
	row := index.Row{Source: "docs", State: index.Indexed, Hash: "h", Version: "1", Readers: config.AllReaders(), Chunks: 1}
	if i < r.source.documents {
		row.Document = "docs/" + r.source.entry(i).Path
	} else {
		row.Document = fmt.Sprintf("docs/gone/%07d.txt", i)
	}
	return row
}

func (r *recorded) Documents(_ context.Context, after string, limit int) (rows []index.Row, err error) {
	first := 0
	if after != "" {
		if _, err := fmt.Sscanf(after[len(after)-len("0000000.txt"):], "%07d.txt", &first); err != nil {
			return nil, err
		}
		first++
	}
	for i := first; i < 2*r.source.documents && len(rows) < limit; i++ {
		rows = append(rows, r.row(i))
	}
	return rows, nil
}

func (r *recorded) Remove(_ context.Context, documents []string) (int, error) {
	r.removed += len(documents)
	return len(documents), nil
}

func (r *recorded) Left(context.Context, []string) ([]string, error) { return nil, nil }

// BenchmarkList walks listings of other lengths beside ledgers of twice as many rows, of which half have vanished, with
// one worker and with one of eight. It reports the documents listed in a second, and the most memory that the run
// needed beyond what there was before: it is that of the names that vanished, which one removal proves together.
func BenchmarkList(b *testing.B) {
	for _, documents := range []int{10_000, 100_000} {
		for _, workers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%d-documents-%d-workers", documents, workers), func(b *testing.B) {
				var peak, before runtime.MemStats
				for b.Loop() {
					w := newWorld(b)
					store := w.open()
					o, err := parts(w.config, Options{ConfirmPrune: true})
					if err != nil {
						b.Fatal(err)
					}
					index := &recorded{Index: store, source: endless{documents}}
					o.Sources, o.Index = []source.Source{index.source}, index
					if workers > 1 {
						board := &board{Store: store, marks: map[string]map[int][]byte{}}
						o.Team = &Team{Share: share(workers), Run: "run", Index: board.as(0)}
					}
					runtime.GC()
					runtime.ReadMemStats(&before)
					o.Progress = func(p config.Progress) {
						if now := new(runtime.MemStats); p.DocumentsDone%1000 == 0 {
							if runtime.ReadMemStats(now); now.HeapAlloc > peak.HeapAlloc {
								peak = *now
							}
						}
					}
					if _, err := Run(b.Context(), o); err != nil {
						b.Fatal(err)
					}
					if index.removed == 0 {
						b.Fatal("nothing was removed")
					}
					store.Close()
				}
				b.ReportMetric(float64(documents)*float64(b.N)/b.Elapsed().Seconds(), "docs/s")
				b.ReportMetric(float64(peak.HeapAlloc-before.HeapAlloc)/(1<<20), "peak-MiB")
			})
		}
	}
}

func share(workers int) index.Share { return index.Share{Worker: 0, Workers: workers} }
