package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/ragpipeline/ragpipeline/internal/query"
)

// SearchRequest is the body of /v1/search, as NVIDIA's NVIDIARAGRetriever sends it. The gateway
// ignores the collections that it names, because a pipeline has one index.
type SearchRequest struct {
	Query               string          `json:"query"`
	VDBTopK             int             `json:"vdb_top_k"`            // counts the candidates; 0 means the pipeline's k
	RerankerTopK        int             `json:"reranker_top_k"`       // counts the passages; 0 means the pipeline's topN
	EnableReranker      *bool           `json:"enable_reranker"`      // defaults to true
	ConfidenceThreshold float64         `json:"confidence_threshold"` // is the lowest public score, from 0 to 1
	Filter              json.RawMessage `json:"filter"`               // is parsed by query.ParseFilter
	FilterExpr          json.RawMessage `json:"filter_expr"`          // is refused unless empty
}

// SearchResponse holds the passages that a search found.
type SearchResponse struct {
	Citations
	Warnings []query.Warning `json:"warnings,omitempty"`
	Metrics  Metrics         `json:"metrics"`
}

// search answers POST /v1/search.
func (g *Gateway) search(x *exchange, r *http.Request) error {
	var body SearchRequest
	if err := decode(x, r, maxQuestionBody, &body); err != nil {
		return err
	}
	request, err := body.request()
	if err != nil {
		return err
	}
	found, err := g.query.Search(r.Context(), request)
	if err != nil {
		return err
	}
	citations := newCitations(found.Passages, linksOf(&g.config))
	return x.sendJSON(SearchResponse{citations, found.Warnings, newMetrics(&found.Times)})
}

func (b *SearchRequest) request() (query.SearchRequest, error) {
	if !isEmpty(b.FilterExpr) {
		return query.SearchRequest{}, invalid("filter_expr",
			"expressions are not supported; use filter, an object of keys and values")
	}
	filter, err := query.ParseFilter(b.Filter)
	return query.SearchRequest{
		Query:     b.Query,
		K:         b.VDBTopK,
		TopN:      b.RerankerTopK,
		NoRerank:  b.EnableReranker != nil && !*b.EnableReranker,
		Threshold: b.ConfidenceThreshold,
		Filter:    filter,
	}, err
}
