package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// A document of scale is so many bytes of text, in 25 to 27 chunks.
const scaleBytes = 16_000

// The embedding server of scale computes one request at a time, as one GPU does, 32 texts in 330 ms, and refuses a
// request when 16 wait: about what a NIM of a billion parameters does on a small GPU. Weaviate takes some 7 ms of CPU
// for a chunk among 100,000, so that a quicker server would wait for the cores of a small machine.
var scaleServer = []string{"-fast", "-takes=10ms", "-takes-per-text=10ms", "-queue=16"}

// scale measures ingestion into a Weaviate beside an embedding server that takes time: one worker and then two over the
// same documents, of a tenth of the chunks, and all chunks by two. The aim is that the embedding server is never
// without work.
func (b *bench) scale(ctx context.Context) error {
	const title = "Ingestion into a Weaviate, beside a busy embedding server"
	if os.Getenv(weaviatetest.Variable) == "" {
		return fmt.Errorf("set %s to a Weaviate binary: `eval \"$(hack/cluster/cluster assets)\"` does",
			weaviatetest.Variable)
	}
	simulator, models, err := b.startSimulator(ctx, scaleServer...)
	if err != nil {
		return err
	}
	defer simulator.stop()
	weaviate, err := weaviatetest.New(weaviatetest.Options{})
	if err != nil {
		return err
	}
	defer weaviate.Stop()
	for _, run := range []struct{ workers, chunks int }{{1, b.chunks / 10}, {2, b.chunks / 10}, {2, b.chunks}} {
		documents, err := b.documents(fmt.Sprintf("scale-%d", run.chunks), run.chunks/26, scaleBytes)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("scale-%d-%d", run.workers, run.chunks)
		file, err := b.scaleConfig(name, documents, models, weaviate)
		if err != nil {
			return err
		}
		var f scaleFigures
		used, err := cpuDuring(weaviate.PID(), func() (err error) {
			f, err = b.share(ctx, file, name, run.workers, models)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "bench: %s: %.0f chunks/s, busy %.2f, peak %.0f MB\n", f, f.rate, f.busy, f.peak)
		what := func(s string) string { return fmt.Sprintf("%s, %s", f, s) }
		b.report.add(title,
			row{what: what("rate"), value: f.rate, unit: "chunks/s"},
			row{what: what("time that the embedding server is busy"), value: f.busy * 100, unit: "%", atLeast: 90},
			row{what: what("requests that it refused"), value: f.refused * 100, unit: "%"},
			row{what: what("peak memory of a worker"), value: f.peak, unit: "MB", atMost: 300},
			row{what: what("CPU of Weaviate a chunk"), value: milliseconds(used) / float64(f.chunks), unit: "ms"})
		if run.workers == 1 || run.chunks == b.chunks {
			continue
		}
		rate, floor, err := (&rawImport{weaviate: weaviate}).measure(ctx, name)
		if err != nil {
			return err
		}
		b.report.add(title,
			row{what: "floor: import of the same chunks from memory, rate", value: rate, unit: "chunks/s"},
			row{what: "floor: CPU of Weaviate a chunk", value: floor, unit: "ms"},
			row{what: what("CPU of Weaviate, to the floor"), value: milliseconds(used) / float64(f.chunks) / floor, unit: "x"})
	}
	return nil
}

// scaleFigures are what a run of workers took.
type scaleFigures struct {
	workers, chunks           int
	rate, busy, refused, peak float64
}

func (f scaleFigures) String() string {
	workers := "1 worker"
	if f.workers > 1 {
		workers = fmt.Sprintf("%d workers", f.workers)
	}
	return fmt.Sprintf("%s, %s chunks", workers, number(float64(f.chunks)))
}

// scaleConfig writes the config of a pipeline of that name.
func (b *bench) scaleConfig(name, documents, models string, weaviate *weaviatetest.Server) (string, error) {
	key := config.SecretKey{Name: "weaviate", Key: "key"}
	if err := errors.Join(
		os.MkdirAll(b.path("secrets", key.Name), 0o700),
		os.WriteFile(b.path("secrets", key.Name, key.Key), []byte(weaviatetest.Key), 0o600),
	); err != nil {
		return "", err
	}
	file := b.path(name + ".json")
	return file, writeJSON(file, config.Ingest{
		Version:    config.Version,
		Pipeline:   config.Pipeline{Namespace: "default", Name: name},
		Generation: generation,
		Sources:    []config.Source{{Name: "documents", Directory: &config.Directory{Path: documents}}},
		Embedding:  config.Model{URL: models + "/v1", Name: config.StandInEmbedding, Protocol: config.NIM},
		Index: config.Index{Weaviate: &config.WeaviateIndex{
			URL: weaviate.URL, GRPCURL: weaviate.GRPCURL, Key: &key,
		}},
	})
}

// share runs workers until all have ended.
func (b *bench) share(ctx context.Context, file, run string, workers int, models string) (f scaleFigures, err error) {
	f.workers = workers
	if err := ask(ctx, http.MethodDelete, models+"/-/load", nil); err != nil {
		return f, err
	}
	started := time.Now()
	var running []*process
	for worker := range workers {
		ops, err := freeAddress(ctx)
		if err != nil {
			return f, err
		}
		p, err := b.launch(ctx, nil, b.binary, "ingest", "--config", file, "--secrets", b.path("secrets"), "--ops-listen",
			ops, "--workers", strconv.Itoa(workers), "--worker", strconv.Itoa(worker), "--run", run)
		if err != nil {
			return f, err
		}
		defer p.stop()
		running = append(running, p)
	}
	if f.peak, err = watch(ctx, running); err != nil {
		return f, err
	}
	var load nimsim.Load
	if err := ask(ctx, http.MethodGet, models+"/-/load", &load); err != nil {
		return f, err
	}
	f.chunks, f.rate = load.Texts, float64(load.Texts)/time.Since(started).Seconds()
	f.busy = load.Busy.Seconds() / load.Passed.Seconds()
	f.refused = float64(load.Refused) / float64(load.Requests+load.Refused)
	return f, nil
}

// watch waits until the processes have ended, and returns the most memory that one of them had, in MB.
func watch(ctx context.Context, running []*process) (peak float64, err error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for len(running) > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
		for _, p := range running {
			if now, err := p.memory("VmHWM"); err == nil { // it may just have ended
				peak = max(peak, now)
			}
			if p.ended() && p.err != nil {
				return 0, fmt.Errorf("%w\n%s", p.err, p.tail())
			}
		}
		running = slices.DeleteFunc(running, (*process).ended)
	}
	return peak, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// ask makes a request of the simulator's own, and reads its answer if into is not nil.
func ask(ctx context.Context, method, url string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}
