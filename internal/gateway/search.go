package gateway

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

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
	// Explain asks how the passages were found, and Document, a document's identity, why it is not among them.
	Explain  bool   `json:"explain"`
	Document string `json:"document"`
}

// SearchResponse holds the passages that a search found.
type SearchResponse struct {
	Citations
	Warnings    []query.Warning    `json:"warnings,omitempty"`
	Metrics     Metrics            `json:"metrics"`
	Explanation *query.Explanation `json:"explanation,omitempty"` // is there if the request asked for it
}

// weight is how many searches of the index the request makes: to explain what a filter removed, and why a
// document is not found, each takes another.
func (b *SearchRequest) weight() int {
	n := 1
	if b.Explain && !isEmpty(b.Filter) {
		n++
	}
	if b.Explain && b.Document != "" {
		n *= 2
	}
	return n
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
	if request.Explain, err = g.explained(r.Context(), &body); err != nil {
		return err
	}
	found, err := g.query.Search(r.Context(), request)
	if err != nil {
		return err
	}
	citations := newCitations(found.Passages, linksOf(&g.config))
	return x.sendJSON(SearchResponse{citations, found.Warnings, newMetrics(&found.Times), found.Explanation})
}

// explained is what the request asks to be explained; nil if it asks for nothing. A document that the caller may not
// see is like one that does not exist.
func (g *Gateway) explained(ctx context.Context, b *SearchRequest) (*query.Explain, error) {
	switch {
	case !b.Explain && b.Document != "":
		return nil, invalid("document", "asks why a document is not found, which needs explain: true; to search a document, "+
			`send filter: {"document": ...}`)
	case !b.Explain:
		return nil, nil
	case b.Document == "":
		return &query.Explain{}, nil
	}
	row, err := g.visible(ctx, b.Document)
	if err != nil || row == nil {
		return &query.Explain{Document: b.Document}, err
	}
	known, err := g.index.Known(ctx, b.Document)
	if err != nil {
		return nil, unavailable(err)
	}
	return &query.Explain{Document: b.Document, Row: row, Chunks: slices.Sorted(maps.Keys(known))}, nil
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
