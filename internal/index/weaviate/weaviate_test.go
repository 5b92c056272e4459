package weaviate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/indextest"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

func server(t testing.TB) *weaviatetest.Server {
	t.Helper()
	weaviatetest.Need(t)
	s, err := weaviate.Shared()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var pipelines atomic.Int64

// newPipeline returns a pipeline that no other test uses.
func newPipeline() config.Pipeline {
	return config.Pipeline{Namespace: "test-ns", Name: fmt.Sprintf("p-%d", pipelines.Add(1))}
}

func key() (string, error) { return weaviatetest.Key, nil }

func options(s *weaviatetest.Server, p config.Pipeline) weaviate.Options {
	return weaviate.Options{
		Index: config.WeaviateIndex{URL: s.URL, GRPCURL: s.GRPCURL}, Pipeline: p, Generation: indextest.Generation, Key: key,
	}
}

func open(t testing.TB, o weaviate.Options) *weaviate.Store {
	t.Helper()
	s, err := weaviate.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestContract(t *testing.T) {
	s := server(t)
	indextest.Run(t, func(t *testing.T) indextest.Storage {
		o := options(s, newPipeline())
		return func(t *testing.T, g config.Generation) index.Store {
			t.Helper()
			o.Generation = g
			store, err := weaviate.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			return store
		}
	})
}

// TestTLSIsVerified runs itself in a process of its own, because a process reads the system's roots
// once.
func TestTLSIsVerified(t *testing.T) {
	if urls := os.Getenv("RAGPIPELINE_TEST_TLS"); urls != "" {
		overTLS(t, urls)
		return
	}
	server := weaviatetest.Start(t, weaviatetest.Options{TLS: true})
	for name, roots := range map[string]string{"trusted": server.Roots, "unknown": os.DevNull} {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTLSIsVerified$", "-test.v")
		again.Env = append(os.Environ(), "RAGPIPELINE_TEST_TLS="+name+" "+server.URL+" "+server.GRPCURL,
			"SSL_CERT_FILE="+roots, "SSL_CERT_DIR="+os.DevNull)
		if out, err := again.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("with the certificate %s: %v\n%s", name, err, out)
		}
	}
}

func overTLS(t *testing.T, urls string) {
	part := strings.Fields(urls)
	o := weaviate.Options{Index: config.WeaviateIndex{URL: part[1], GRPCURL: part[2]}, Pipeline: newPipeline(), Key: key}
	if part[0] == "trusted" {
		mustPut(t, open(t, o), "docs/a.md")
		return
	}
	o.ReadOnly = true
	_, err := open(t, o).Stats(t.Context())
	if !errors.Is(err, index.ErrUnreachable) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that no authority signed gave %v", err)
	}
}

// TestADocumentMayHaveMoreChunksThanWeaviateReturnsAtOnce exceeds the 10,000 objects of one search
// or deletion.
func TestADocumentMayHaveMoreChunksThanWeaviateReturnsAtOnce(t *testing.T) {
	s := open(t, options(server(t), newPipeline()))
	row, chunks := indextest.NewCorpus(1, 2).Document("docs/large.md", 10_500, 1)
	bare := make([]index.Vectored, len(chunks))
	for i, c := range chunks {
		bare[i] = index.Vectored{Chunk: c.Chunk}
		bare[i].Page = 7
	}
	for part := range 5 {
		if err := s.Stage(t.Context(), row.Document, chunks[part*2100:(part+1)*2100]); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Put(t.Context(), row, bare); err != nil {
		t.Fatal(err)
	}
	known, err := s.Known(t.Context(), row.Document)
	if err != nil || len(known) != len(chunks) {
		t.Fatalf("%d chunks are known, %v; want %d", len(known), err, len(chunks))
	}
	few, fewChunks := row, chunks[:2]
	few.Chunks = 2
	if err := s.Put(t.Context(), few, fewChunks); err != nil {
		t.Fatal(err)
	}
	if stats := statsOf(t, s); stats.Chunks != 2 || stats.Documents != 1 {
		t.Errorf("it holds %+v after all but two chunks were deleted", stats)
	}
	if n, err := s.Remove(t.Context(), []string{row.Document}); n != 1 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
}

// An earlier version's ledger has no property "revision" or "access"; a gateway may read it before an ingestion opens it.
func TestAnOlderLedgerIsBroughtUpToDate(t *testing.T) {
	o := options(server(t), newPipeline())
	mustPut(t, open(t, o), "docs/a.md")
	ledger := "/v1/schema/" + collections(o)[1]
	var class map[string]any
	if err := json.Unmarshal([]byte(rest(t, o, http.MethodGet, ledger, "")), &class); err != nil {
		t.Fatal(err)
	}
	class["properties"] = slices.DeleteFunc(class["properties"].([]any), func(p any) bool {
		return p.(map[string]any)["name"] == "revision" || p.(map[string]any)["name"] == "access"
	})
	delete(class, "vectorConfig")
	older, err := json.Marshal(class)
	if err != nil {
		t.Fatal(err)
	}
	rest(t, o, http.MethodDelete, ledger, "")
	rest(t, o, http.MethodPost, "/v1/schema", string(older))

	reader := o
	reader.ReadOnly = true
	if _, err := open(t, reader).Documents(t.Context(), "", 10); err != nil {
		t.Errorf("a gateway cannot read it: %v", err)
	}
	for _, who := range []index.Audience{{}, {Groups: []string{"hr"}}, {Enforced: true}, {Groups: []string{"hr"}, Enforced: true}} {
		if _, err := open(t, reader).Seen(t.Context(), who, "", 10); err != nil {
			t.Errorf("a gateway cannot read it for %v: %v", who, err)
		}
		if _, err := open(t, reader).Count(t.Context(), who); err != nil {
			t.Errorf("a gateway cannot count it for %v: %v", who, err)
		}
	}
	mustPut(t, open(t, o), "docs/a.md")
	if rows, err := open(t, reader).Documents(t.Context(), "", 10); err != nil || len(rows) != 1 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

var weaviateEpoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// collections are the names of the generation's collections on the server.
func collections(o weaviate.Options) []string {
	stem := "Test__ns_" + strings.ReplaceAll(o.Pipeline.Name, "-", "__") + "_" + o.Generation.Fingerprint()
	return []string{stem + "_Chunks", stem + "_Ledger"}
}

// A gateway's key answers every question about the index, and changes nothing of it, over neither protocol.
func TestTheReadingKeyReadsAndChangesNothing(t *testing.T) {
	o := options(server(t), newPipeline())
	mustPut(t, open(t, o), "docs/a.md")
	o.Key = func() (string, error) { return weaviatetest.ReadingKey, nil }
	reading := o
	reading.ReadOnly = true
	reader := open(t, reading)
	row, err := reader.Row(t.Context(), "docs/a.md")
	if err != nil || row == nil {
		t.Fatalf("the row is %v, %v", row, err)
	}
	if _, err := reader.Keyword(t.Context(), "words of a question", 5, nil); err != nil {
		t.Errorf("a search: %v", err)
	}
	if err := reader.PutRow(t.Context(), *row); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("a row was written: %v", err)
	}
	if _, err := reader.Remove(t.Context(), []string{"docs/a.md"}); err == nil || !strings.Contains(err.Error(), "forbidden") {
		t.Errorf("a document was removed: %v", err)
	}
	for _, collection := range collections(o) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, o.Index.URL+"/v1/schema/"+collection, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+weaviatetest.ReadingKey)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("delete %s: %s", collection, response.Status)
		}
	}
	if rows, err := reader.Documents(t.Context(), "", 10); err != nil || len(rows) != 1 {
		t.Errorf("%d rows are left, %v", len(rows), err)
	}
}

// rest calls the server's REST API and returns the body of its answer.
func rest(t *testing.T, o weaviate.Options, method, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, o.Index.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+weaviatetest.Key)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s, %s, %v", method, path, response.Status, b, err)
	}
	return string(b)
}
