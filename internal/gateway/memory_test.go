package gateway

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/model"
)

func TestValuesAreCounted(t *testing.T) {
	for body, want := range map[string]int64{
		``:                             0,
		`{"a": 1}`:                     1,
		`["a,[{", "\",\\", "b"]`:       3,
		`{"a": [{}, [], 1, "x"]}`:      7,
		`["an end that is missing, \"`: 1,
		`["an end that is missing, \`:  1,
	} {
		if got := values([]byte(body)); got != want {
			t.Errorf("%s has %d values, want %d", body, got, want)
		}
	}
}

// A body of many small values takes more memory than its bytes, on whichever route.
func TestManySmallValuesAreRefused(t *testing.T) {
	f := newFixture()
	g := f.gateway()
	for route, tc := range map[string]struct{ head, value, tail string }{
		embedRoute:           {`{"input": [""`, `,""`, `]}`},
		embedRoute + "?ids":  {`{"input": [[1]`, `,[1]`, `]}`},
		"/v1/ranking":        {`{"query": {"text": "q"}, "passages": [{}`, `,{}`, `]}`},
		rerankRoute:          {`{"query": "q", "documents": [""`, `,""`, `]}`},
		chatRoute:            {`{"messages": [{}`, `,{}`, `]}`},
		chatRoute + "?tools": {`{"tools": [{}`, `,{}`, `], "messages": [{"role": "user", "content": "q"}]}`},
	} {
		limit := maxTextsBody
		if strings.HasPrefix(route, chatRoute) {
			limit = maxQuestionBody
		}
		body := tc.head + strings.Repeat(tc.value, (limit-100)/len(tc.value)) + tc.tail
		got := call(g, http.MethodPost, route, body)
		if told := failureIn(t, got.Body); got.Code != 413 || told.Code != "TooLarge" {
			t.Errorf("%s: status %d, %+v", route, got.Code, told)
		}
	}
	for kind, a := range map[string]*admission{"answers": g.answers, "searches": g.searches, "texts": g.texts} {
		if !a.bodies.TryAcquire(bodiesBytes) {
			t.Errorf("%s: memory was not freed", kind)
		}
	}
}

func TestTokenIDsOfTooMuchTextAreRefused(t *testing.T) {
	longest := 0
	for id := range 100_000 {
		if text, err := cl100k().Decode([]uint{uint(id)}); err == nil {
			if before, _ := cl100k().Decode([]uint{uint(longest)}); len(text) > len(before) {
				longest = id
			}
		}
	}
	text, _ := cl100k().Decode([]uint{uint(longest)})
	ids := strings.Repeat(", "+strconv.Itoa(longest), maxTextsBody/len(text)+1)[2:]
	f := newFixture()
	got := f.call(http.MethodPost, embedRoute, `{"input": [`+ids+`]}`)
	if told := failureIn(t, got.Body); got.Code != 400 || told.Param != "input" {
		t.Errorf("status %d, %+v", got.Code, told)
	}
}

// heldEmbedder embeds once it is let.
type heldEmbedder struct {
	fakeEmbedder
	entered, let chan struct{}
}

func (h *heldEmbedder) Embed(ctx context.Context, r model.EmbedRequest) ([][]float32, *model.Usage, error) {
	h.entered <- struct{}{}
	<-h.let
	return (&fakeEmbedder{}).Embed(ctx, r)
}

// The vectors of many short texts take more memory than their bodies.
func TestVectorsInFlightAreBounded(t *testing.T) {
	f := newFixture()
	held := &heldEmbedder{entered: make(chan struct{}), let: make(chan struct{})}
	f.options.Embedder = held
	g := f.gateway()
	g.vectorsWait = 0
	many := `{"input": ["a"` + strings.Repeat(`,"a"`, maxInputs-1) + `]}`
	codes := make(chan int)
	ask := func(body string) {
		go func() { codes <- call(g, http.MethodPost, embedRoute, body).Code }()
	}
	const most = manyTexts / maxInputs
	for range most {
		ask(many)
		<-held.entered
	}
	if got := call(g, http.MethodPost, embedRoute, many); got.Code != 429 {
		t.Errorf("status %d beyond the bound", got.Code)
	}
	ask(`{"input": "a"}`)
	<-held.entered // a few are served meanwhile
	close(held.let)
	for range most + 1 {
		if code := <-codes; code != 200 {
			t.Errorf("status %d", code)
		}
	}
	if !g.vectors.TryAcquire(manyTexts) {
		t.Error("memory was not freed")
	}
}

// heldRanker ranks once it is let.
type heldRanker struct {
	Ranker
	entered, let chan struct{}
}

func (h *heldRanker) Rank(ctx context.Context, question string, texts []string) ([]model.Ranked, error) {
	h.entered <- struct{}{}
	<-h.let
	return h.Ranker.Rank(ctx, question, texts)
}

// Documents that a reply repeats take memory twice.
func TestDocumentsThatAreReturnedAreBounded(t *testing.T) {
	f := newFixture()
	held := &heldRanker{Ranker: f.ranker, entered: make(chan struct{}), let: make(chan struct{})}
	f.options.Ranker = held
	g := f.gateway()
	body := `{"query": "q", "return_documents": true, "documents": ["` + strings.Repeat("a", maxTextsBody-100) + `"]}`
	codes := make(chan int)
	ask := func() {
		go func() { codes <- call(g, http.MethodPost, rerankRoute, body).Code }()
	}
	const most = bodiesBytes / maxTextsBody / 2
	for range most {
		ask()
		<-held.entered
	}
	if got := call(g, http.MethodPost, rerankRoute, body); got.Code != 429 {
		t.Errorf("status %d beyond the bound", got.Code)
	}
	close(held.let)
	for range most {
		if code := <-codes; code != 200 {
			t.Errorf("status %d", code)
		}
	}
	if !g.texts.bodies.TryAcquire(bodiesBytes) {
		t.Error("memory was not freed")
	}
}

// An agent's replies count, until its request ends.
func TestRepliesToAgentsAreBounded(t *testing.T) {
	g := newFixture().gateway()
	ctx, end := context.WithCancel(t.Context())
	o := outer{&exchange{replies: g.replies}, httptest.NewRequestWithContext(ctx, http.MethodPost, mcpPath, http.NoBody)}
	if err := o.holdReply(repliesBytes); err != nil {
		t.Fatal(err)
	}
	if err := o.holdReply(freeReply + 1); err == nil {
		t.Error("more than there is room for")
	}
	if err := o.holdReply(freeReply); err != nil {
		t.Errorf("a small reply: %v", err)
	}
	end()
	if err := g.replies.Acquire(t.Context(), repliesBytes); err != nil {
		t.Errorf("memory was not freed: %v", err)
	}
}

func TestRepliesInFlightAreBounded(t *testing.T) {
	g := newFixture().gateway()
	if !g.replies.TryAcquire(repliesBytes) {
		t.Fatal("no room at the start")
	}
	for size, want := range map[int]int{freeReply: 200, freeReply + 1: 429} {
		w := httptest.NewRecorder()
		x := &exchange{ResponseWriter: w, replies: g.replies}
		err := x.send(http.StatusOK, "text/plain", make([]byte, size))
		if err != nil {
			x.fail(t.Context(), err)
		}
		if w.Code != want {
			t.Errorf("%d bytes: status %d, want %d", size, w.Code, want)
		}
	}
	g.replies.Release(repliesBytes)
}
