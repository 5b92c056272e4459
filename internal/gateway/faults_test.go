package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

const (
	upstreamKey = "nvapi-must-not-leak"
	question    = "When does a pipeline switch to a new index?"
)

// dataPlane is what gateways on a local index and simulated NIMs share. They call both over HTTP,
// as in a pod.
type dataPlane struct {
	store *local.Store
}

// configure is the config of a gateway that asks a simulator.
func configure(sim *nimsim.Sim, policy config.Policy) config.Gateway {
	return config.Gateway{
		Pipeline: config.Pipeline{Namespace: "default", Name: "demo"},
		Generation: config.Generation{Embedding: config.EmbeddingSpace{Model: config.StandInEmbedding},
			Chunking: config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters}},
		Models: config.Models{
			Embedding: config.Model{URL: sim.URL + "/v1", Name: config.StandInEmbedding},
			Reranking: &config.Model{URL: sim.URL + "/v1", Name: config.StandInReranking},
			LLM:       &config.LLM{Model: config.Model{URL: sim.URL + "/v1", Name: config.StandInLLM}, ContextWindow: 8192},
		},
		Retrieval:     config.Retrieval{Mode: config.Hybrid, K: 8, TopN: 3, Alpha: .5},
		Answer:        config.Answer{MaxTokens: 256},
		FailurePolicy: config.FailurePolicy{Embedding: policy, Reranking: policy, LLM: policy},
	}
}

// newDataPlane indexes a few passages, with the simulator's own vectors.
func newDataPlane(t *testing.T) *dataPlane {
	t.Helper()
	c := configure(nimsim.Start(t, nimsim.Options{Key: upstreamKey}), config.Fail)
	o := local.Options{Directory: t.TempDir(), Pipeline: c.Pipeline, Generation: c.Generation}
	store, err := local.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	texts := []string{
		"A pipeline switches to a new index when every listed document is indexed or has failed by itself.",
		"The gateway answers from one generation, and is pinned to it until it is replaced.",
		"A document that cannot be read fails alone, with a reason, and the rest goes on.",
		"The embedding model makes a vector of each passage.",
		"Reranking puts the passages that answer best before the LLM.",
		"Secrets are mounted as files and read again when they change.",
	}
	embedder, _, _ := clients(t, c)
	vectors, err := embedder.Passages(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		document := fmt.Sprintf("docs/%d.md", i)
		chunk := index.Chunk{
			ID:       fmt.Sprintf("00000000-0000-5000-8000-%012d", i),
			Document: document,
			Source:   "docs",
			Title:    "Concepts",
			Text:     text,
			End:      len(text),
		}
		row := index.Row{Document: document, Source: "docs", Title: "Concepts", Chunks: 1, State: index.Indexed}
		if err := store.Put(t.Context(), row, []index.Vectored{{Chunk: chunk, Vector: vectors[i].Vector}}); err != nil {
			t.Fatal(err)
		}
	}
	return &dataPlane{store}
}

// clients are new ones, whose breakers know nothing of other cases.
func clients(t *testing.T, c config.Gateway) (*model.Embedder, *model.Ranker, *model.Chat) {
	pool := &http.Transport{}
	t.Cleanup(pool.CloseIdleConnections)
	key := func() (string, error) { return upstreamKey, nil }
	transport := model.Transport{HTTP: pool}
	return model.NewEmbedder(c.Models.Embedding, c.Generation.Embedding, key, transport),
		model.NewRanker(*c.Models.Reranking, key, transport), model.NewChat(*c.Models.LLM, key, transport)
}

// deadlines are long for stages without a fault, however busy the machine is, and short for the
// stage with the fault, so that a fault that hangs is noticed soon.
func deadlines(role config.Stage, fault nimsim.Fault) query.Deadlines {
	long, short := time.Minute, 400*time.Millisecond
	d := query.Deadlines{Embedding: long, Reranking: long, LLM: long}
	switch {
	case fault.Harmless:
	case fault.Streamed: // a plain answer is sound
		d.LLM = 5 * short
	case role == config.StageEmbedding:
		d.Embedding = short
	case role == config.StageReranking:
		d.Reranking = short
	case role == config.StageLLM:
		d.LLM = short
	}
	return d
}

// gateway serves with new clients, which have met the LLM; its log goes to the buffer.
func (d *dataPlane) gateway(t *testing.T, c config.Gateway, deadlines query.Deadlines, log io.Writer) *httptest.Server {
	t.Helper()
	embedder, ranker, chat := clients(t, c)
	if err := chat.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	service := query.New(query.Options{Config: c, Index: d.store, Embedder: embedder, Ranker: ranker, Chat: chat,
		Deadlines: deadlines})
	g := gateway.New(gateway.Options{
		Config: c, Query: service, Index: d.store, Embedder: embedder, Ranker: ranker,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	server := httptest.NewServer(g.Handler())
	t.Cleanup(server.Close)
	return server
}

// reply is what a caller is left with, from whichever kind of request.
type reply struct {
	status    int
	raw       string
	answer    string
	citations gateway.Citations
	warnings  []query.Warning
	failure   *gateway.Failure
	done      bool // a stream's [DONE], or a whole body
}

func (r *reply) documents() []string {
	var ids []string
	for _, c := range r.citations.Results {
		ids = append(ids, c.DocumentID)
	}
	return ids
}

func (r *reply) stages() []string {
	var stages []string
	for _, w := range r.warnings {
		stages = append(stages, string(w.Stage))
	}
	return stages
}

const (
	plain    = "plain"
	streamed = "streamed"
	search   = "search"
)

var kinds = []string{plain, streamed, search}

// ask sends the question as each of the kinds of request, all at once.
func ask(t *testing.T, server *httptest.Server) map[string]*reply {
	t.Helper()
	type answered struct {
		kind string
		*reply
		err error
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // who takes that long hangs
	defer cancel()
	answers := make(chan answered)
	for _, kind := range kinds {
		go func() {
			r, err := send(ctx, server, kind)
			answers <- answered{kind, r, err}
		}()
	}
	replies := map[string]*reply{}
	for range kinds {
		a := <-answers
		if a.err != nil {
			t.Errorf("%s: %v", a.kind, a.err)
			continue
		}
		replies[a.kind] = a.reply
	}
	return replies
}

func send(ctx context.Context, server *httptest.Server, kind string) (*reply, error) {
	const chat = `{"messages": [{"role": "user", "content": %q}], "stream": %v}`
	path, body := "/v1/chat/completions", fmt.Sprintf(chat, question, kind == streamed)
	if kind == search {
		path, body = "/v1/search", fmt.Sprintf(`{"query": %q}`, question)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	response, err := server.Client().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	r := &reply{status: response.StatusCode, raw: string(raw)}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return r, r.readStream()
	}
	return r, r.readWhole()
}

func (r *reply) readWhole() error {
	var failed gateway.ErrorBody
	var completion gateway.Completion
	var found gateway.SearchResponse
	for _, into := range []any{&failed, &completion, &found} {
		if err := json.Unmarshal([]byte(r.raw), into); err != nil {
			return fmt.Errorf("%w in %s", err, r.raw)
		}
	}
	r.done, r.failure = true, failed.Error
	r.citations, r.warnings = completion.Citations, completion.Warnings
	if found.Results != nil {
		r.citations = found.Citations
	}
	if len(completion.Choices) > 0 {
		r.answer = completion.Choices[0].Message.Content
	}
	return nil
}

func (r *reply) readStream() error {
	for event := range strings.SplitSeq(strings.TrimSpace(r.raw), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		switch {
		case !ok:
			continue
		case r.done || r.failure != nil:
			return fmt.Errorf("an event behind the end: %s", data)
		case data == "[DONE]":
			r.done = true
			continue
		}
		var chunk struct {
			gateway.Chunk
			Error *gateway.Failure `json:"error"`
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			return fmt.Errorf("%w in %s", err, data)
		}
		r.failure = chunk.Error
		r.warnings = append(r.warnings, chunk.Warnings...)
		if chunk.Citations != nil {
			r.citations = *chunk.Citations
		}
		for _, c := range chunk.Choices {
			if c.Delta.Content != nil {
				r.answer += *c.Delta.Content
			}
		}
	}
	return nil
}

// Every fault of the simulator, for each role, under each policy, for each kind of request, must
// lead to a typed error or a degraded reply, as the policy determines, and never to a hang, a wrong
// answer or a leaked key.
func TestEveryFaultOfEveryModel(t *testing.T) {
	d := newDataPlane(t)
	sound := configure(nimsim.Start(t, nimsim.Options{Key: upstreamKey}), config.Fail)
	good := ask(t, d.gateway(t, sound, query.Deadlines{}, io.Discard))
	for kind, r := range good {
		if r.status != 200 || !r.done || len(r.warnings) > 0 || len(r.citations.Results) != 3 {
			t.Fatalf("%s without a fault: %+v", kind, r)
		}
	}
	if len(good) != len(kinds) || good[plain].answer == "" || good[plain].answer != good[streamed].answer {
		t.Fatalf("answers without a fault differ: %+v", good)
	}
	for _, role := range []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM} {
		for _, fault := range nimsim.For(role) {
			t.Run(string(role)+" "+fault.Name, func(t *testing.T) {
				t.Parallel()
				sim := nimsim.Start(t, nimsim.Options{Key: upstreamKey})
				if fault.Harmless {
					sim.Fault(role, fault) // it is how this model always answers
				}
				policies := []config.Policy{config.Fail, config.Degrade}
				logs := make([]bytes.Buffer, len(policies))
				servers := make([]*httptest.Server, len(policies))
				for i, policy := range policies {
					servers[i] = d.gateway(t, configure(sim, policy), deadlines(role, fault), &logs[i])
				}
				sim.Fault(role, fault)
				var both sync.WaitGroup // most of the time is waiting
				for i, policy := range policies {
					both.Go(func() {
						server, log := servers[i], &logs[i]
						replies := ask(t, server)
						server.Close() // and with it the log
						for kind, got := range replies {
							hit := (role != config.StageLLM || kind != search) && (!fault.Streamed || kind == streamed)
							check(t, role, policy, kind, hit && !fault.Harmless, good[kind], got)
							keepsSecrets(t, got.raw)
						}
						keepsSecrets(t, log.String())
						if strings.Contains(log.String(), question) {
							t.Errorf("the question is in the log: %s", log.String())
						}
					})
				}
				both.Wait()
				if away := sim.Away(); len(away) > 0 {
					t.Errorf("%d requests followed a redirect to another host", len(away))
				}
			})
		}
	}
}

func keepsSecrets(t *testing.T, text string) {
	t.Helper()
	for _, secret := range []string{upstreamKey, nimsim.Reasoning} {
		if strings.Contains(text, secret) {
			t.Errorf("%q leaked: %s", secret, text)
		}
	}
}

// check compares a reply with what the policy determines for a role that is down, or with the sound
// reply.
func check(t *testing.T, role config.Stage, policy config.Policy, kind string, down bool, good, got *reply) {
	t.Helper()
	began := kind == streamed && got.status == 200
	switch {
	case !down:
		if got.status != 200 || !got.done || got.failure != nil || len(got.warnings) > 0 || got.answer != good.answer {
			t.Errorf("%s %s: the fault is none, but the reply is %s", policy, kind, got.raw)
		}
		if diff := cmp.Diff(good.documents(), got.documents()); diff != "" {
			t.Errorf("%s %s: other passages (-want +got):\n%s", policy, kind, diff)
		}
	case got.failure != nil:
		afterFirstWord := role == config.StageLLM && began && got.answer != ""
		if policy == config.Degrade && !afterFirstWord {
			t.Errorf("%s %s: the policy says Degrade, but the reply is %s", policy, kind, got.raw)
		}
		if got.status == 200 && (!began || got.done) {
			t.Errorf("%s %s: an error with status 200: %s", policy, kind, got.raw)
		}
		f := got.failure
		typed := strings.HasPrefix(f.Code, "Model") || f.Code == string(config.InputTooLong) ||
			f.Code == string(config.DimensionMismatch)
		if f.Object != "error" || !typed {
			t.Errorf("%s %s: the error has no type: %+v", policy, kind, f)
		}
	default:
		if policy != config.Degrade {
			t.Errorf("%s %s: the policy says Fail, but the reply is %s", policy, kind, got.raw)
		}
		if got.status != 200 || !got.done || !slices.Equal(got.stages(), []string{string(role)}) ||
			len(got.documents()) == 0 || got.documents()[0] != good.documents()[0] {
			t.Errorf("%s %s: no degraded reply with a warning of %s: %s", policy, kind, role, got.raw)
		}
		if role == config.StageLLM && !strings.Contains(got.answer, "[1] Concepts: ") {
			t.Errorf("%s %s: the degraded answer is %q", policy, kind, got.answer)
		}
	}
}
