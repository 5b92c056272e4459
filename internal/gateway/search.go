package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/ragpipeline/ragpipeline/internal/query"
)

// SearchRequest is the body of /v1/search, as NVIDIA's NVIDIARAGRetriever sends it. Whatever collection it names means
// this pipeline's index.
type SearchRequest struct {
	Query               string          `json:"query"`
	VDBTopK             int             `json:"vdb_top_k"`            // candidates; 0: the pipeline's k
	RerankerTopK        int             `json:"reranker_top_k"`       // passages; 0: the pipeline's topN
	EnableReranker      *bool           `json:"enable_reranker"`      // default true
	ConfidenceThreshold float64         `json:"confidence_threshold"` // 0..1, of the public score
	Filter              json.RawMessage `json:"filter"`               // see query.ParseFilter
	FilterExpr          json.RawMessage `json:"filter_expr"`          // refused unless empty
}

// SearchResponse is what a search found.
type SearchResponse struct {
	Citations
	Warnings []query.Warning `json:"warnings,omitempty"`
	Metrics  Metrics         `json:"metrics"`
}

// search answers POST /v1/search.
func (g *Gateway) search(w http.ResponseWriter, r *http.Request) error {
	var body SearchRequest
	if err := decode(w, r, maxQuestionBody, &body); err != nil {
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
	return sendJSON(w, SearchResponse{newCitations(found.Passages), found.Warnings, newMetrics(&found.Times)})
}

func (b *SearchRequest) request() (query.SearchRequest, error) {
	if !isEmpty(b.FilterExpr) {
		return query.SearchRequest{}, invalid("filter_expr",
			"expressions are not taken; use filter, an object of keys and values")
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
