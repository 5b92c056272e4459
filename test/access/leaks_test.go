// Package access_test shows that no caller learns of a document that they may not see: 1,000 documents with random
// groups, 50 callers with random groups, every route, on both homes of the index.
package access_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
	"github.com/ragpipeline/ragpipeline/internal/keys"
	"github.com/ragpipeline/ragpipeline/internal/lexical"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

const (
	documents  = 1000
	callers    = 50
	dimensions = 32
)

var (
	pipeline   = config.Pipeline{Namespace: "test", Name: "access"}
	generation = config.Generation{Embedding: config.EmbeddingSpace{Model: "test"},
		Chunking: config.Chunking{Size: 800, Unit: config.Characters}, Analyser: config.AnalyserVersion}
	allGroups = []string{"hr", "it", "board", "people operations", "Legal", "legal", "é", "ops=1;", "a,b"}
	// mark is in the identity, the title, the text and the metadata of one document, and nowhere else.
	mark = regexp.MustCompile(`mark\d{4}`)
)

// allCallers names the variable that has every caller ask a Weaviate, too, which takes minutes.
const allCallers = "RAGPIPELINE_ALL_CALLERS"

func TestNoCallerLearnsOfADocumentThatTheyMayNotSee(t *testing.T) {
	t.Run("local", func(t *testing.T) {
		store, err := local.Open(t.Context(), local.Options{Directory: t.TempDir(), Pipeline: pipeline, Generation: generation})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		noLeak(t, store, callers)
	})
	t.Run("Weaviate", func(t *testing.T) {
		s := weaviatetest.Start(t, weaviatetest.Options{})
		store, err := weaviate.Open(t.Context(), weaviate.Options{Pipeline: pipeline, Generation: generation,
			Index: config.WeaviateIndex{URL: s.URL, GRPCURL: s.GRPCURL},
			Key:   func() (string, error) { return weaviatetest.Key, nil }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		some := 6 // one for each way of asking
		if os.Getenv(allCallers) != "" {
			some = callers
		}
		noLeak(t, store, some)
	})
}

// world is what the index holds, and who asks.
type world struct {
	access  map[string]config.Access // by mark
	failed  map[string]bool
	ids     map[string]string // identities by mark
	clients keys.Clients
}

func noLeak(t *testing.T, store index.Store, asking int) {
	w := fill(t, store)
	for i, mode := range []config.Mode{config.Hybrid, config.Vector, config.Keyword} {
		for j, access := range []config.AccessMode{config.AccessOpen, config.AccessEnforced} {
			g := w.gateway(store, mode, access)
			for n := range asking {
				if n%6 == 2*i+j { // each way of asking has one caller of six
					w.ask(t, g, fmt.Sprintf("caller%02d", n), access)
				}
			}
		}
	}
}

// randomGroups are some of all groups.
func randomGroups(random *rand.Rand, most int) []string {
	groups := []string{}
	for range random.IntN(most + 1) {
		groups = append(groups, allGroups[random.IntN(len(allGroups))])
	}
	return groups
}

func fill(t *testing.T, store index.Store) *world {
	random := rand.New(rand.NewPCG(11, 28))
	w := &world{access: map[string]config.Access{}, failed: map[string]bool{}, ids: map[string]string{},
		clients: keys.Clients{}}
	var writers errgroup.Group
	writers.SetLimit(8)
	for n := range documents {
		m := fmt.Sprintf("mark%04d", n)
		w.ids[m], w.failed[m] = fmt.Sprintf("docs/%s folder/%[1]s.md", m), n%20 == 7
		if random.IntN(4) > 0 {
			w.access[m] = config.Access(nil).Narrow(randomGroups(random, 3))
		}
		metadata := config.Metadata{"mark": config.Text(m), "year": config.Number(float64(2000 + n%20)),
			"draft": config.Boolean(n%3 == 0)}.WithAccess(w.access[m])
		if n < 20 {
			metadata["of "+m] = config.Number(1) // each key costs Weaviate a property
		}
		row := index.Row{Document: w.ids[m], Source: "docs", Title: "Title of " + m, State: index.Indexed, Chunks: 1,
			Metadata: metadata, Updated: time.Unix(1e9, 0), Hash: m}
		text := fmt.Sprintf("The pump %s has the pressure %d and the word%d.", m, n, random.IntN(50))
		c := index.Chunk{ID: uuid.NewSHA1(uuid.NameSpaceURL, []byte(m)).String(), Document: row.Document, Source: "docs",
			Title: row.Title, Text: text, End: len(text), Metadata: metadata}
		chunks := []index.Vectored{{Chunk: c, Vector: lexical.Embed(text, dimensions)}}
		if w.failed[m] {
			row.State, row.Chunks, row.Reason, row.Message = index.Failed, 0, config.Malformed, "broken "+m
			row.Metadata, chunks = config.Metadata{}.WithAccess(w.access[m]), nil
		}
		writers.Go(func() error { return store.Put(t.Context(), row, chunks) })
	}
	if err := writers.Wait(); err != nil {
		t.Fatal(err)
	}
	for n := range callers {
		name := fmt.Sprintf("caller%02d", n)
		w.clients[name] = keys.Client{Token: name, Groups: randomGroups(random, 4)}
	}
	losses := config.Losses{Reasons: map[config.Reason]int{config.Malformed: 50}, Warned: 1,
		WarnedDocuments: []config.WarnedDocument{{Document: w.ids["mark0001"], Warnings: config.Warnings{
			{Reason: config.MetadataConflict, Count: 1, Places: []string{"year is a text, a number in " + w.ids["mark0002"]}}}}}}
	if err := store.Complete(t.Context(), time.Unix(1e9, 0), losses); err != nil {
		t.Fatal(err)
	}
	return w
}

// models are an embedding model, a reranker and an LLM that repeats its prompt.
type models struct{}

func (models) Query(_ context.Context, text string) ([]float32, error) {
	return lexical.Embed(text, dimensions), nil
}

func (models) Rank(_ context.Context, _ string, passages []string) ([]model.Ranked, error) {
	ranked := make([]model.Ranked, len(passages))
	for i := range passages {
		ranked[i] = model.Ranked{Index: i, Score: -float64(i)}
	}
	return ranked, nil
}

func (models) Complete(_ context.Context, r model.ChatRequest) (*model.Completion, error) {
	return &model.Completion{Content: r.Messages[len(r.Messages)-1].Content}, nil
}

func (m models) Stream(ctx context.Context, r model.ChatRequest, delta model.Delta) (*model.Completion, error) {
	c, err := m.Complete(ctx, r)
	if err == nil {
		err = delta(c.Content)
	}
	return c, err
}

func (w *world) gateway(store index.Store, mode config.Mode, access config.AccessMode) http.Handler {
	named := config.Model{Name: "m", Protocol: config.NIM}
	c := config.Gateway{Pipeline: pipeline, Generation: generation, Access: access,
		Models:    config.Models{Embedding: named, Reranking: &named, LLM: &config.LLM{Model: named, ContextWindow: 1 << 20}},
		Retrieval: config.Retrieval{Mode: mode, K: 45, TopN: 25, Alpha: 0.5}, Answer: config.Answer{MaxTokens: 100}}
	service := query.New(query.Options{Config: c, Index: store, Embedder: models{}, Ranker: models{}, Chat: models{}})
	return gateway.New(gateway.Options{Config: c, Query: service, Index: store,
		Keys: func() (keys.Clients, error) { return w.clients, nil }}).Handler()
}

// visible are the marks of the documents that the caller may see, naively.
func (w *world) visible(name string, mode config.AccessMode) map[string]bool {
	marks := map[string]bool{}
	for m := range w.ids {
		groups, listed := w.access[m]
		for _, group := range groups {
			marks[m] = marks[m] || slices.Contains(w.clients[name].Groups, group)
		}
		if !listed && mode == config.AccessOpen {
			marks[m] = true
		}
	}
	return marks
}

// ask asks in every way. No reply may have the mark of a document that the caller may not see, but for one that repeats
// what the caller sent.
func (w *world) ask(t *testing.T, g http.Handler, name string, mode config.AccessMode) {
	seen := w.visible(name, mode)
	call := func(method, path, body string, status int) string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+name)
		r.Header.Set("X-Request-Id", "same")
		r.Header.Set("Accept", "application/json, text/event-stream")
		r.Header.Set("Content-Type", "application/json")
		got := httptest.NewRecorder()
		g.ServeHTTP(got, r)
		if got.Code != status {
			t.Fatalf("%s: %s %s: status %d: %.300s", name, method, path, got.Code, got.Body)
		}
		for _, m := range mark.FindAllString(got.Body.String(), -1) {
			if !seen[m] && !strings.Contains(path+body, m) {
				t.Fatalf("%s (%v) learns of %s (%v) by %s %s %s:\n%.600s", name, w.clients[name].Groups, m, w.access[m],
					method, path, body, got.Body)
			}
		}
		return got.Body.String()
	}
	w.askQuestions(t, call, seen)
	w.readLedger(t, call, seen)
	w.openEach(t, call, seen)
}

type caller func(method, path, body string, status int) string

func (w *world) askQuestions(t *testing.T, call caller, seen map[string]bool) {
	hidden := ""
	for _, m := range slices.Sorted(maps.Keys(w.ids)) {
		if !seen[m] && !w.failed[m] {
			hidden = m
			break
		}
	}
	found := 0
	for _, filter := range []string{`null`, `{"year": {"$gte": 2010}}`, `{"draft": {"$ne": true}}`,
		`{"$or": [{"draft": true}, {"year": 2001}]}`, `{"source": "docs"}`, `{"of ` + hidden + `": {"$exists": true}}`,
		`{"document": "` + w.ids[hidden] + `"}`} {
		const question = "Which pump has the pressure and word7?"
		body := call("POST", "/v1/search", `{"query": "`+question+`", "vdb_top_k": 400, "filter": `+filter+`}`, 200)
		found += strings.Count(body, `"document_id"`)
		call("POST", "/v1/search", `{"query": "`+question+`", "explain": true, "filter": `+filter+`}`, 200)
		user := `{"role": "user", "content": "` + question + `"}`
		for _, stream := range []string{"false", "true"} {
			call("POST", "/v1/chat/completions", `{"stream": `+stream+`, "filter": `+filter+`, "messages": [`+user+`]}`, 200)
		}
		call("POST", "/v1/responses", `{"input": "`+question+`", "filter": `+filter+`}`, 200)
	}
	if found == 0 && slices.Contains(slices.Collect(maps.Values(seen)), true) {
		t.Error("no search found anything")
	}
	call("POST", "/v1/chat/completions", `{"messages": [{"role": "user", "content": "Which pumps are there?"},
		{"role": "assistant", "content": "Many."}, {"role": "user", "content": "Which has word9?"}]}`, 200)
	call("POST", "/v1/search", `{"query": "`+hidden+` pump", "filter": {"access": "hr"}}`, 400)
	call("POST", "/mcp", `{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params":
		{"name": "search", "arguments": {"query": "Which pump has word3?"}}}`, 200)
	if hidden == "" {
		return
	}
	explain := func(document string) string {
		body := call("POST", "/v1/search", `{"query": "pump", "explain": true, "document": "`+document+`"}`, 200)
		var reply struct {
			Explanation struct{ Document map[string]any }
		}
		if err := json.Unmarshal([]byte(body), &reply); err != nil || reply.Explanation.Document == nil {
			t.Fatalf("%v: %s", err, body)
		}
		delete(reply.Explanation.Document, "document_id")
		return fmt.Sprint(reply.Explanation.Document)
	}
	if diff := cmp.Diff(explain("docs/unknown"), explain(w.ids[hidden])); diff != "" {
		t.Errorf("an invisible document is explained unlike an unknown one (-unknown +invisible):\n%s", diff)
	}
}

// readLedger compares what is listed and counted with what is visible.
func (w *world) readLedger(t *testing.T, call caller, seen map[string]bool) {
	want, indexed := []string{}, 0
	for m := range seen {
		if seen[m] {
			want = append(want, w.ids[m])
			if !w.failed[m] {
				indexed++
			}
		}
	}
	slices.Sort(want)
	got := []string{}
	for after := ""; ; {
		var page gateway.DocumentPage
		body := call("GET", "/v1/documents?limit=300&after="+url.QueryEscape(after), "", 200)
		if err := json.Unmarshal([]byte(body), &page); err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Documents {
			got = append(got, d.DocumentID)
			if _, told := d.Metadata[config.KeyAccess]; told {
				t.Errorf("the groups of %s are shown", d.DocumentID)
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("documents that are listed (-visible +listed):\n%s", diff)
	}
	call("GET", "/v1/documents?state=Failed", "", 200)
	call("GET", "/v1/documents?warnings=true", "", 200)
	var state gateway.IndexState
	if err := json.Unmarshal([]byte(call("GET", "/v1/index", "", 200)), &state); err != nil {
		t.Fatal(err)
	}
	if state.Documents != indexed || state.Chunks != indexed || state.FailedDocuments != len(want)-indexed ||
		state.FailureReasons != nil || state.DocumentsWithWarnings != 0 || state.MemoryBytes != 0 {
		t.Errorf("counts %+v, want %d documents and %d failed", state, indexed, len(want)-indexed)
	}
}

// openEach opens some documents of each kind. An invisible one is like one that does not exist.
func (w *world) openEach(t *testing.T, call caller, seen map[string]bool) {
	opened := map[string]int{}
	for _, m := range slices.Sorted(maps.Keys(w.ids)) {
		kind := fmt.Sprint(seen[m], w.failed[m])
		if opened[kind]++; opened[kind] > 4 {
			continue
		}
		path := "/v1/documents/" + strings.ReplaceAll(w.ids[m], " ", "%20")
		for _, part := range []string{"", "/content", "/chunks"} {
			switch {
			case !seen[m]:
				unknown := call("GET", "/v1/documents/docs/unknown.md"+part, "", 404)
				if invisible := call("GET", path+part, "", 404); invisible != unknown {
					t.Errorf("an invisible document answers %s, an unknown one %s", invisible, unknown)
				}
			case !w.failed[m]:
				call("GET", path+part, "", 200)
			}
		}
	}
}
