package gateway

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

func TestASearchIsExplained(t *testing.T) {
	f := newFixture()
	f.index.rows = []index.Row{
		{Document: "docs/guide/install.md", Source: "docs", State: index.Indexed, Chunks: 1},
		{Document: "docs/b.pdf", Source: "docs", State: index.Failed, Reason: "NoTextLayer", Message: "pages are images"},
	}
	for _, tc := range []struct {
		name, body string
		want       string // is the outcome of the document
	}{
		{"without being asked", `{"query": "make"}`, ""},
		{"without a document", `{"query": "make", "explain": true}`, ""},
		{"a document that is found", `{"query": "make", "explain": true, "document": "docs/guide/install.md"}`, "Found"},
		{"a document below the cut", `{"query": "make", "explain": true, "reranker_top_k": 1, "document": "docs/guide/install.md"}`,
			"BelowTopN"},
		{"a failed document", `{"query": "make", "explain": true, "document": "docs/b.pdf"}`, "Failed"},
		{"an unknown document", `{"query": "make", "explain": true, "document": "docs/none"}`, "Unknown"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			reply := f.call("POST", "/v1/search", tc.body)
			var body struct{ Explanation *query.Explanation }
			if err := json.Unmarshal(reply.Body.Bytes(), &body); err != nil || reply.Code != 200 {
				t.Fatalf("status %d, %v: %s", reply.Code, err, reply.Body)
			}
			switch e := body.Explanation; {
			case tc.body == `{"query": "make"}`:
				if e != nil {
					t.Errorf("nobody asked for %+v", e)
				}
			case e == nil || len(e.Candidates) != 2 || e.Candidates[0].Reranking == nil:
				t.Errorf("explanation %+v, want two candidates with their places in the reranking", e)
			case tc.want == "" && e.Document != nil || tc.want != "" && string(e.Document.Outcome) != tc.want:
				t.Errorf("document %+v, want %q", e.Document, tc.want)
			}
		})
	}
}

func TestAQuestionForADocumentNeedsAnExplanation(t *testing.T) {
	reply := newFixture().call("POST", "/v1/search", `{"query": "make", "document": "docs/a.md"}`)
	if diff := cmp.Diff("document", failureIn(t, reply.Body).Param); reply.Code != 400 || diff != "" {
		t.Errorf("status %d, param (-want +got):\n%s", reply.Code, diff)
	}
}
