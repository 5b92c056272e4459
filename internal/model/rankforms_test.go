package model

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// rankRequest is a request to a reranker in any form.
type rankRequest struct {
	Documents, Texts, Input []string
	Objects                 []string `json:"-"` // are documents that are objects
	Text1                   string   `json:"text_1"`
	Text2                   []string `json:"text_2"`
	TopN                    *int     `json:"top_n"`
	Query                   any
	Passages                []struct{ Text string }
}

// reranker serves rerankers as they are. It scores a passage by its number, as in "passage 7".
type reranker struct {
	paths []string
	// refuse returns a status and a body, or 0.
	refuse func(r rankRequest) (int, string)
	// passages are those of the request; write writes the entry of one, with %[1]v for its index and
	// %[2]v for its score.
	passages func(r rankRequest) []string
	entry    string
	list     string // has %s for the entries
	most     int    // entries of a reply, the best; 0 is all
}

func (s *reranker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var in rankRequest
	if json.Unmarshal(body, &in) != nil {
		var objects struct{ Documents []struct{ Text string } }
		json.Unmarshal(body, &objects)
		for _, d := range objects.Documents {
			in.Objects = append(in.Objects, d.Text)
		}
	}
	if !slices.Contains(s.paths, r.URL.Path) {
		http.Error(w, `{"error":{"message":"Not Found","code":404}}`, http.StatusNotFound)
		return
	}
	if s.refuse != nil {
		if status, refusal := s.refuse(in); status != 0 {
			w.WriteHeader(status)
			io.WriteString(w, refusal)
			return
		}
	}
	passages := s.passages(in)
	order := make([]int, len(passages))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return numberOf(passages[b]) - numberOf(passages[a]) })
	if s.most > 0 {
		order = order[:min(s.most, len(order))]
	}
	var entries []string
	for _, i := range order {
		entries = append(entries, fmt.Sprintf(s.entry, i, float64(numberOf(passages[i]))/1000))
	}
	fmt.Fprintf(w, s.list, strings.Join(entries, ","))
}

// numberOf is the number at the end of a passage's first line.
func numberOf(passage string) (n int) {
	line, _, _ := strings.Cut(passage, "\n")
	fmt.Sscanf(line[strings.LastIndexByte(line, ' ')+1:], "%d", &n)
	return n
}

func documents(r rankRequest) []string { return r.Documents }

func missing(field string, r []string) (int, string) {
	if r == nil {
		return 422, "Failed to deserialize the JSON body into the target type: missing field `" + field + "`"
	}
	return 0, ""
}

var rerankers = []struct {
	name   string
	server *reranker
	bases  []string
	fact   string
}{
	{"Cohere, vLLM, Jina", &reranker{paths: []string{"/v1/rerank"}, entry: `{"index":%v,"relevance_score":%v,"document":null}`, list: `{"results":[%s],"usage":{}}`}, []string{"/v1", "", "/v1/rerank"}, ""},
	{"text-embeddings-inference", &reranker{paths: []string{"/rerank"}, passages: func(r rankRequest) []string { return r.Texts },
		refuse: func(r rankRequest) (int, string) { return missing("texts", r.Texts) },
		entry:  `{"index":%v,"score":%v}`, list: `[%s]`}, []string{"/v1", "", "/rerank"}, "text-embeddings-inference"},
	{"a thin front of it", &reranker{paths: []string{"/v1/rerank"}, entry: `{"index":%v,"score":%v}`, list: ` [%s]`}, []string{"/v1"}, ""},
	{"results with score", &reranker{paths: []string{"/v1/rerank"}, entry: `{"index":%v,"score":%v}`, list: `{"results":[%s]}`}, []string{"/v1"}, ""},
	{"Voyage", &reranker{paths: []string{"/v1/rerank"}, refuse: func(r rankRequest) (int, string) {
		if r.TopN != nil {
			return 400, `{"detail":"Argument 'top_n' is not supported by our API"}`
		}
		return missing("documents", r.Documents)
	}, entry: `{"index":%v,"relevance_score":%v}`, list: `{"object":"list","data":[%s]}`}, []string{"/v1", ""}, "Voyage"},
	{"vLLM's score", &reranker{paths: []string{"/v1/score", "/score"}, passages: func(r rankRequest) []string { return r.Text2 },
		entry: `{"index":%v,"object":"score","score":%v}`, list: `{"data":[%s]}`}, []string{"/v1", ""}, "vLLM"},
	{"vLLM's score by its own url", &reranker{paths: []string{"/score"}, passages: func(r rankRequest) []string { return r.Text2 },
		entry: `{"index":%v,"object":"score","score":%v}`, list: `{"data":[%s]}`}, []string{"/score"}, ""},
	{"Bedrock behind a proxy", &reranker{paths: []string{"/v1/rerank"}, entry: `{"index":%v,"relevanceScore":%v}`, list: `{"results":[%s]}`}, []string{"/v1"}, ""},
	{"DashScope", &reranker{paths: []string{"/api/v1/reranks"}, entry: `{"index":%v,"relevance_score":%v}`, list: `{"output":{"results":[%s]},"usage":{}}`}, []string{"/api/v1/reranks"}, ""},
	{"strings for numbers", &reranker{paths: []string{"/v1/rerank"}, entry: `{"index":"%v","relevance_score":"%v"}`, list: `{"results":[%s]}`}, []string{"/v1"}, ""},
	{"a NIM behind another protocol", &reranker{paths: []string{"/v1/ranking"}, passages: func(r rankRequest) (texts []string) {
		for _, p := range r.Passages {
			texts = append(texts, p.Text)
		}
		return texts
	}, entry: `{"index":%v,"logit":%v}`, list: `{"rankings":[%s]}`}, []string{"/v1"}, "NIM"},
	{"Pinecone", &reranker{paths: []string{"/rerank"}, passages: func(r rankRequest) []string { return r.Objects },
		refuse: func(r rankRequest) (int, string) {
			if r.Objects == nil {
				return 400, `{"error":{"code":"INVALID_ARGUMENT","message":"documents[0]: invalid type: string, expected a map"},"status":400}`
			}
			return 0, ""
		}, entry: `{"index":%v,"score":%v,"document":{"text":"x"}}`, list: `{"model":"m","data":[%s]}`}, []string{"", "/rerank"}, "Pinecone"},
	{"Mixedbread", &reranker{paths: []string{"/v1/reranking"}, passages: func(r rankRequest) []string { return r.Input },
		refuse: func(r rankRequest) (int, string) { return missing("input", r.Input) },
		entry:  `{"index":%v,"score":%v,"input":null}`, list: `{"object":"list","data":[%s]}`}, []string{"/v1/reranking"}, "Mixedbread"},
	{"one that cuts its list", &reranker{paths: []string{"/v1/rerank"}, most: 10, entry: `{"index":%v,"relevance_score":%v}`, list: `{"results":[%s]}`}, []string{"/v1"}, "at most 10"},
	{"one that takes ten, 413", &reranker{paths: []string{"/v1/rerank"}, refuse: atMost(10, 413, `{"error":"batch size %d > maximum allowed batch size 10","error_type":"Validation"}`),
		entry: `{"index":%v,"relevance_score":%v}`, list: `{"results":[%s]}`}, []string{"/v1"}, "at most 10"},
	{"one that takes ten, 422", &reranker{paths: []string{"/v1/rerank"}, refuse: atMost(10, 422, `{"message":"batch size %d > maximum allowed batch size 10"}`),
		entry: `{"index":%v,"relevance_score":%v}`, list: `{"results":[%s]}`}, []string{"/v1"}, "at most 10"},
	{"one that does not say how many it takes", &reranker{paths: []string{"/v1/rerank"}, refuse: atMost(10, 400, `{"detail":"too many documents: %d"}`),
		entry: `{"index":%v,"relevance_score":%v}`, list: `{"results":[%s]}`}, []string{"/v1"}, "at most 5"},
	{"one whose body is bounded", &reranker{paths: []string{"/v1/rerank"}, refuse: atMost(10, 413, `too large: %d`),
		entry: `{"index":%v,"relevance_score":%v}`, list: `{"results":[%s]}`}, []string{"/v1"}, ""},
	{"one that answers with an error for long passages", &reranker{paths: []string{"/v1/rerank"}, refuse: func(r rankRequest) (int, string) {
		for _, d := range r.Documents {
			if utf8.RuneCountInString(d) > 110 {
				return 500, `{"error":{"code":500,"message":"input (600 tokens) is too large to process. increase the physical batch size (current batch size: 512)","type":"server_error"}}`
			}
		}
		return 0, ""
	}, entry: `{"index":%v,"relevance_score":%v}`, list: `{"results":[%s]}`}, []string{"/v1"}, ""},
}

func atMost(n, status int, body string) func(rankRequest) (int, string) {
	return func(r rankRequest) (int, string) {
		if len(r.Documents) > n {
			return status, fmt.Sprintf(body, len(r.Documents))
		}
		return 0, ""
	}
}

func TestRerankersAreAskedAsTheyWant(t *testing.T) {
	var passages []string
	var want []int
	for i := range 45 {
		passages = append(passages, fmt.Sprintf("passage %d", i))
		if i%9 == 0 {
			passages[i] += "\n" + strings.Repeat("long ", 40)
		}
		want = append(want, 44-i)
	}
	for _, r := range rerankers {
		for _, base := range r.bases {
			t.Run(r.name+" at "+base, func(t *testing.T) {
				if r.server.passages == nil {
					r.server.passages = documents
				}
				h := httptest.NewServer(r.server)
				t.Cleanup(h.Close)
				var facts []string
				ranker := NewRanker(config.Model{URL: h.URL + base, Name: "m", Protocol: config.OpenAI}, nil,
					Transport{Learned: func(_ config.Stage, fact string) { facts = append(facts, fact) }})
				if err := ranker.Probe(t.Context()); err != nil {
					t.Fatal(err)
				}
				for range 2 {
					ranked, err := ranker.Rank(t.Context(), "q", passages)
					if err != nil {
						t.Fatal(err)
					}
					var got []int
					for _, p := range ranked {
						got = append(got, p.Index)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Fatalf("(-want +got):\n%s", diff)
					}
				}
				told := strings.Join(facts, "; ")
				if r.fact == "" && base == "/v1" && told != "" || !strings.Contains(told, r.fact) || strings.Count(told, r.fact) > 1 && r.fact != "" {
					t.Errorf("it learned %q", facts)
				}
			})
		}
	}
}

func TestAServerThatTakesNoFormIsSearchedOnceAMinute(t *testing.T) {
	s := answer(t, http.StatusNotFound, `{"error":"not found"}`)
	r := NewRanker(s.openAI(), nil, Transport{})
	for range 3 {
		if _, err := r.Rank(t.Context(), "q", []string{"a"}); FailureOf(err) != config.ModelNotFound {
			t.Fatalf("got %v", err)
		}
	}
	if forms := 5; s.count() > forms+2+1 { // one for each url, and one for each later question
		t.Errorf("%d requests", s.count())
	}
}

func TestOtherReasonsAreNotTheForms(t *testing.T) {
	for _, status := range []int{401, 402, 410, 500, 503} {
		s := answer(t, status, `{"error":"no"}`)
		r := NewRanker(s.openAI(), nil, Transport{})
		if err := r.Probe(t.Context()); err == nil || s.count() != 1 {
			t.Errorf("status %d: %v after %d requests", status, err, s.count())
		}
	}
}

func TestARedirectWithinTheServerIsFollowedOnce(t *testing.T) {
	paths := []string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.Path+" "+r.Header.Get("Authorization"))
		if !strings.HasSuffix(r.URL.Path, "/") {
			w.Header().Set("Location", r.URL.Path+"/")
			w.WriteHeader(http.StatusTemporaryRedirect)
			return
		}
		io.WriteString(w, `{"results":[{"index":0,"relevance_score":1}]}`)
	}))
	t.Cleanup(s.Close)
	r := NewRanker(config.Model{URL: s.URL + "/v1", Name: "m", Protocol: config.OpenAI}, func() (string, error) { return "k", nil }, Transport{})
	if _, err := r.Rank(t.Context(), "q", []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/v1/rerank Bearer k", "/v1/rerank/ Bearer k"}, paths); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
