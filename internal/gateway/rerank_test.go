package gateway

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tiktoken-go/tokenizer/codec"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The ranker of the fixture ranks later documents higher, each with its index as logit.
func TestRerankingInTheFormatsOfCohere(t *testing.T) {
	score := func(logit float64) float64 { return 1 / (1 + math.Exp(-logit/10)) }
	result := func(index int, document string) RerankResult {
		return RerankResult{Index: index, RelevanceScore: score(float64(index)), Document: json.RawMessage(document)}
	}
	for _, tc := range []struct {
		name, path, body string
		want             []RerankResult
	}{
		{"texts", "/v2/rerank", `{"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"], "max_tokens_per_doc": 9}`,
			[]RerankResult{result(1, ""), result(0, "")}},
		{"the best", "/v2/rerank", `{"query": "q", "documents": ["a", "b", "c"], "top_n": 1}`, []RerankResult{result(2, "")}},
		{"more than there are", rerankRoute, `{"query": "q", "documents": ["a"], "top_n": 9}`, []RerankResult{result(0, "")}},
		{"objects", rerankRoute, `{"query": "q", "documents": [{"text": "a", "n": 1}, "b"], "return_documents": true}`,
			[]RerankResult{result(1, `{"text":"b"}`), result(0, `{"text":"a","n":1}`)}},
		{"fields of objects", rerankRoute, `{"query": "q", "documents": [{"title": "a", "n": 1}], "rank_fields": ["title", "n"]}`,
			[]RerankResult{result(0, "")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply := newFixture().call("POST", tc.path, tc.body)
			var got RerankResponse
			if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil || reply.Code != http.StatusOK {
				t.Fatalf("status %d, %v: %s", reply.Code, err, reply.Body)
			}
			if diff := cmp.Diff(tc.want, got.Results, cmp.Comparer(func(a, b json.RawMessage) bool {
				return string(a) == string(b)
			})); diff != "" {
				t.Errorf("results (-want +got):\n%s", diff)
			}
			if want := tc.path[2:3]; got.Meta.APIVersion.Version != want || got.ID == "" {
				t.Errorf("id %q and version %q, want any and %s", got.ID, got.Meta.APIVersion.Version, want)
			}
		})
	}
}

func TestARelevanceIsAScoreAsItIs(t *testing.T) {
	f := newFixture()
	f.options.Config.Models.Reranking.Protocol = config.OpenAI
	reply := f.call("POST", rerankRoute, `{"query": "q", "documents": ["a", "b"]}`)
	var got RerankResponse
	if err := json.Unmarshal(reply.Body.Bytes(), &got); err != nil || got.Results[0].RelevanceScore != 1 {
		t.Errorf("%v: %s, want 1 for the best", err, reply.Body)
	}
}

// A field that is named again and again would repeat the text of every document.
func TestFieldsAreRankedOnce(t *testing.T) {
	many := `"f0"`
	for n := 1; n <= maxRankFields; n++ {
		many += fmt.Sprintf(`, "f%d"`, n)
	}
	for fields, want := range map[string]string{`"text", "title", "text"`: "rank_fields[2]", many: "rank_fields"} {
		f := newFixture()
		reply := f.call("POST", rerankRoute, `{"query": "q", "documents": [{"text": "a"}], "rank_fields": [`+fields+`]}`)
		if told := failureIn(t, reply.Body); reply.Code != 400 || told.Param != want {
			t.Errorf("status %d, %+v", reply.Code, told)
		}
	}
}

func TestTokenIDsAreTheirText(t *testing.T) {
	duck, _, err := codec.NewCl100kBase().Encode("\U0001F986")
	if err != nil || len(duck) < 2 {
		t.Fatalf("%v: %v, want several tokens", duck, err)
	}
	part, err := json.Marshal(duck[:1])
	if err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string][]string{
		`[15339, 1917]`:           {"hello world"},
		`[[15339], [1917, 1917]]`: {"hello", " world world"},
		string(part):              {"\uFFFD"}, // a character cut in two
	} {
		f := newFixture()
		if got := f.call("POST", embedRoute, `{"input": `+input+`}`); got.Code != http.StatusOK {
			t.Fatalf("%s: status %d: %s", input, got.Code, got.Body)
		}
		if diff := cmp.Diff(want, f.embedder.got.Texts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", input, diff)
		}
	}
}
