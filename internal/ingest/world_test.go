package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/source"
	"github.com/ragpipeline/ragpipeline/internal/split"
	"github.com/ragpipeline/ragpipeline/internal/standin"
)

// world is a pipeline's surroundings: directories of documents, a local index that is opened for every run as
// a new process would, and the stand-in embedder behind HTTP, which counts.
type world struct {
	t       testing.TB
	server  *embeddingServer
	config  config.Ingest
	options Options // what a test sets beside the parts
	// searcher makes what verifies a new generation from the local index; nil leaves that out.
	searcher func(index.Searcher) index.Searcher
	// index wraps the local index when set.
	wrap func(Index) Index
}

// newWorld makes a world of one source, "docs".
func newWorld(t testing.TB) *world {
	w := &world{t: t, server: newEmbeddingServer(t)}
	w.config = testConfig(w.server.URL, t.TempDir(), t.TempDir())
	return w
}

func testConfig(url, docs, data string) config.Ingest {
	return config.Ingest{
		Version:  config.Version,
		Pipeline: config.Pipeline{Namespace: "default", Name: "test"},
		Generation: config.Generation{
			Embedding:    config.EmbeddingSpace{Model: config.StandInEmbedding, Dimensions: 64},
			Chunking:     config.Chunking{Size: 80, Overlap: 20, Unit: config.Characters},
			Analyser:     config.AnalyserVersion,
			EmbeddedText: config.EmbeddedTextVersion,
		},
		Sources:   []config.Source{{Name: "docs", Directory: &config.Directory{Path: docs}}},
		Embedding: config.Model{URL: url + "/v1", Name: config.StandInEmbedding},
		Index:     config.Index{Local: &config.LocalIndex{Directory: data}},
	}
}

// docs is the first source's directory.
func (w *world) docs() string { return w.config.Sources[0].Directory.Path }

// add adds a source with its own directory, and returns the latter.
func (w *world) add(name string) string {
	dir := w.t.TempDir()
	w.config.Sources = append(w.config.Sources, config.Source{Name: name, Directory: &config.Directory{Path: dir}})
	return dir
}

// write writes a document into the first source.
func (w *world) write(name, text string) {
	w.t.Helper()
	writeFile(w.t, filepath.Join(w.docs(), name), text)
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run ingests once. The server's count begins anew.
func (w *world) run() (*Report, error) {
	w.t.Helper()
	return w.runContext(w.t.Context())
}

func (w *world) runContext(ctx context.Context) (*Report, error) {
	w.t.Helper()
	w.server.reset()
	store := w.open()
	defer store.Close()
	o, err := parts(w.config, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	o.Index = store
	if w.searcher != nil {
		o.Searcher = w.searcher(store)
		o.Query = model.NewEmbedder(w.config.Embedding, w.config.Generation.Embedding, nil, model.Transport{}).Query
	}
	if w.wrap != nil {
		o.Index = w.wrap(store)
	}
	return Run(ctx, o)
}

// mustRun ingests once, with success.
func (w *world) mustRun() *Report {
	w.t.Helper()
	report, err := w.run()
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func (w *world) open() *local.Store {
	w.t.Helper()
	store, err := openStore(w.t.Context(), w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	return store
}

func openStore(ctx context.Context, c config.Ingest) (*local.Store, error) {
	return local.Open(ctx, local.Options{Directory: c.Index.Local.Directory, Pipeline: c.Pipeline, Generation: c.Generation})
}

// parts fills o with the real parts that c asks for, but for the index and the sources that it has.
func parts(c config.Ingest, o Options) (Options, error) {
	o.Config = c
	for _, s := range c.Sources[len(o.Sources):] {
		from, err := source.New(s, source.Resolvers{})
		if err != nil {
			return o, err
		}
		o.Sources = append(o.Sources, from)
	}
	splitter, err := split.New(c.Generation.Chunking)
	if err != nil {
		return o, err
	}
	o.Splitter = splitter
	if o.Extractor == nil {
		o.Extractor = extract.New(extract.Options{}) // nothing is started, so nothing needs closing, without a PDF
	}
	if o.Embedder == nil {
		o.Embedder = model.NewEmbedder(c.Embedding, c.Generation.Embedding, nil, model.Transport{})
	}
	return o, nil
}

// rows is the ledger, its times left out, and with them the versions of files.
func (w *world) rows() []index.Row {
	w.t.Helper()
	store := w.open()
	defer store.Close()
	rows, err := store.Documents(w.t.Context(), "", 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range rows {
		rows[i].Updated, rows[i].Version = time.Time{}, ""
	}
	return rows
}

func (w *world) stats() index.Stats {
	w.t.Helper()
	store := w.open()
	defer store.Close()
	stats, err := store.Stats(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return stats
}

// states is the ledger in short: document -> Indexed, or the reason of its failure.
func (w *world) states() map[string]string {
	w.t.Helper()
	states := map[string]string{}
	for _, row := range w.rows() {
		states[row.Document] = string(row.State)
		if row.State == index.Failed {
			states[row.Document] = string(row.Reason)
		}
	}
	return states
}

// chunks are all chunks of the index, in order of document and place.
func (w *world) chunks() []index.Chunk {
	w.t.Helper()
	rows := w.rows()
	store := w.open()
	defer store.Close()
	var all []index.Chunk
	for _, row := range rows {
		known, err := store.Known(w.t.Context(), row.Document)
		if err != nil {
			w.t.Fatal(err)
		}
		var ids []string
		for id := range known {
			ids = append(ids, id)
		}
		chunks, err := store.Chunks(w.t.Context(), ids)
		if err != nil {
			w.t.Fatal(err)
		}
		slices.SortFunc(chunks, func(a, b index.Chunk) int {
			return slices.Compare([]int{a.Page, a.Start}, []int{b.Page, b.Start})
		})
		all = append(all, chunks...)
	}
	return all
}

// embeddingServer is the stand-in with a count of the passages that it embedded.
type embeddingServer struct {
	*httptest.Server
	// fault may answer a request itself: it returns a status other than 0. It is called before the texts count.
	fault func(texts []string) (status int, body string)

	mu       sync.Mutex
	requests int
	texts    map[string]int // how often each was embedded
}

func newEmbeddingServer(t testing.TB) *embeddingServer {
	s := &embeddingServer{texts: map[string]int{}}
	handler := standin.NewHandler(standin.Options{})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client left
		}
		var request struct {
			Input []string `json:"input"`
		}
		if err := json.Unmarshal(body, &request); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if s.fault != nil {
			if status, message := s.fault(request.Input); status != 0 {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				fmt.Fprintf(w, `{"error": %q}`, message)
				return
			}
		}
		s.count(request.Input)
		r.Body = io.NopCloser(bytes.NewReader(body))
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *embeddingServer) count(texts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	for _, text := range texts {
		s.texts[text]++
	}
}

func (s *embeddingServer) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = 0
	clear(s.texts)
}

// embedded are the texts that were embedded since the count began, sorted.
func (s *embeddingServer) embedded() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for text, n := range s.texts {
		for range n {
			texts = append(texts, text)
		}
	}
	slices.Sort(texts)
	return texts
}

// titles are the files whose texts were embedded, each once, sorted.
func (s *embeddingServer) titles() []string {
	var titles []string
	for _, text := range s.embedded() {
		title, _, _ := strings.Cut(text, "\n")
		titles = append(titles, title)
	}
	return slices.Compact(titles)
}
