package weaviate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/indextest"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

// readers are what a gateway asks of an index.
func readers(t *testing.T, s *weaviate.Store) map[string]func() error {
	return map[string]func() error{
		"Vector":         func() error { _, err := s.Vector(t.Context(), []float32{1, 0}, 1, nil); return err },
		"Keyword":        func() error { _, err := s.Keyword(t.Context(), "text", 1, nil); return err },
		"Keyword, empty": func() error { _, err := s.Keyword(t.Context(), "?", 1, nil); return err },
		"Chunks": func() error {
			_, err := s.Chunks(t.Context(), []string{"00000000-0000-5000-8000-000000000000"})
			return err
		},
		"Documents": func() error { _, err := s.Documents(t.Context(), "", 1); return err },
		"Failures":  func() error { _, err := s.Failures(t.Context(), 1); return err },
		"Stats":     func() error { _, err := s.Stats(t.Context()); return err },
	}
}

// fail checks that each call fails with want, nil for success, and tells no key.
func fail(t *testing.T, calls map[string]func() error, want error) {
	t.Helper()
	for name, call := range calls {
		if err := call(); !errors.Is(err, want) || strings.Contains(fmt.Sprint(err), weaviatetest.Key) {
			t.Errorf("%s gave %v, want %v", name, err, want)
		}
	}
}

func put(t *testing.T, s *weaviate.Store, name string) error {
	t.Helper()
	row, chunks := indextest.NewCorpus(1, 2).Document(name, 3, 5)
	return s.Put(t.Context(), row, chunks)
}

func mustPut(t *testing.T, s *weaviate.Store, name string) {
	t.Helper()
	if err := put(t, s, name); err != nil {
		t.Fatal(err)
	}
}

func TestAGatewayOpensAnIndexThatIsNotThereYet(t *testing.T) {
	o := options(server(t), newPipeline())
	away := o
	away.ReadOnly, away.Index.GRPCURL = true, "http://127.0.0.1:1"
	fail(t, readers(t, open(t, away)), index.ErrUnreachable)

	o.ReadOnly = true
	reader := open(t, o)
	fail(t, readers(t, reader), index.ErrNotBuilt)

	o.ReadOnly = false
	writer := open(t, o)
	fail(t, readers(t, reader), nil)
	mustPut(t, writer, "docs/a.md")
	if hits, err := reader.Vector(t.Context(), []float32{1, 0}, 10, nil); err != nil || len(hits) != 3 {
		t.Errorf("%d hits, %v; want 3", len(hits), err)
	}
	if err := writer.Complete(t.Context(), weaviateEpoch, config.Losses{}); err != nil {
		t.Fatal(err)
	}
	if s, err := reader.Stats(t.Context()); err != nil || !s.Completed.Equal(weaviateEpoch) {
		t.Errorf("completed %v, %v", s.Completed, err)
	}

	// Its collections vanish: another generation retires this one.
	o.Generation.Chunking.Size++
	if err := open(t, o).Retire(t.Context(), index.Retirement{}); err != nil {
		t.Fatal(err)
	}
	fail(t, readers(t, reader), index.ErrNotBuilt)
	if err := put(t, writer, "docs/b.md"); !errors.Is(err, index.ErrNotBuilt) {
		t.Errorf("a put gave %v", err)
	}
}

func TestTheKeyIsReadForEveryCall(t *testing.T) {
	o := options(server(t), newPipeline())
	open(t, o)
	var now atomic.Value
	o.Key = func() (string, error) {
		if k := now.Load().(string); k != "" {
			return k, nil
		}
		return "", errors.New(`key "token" of Secret "store" is missing`)
	}
	o.ReadOnly = true
	reader := open(t, o)
	for _, k := range []string{"a-wrong-key", "", weaviatetest.Key, "a-wrong-key", weaviatetest.Key} {
		now.Store(k)
		if k == weaviatetest.Key {
			fail(t, readers(t, reader), nil)
			continue
		}
		fail(t, readers(t, reader), index.ErrUnauthorized)
		writing := o
		writing.ReadOnly = false
		_, err := weaviate.Open(t.Context(), writing)
		if !errors.Is(err, index.ErrUnauthorized) || strings.Contains(err.Error(), "a-wrong-key") ||
			k == "" && !strings.Contains(err.Error(), "is missing") {
			t.Errorf("opening for writing gave %v", err)
		}
	}
	o.Key = nil
	fail(t, readers(t, open(t, o)), index.ErrUnauthorized)
}

func TestCollectionsOfOthersAreLeftAlone(t *testing.T) {
	mine, theirs := options(server(t), newPipeline()), options(server(t), newPipeline())
	mine.Index.Prefix, theirs.Index.Prefix = "Shared_prefix", "shared_prefix"
	s := open(t, theirs)
	mustPut(t, s, "docs/a.md")
	if _, err := weaviate.Open(t.Context(), mine); err == nil || !strings.Contains(err.Error(), "prefix") ||
		!strings.Contains(err.Error(), theirs.Pipeline.String()) {
		t.Errorf("a pipeline took the other's collections: %v", err)
	}
	mine.Generation.Chunking.Size++
	if err := open(t, mine).Retire(t.Context(), index.Retirement{}); err != nil {
		t.Fatal(err)
	}
	if stats := statsOf(t, s); stats.Chunks != 3 {
		t.Errorf("the other pipeline has %+v left", stats)
	}
}

func TestAFullStoreSaysSo(t *testing.T) {
	o := options(server(t), newPipeline())
	s := open(t, o)
	mustPut(t, s, "docs/a.md")
	setShards(t, o, "READONLY") // what Weaviate itself does when its disk fills up
	if err := put(t, s, "docs/b.md"); !errors.Is(err, index.ErrFull) {
		t.Errorf("a put gave %v", err)
	}
	if _, err := s.Remove(t.Context(), []string{"docs/a.md"}); !errors.Is(err, index.ErrFull) {
		t.Errorf("a removal gave %v", err)
	}
	if stats := statsOf(t, s); stats.Documents != 1 || stats.Chunks != 3 {
		t.Errorf("it holds %+v", stats)
	}
	setShards(t, o, "READY")
	mustPut(t, s, "docs/b.md")
}

// setShards changes the state of the generation's shards, by the API that an administrator has.
func setShards(t *testing.T, o weaviate.Options, state string) {
	t.Helper()
	for _, collection := range collections(o) {
		shards := rest(t, o, http.MethodGet, "/v1/schema/"+collection+"/shards", "")
		_, name, _ := strings.Cut(shards, `"name":"`)
		name, _, _ = strings.Cut(name, `"`)
		rest(t, o, http.MethodPut, "/v1/schema/"+collection+"/shards/"+name, `{"status": "`+state+`"}`)
	}
}

// reconnected waits until the store has found a Weaviate that is back: it tries every two seconds.
func reconnected(t *testing.T, s *weaviate.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := s.Stats(ctx)
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(err)
		}
	}
}

func TestAPutWaitsForAWeaviateThatRestarts(t *testing.T) {
	server := weaviatetest.Start(t, weaviatetest.Options{})
	o := options(server, config.Pipeline{Namespace: "crash", Name: "restart"})
	writer := open(t, o)
	o.ReadOnly = true
	reader := open(t, o)
	for i := range 20 {
		mustPut(t, writer, fmt.Sprintf("docs/%d.md", i))
	}
	before := statsOf(t, reader)
	server.Kill()
	fail(t, readers(t, reader), index.ErrUnreachable)

	done := make(chan error, 1)
	go func() { done <- put(t, writer, "docs/late.md") }()
	seen := map[string]int{}
	restarted := make(chan error, 1)
	go func() { restarted <- server.Restart() }()
	for running := true; running; {
		select {
		case err := <-restarted:
			if err != nil {
				t.Fatal(err)
			}
			running = false
		default:
			_, err := reader.Keyword(t.Context(), "text", 1, nil)
			switch {
			case errors.Is(err, index.ErrUnreachable):
				seen["unreachable"]++
			case err == nil:
				seen["answered"]++
			default:
				seen[err.Error()]++
			}
		}
	}
	delete(seen, "unreachable")
	delete(seen, "answered")
	if len(seen) > 0 {
		t.Errorf("while Weaviate starts, a search gave %v", seen)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	before.Documents++
	before.Chunks += 3
	reconnected(t, reader)
	if diff := cmp.Diff(before, statsOf(t, reader)); diff != "" {
		t.Errorf("it holds (-want +got):\n%s", diff)
	}
	fail(t, readers(t, reader), nil)
}
