package gateway

import (
	"path"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/query"
)

// Citations is every passage that an answer rests on, in the shape of NVIDIA's RAG blueprint (rag-server v2.6, field
// `citations`): [n] in the text is Results[n-1].
type Citations struct {
	TotalResults int        `json:"total_results"`
	Results      []Citation `json:"results"`
}

// Citation is one passage.
type Citation struct {
	DocumentID   string  `json:"document_id"`   // <source>/<path>
	DocumentName string  `json:"document_name"` // the file's name
	DocumentType string  `json:"document_type"` // always "text"
	Content      string  `json:"content"`
	Score        float64 `json:"score"` // 0..1
	Metadata     Place   `json:"metadata"`
}

// Place says where a passage stands and how it was scored.
type Place struct {
	ChunkID    string `json:"chunk_id"`
	Source     string `json:"source"`
	Title      string `json:"title"`
	Heading    string `json:"heading,omitempty"`     // path, joined by " > "
	PageNumber int    `json:"page_number,omitempty"` // from 1; left out where the format has none
	Start      int    `json:"start"`                 // code points into the page's text
	End        int    `json:"end"`
	// FusedScore is in 0..1; the others are what the legs and the reranker said, left out where one did not see
	// the passage.
	FusedScore    float64  `json:"fused_score"`
	VectorScore   *float64 `json:"vector_score,omitempty"`
	KeywordScore  *float64 `json:"keyword_score,omitempty"`
	RerankerLogit *float64 `json:"reranker_logit,omitempty"`
	// ContentMetadata is the source's own.
	ContentMetadata map[string]string `json:"content_metadata,omitempty"`
}

func newCitations(passages []query.Passage) Citations {
	results := make([]Citation, len(passages))
	for i := range passages {
		p := &passages[i]
		results[i] = Citation{
			DocumentID:   p.Document,
			DocumentName: path.Base(p.Document),
			DocumentType: "text",
			Content:      p.Text,
			Score:        p.Score,
			Metadata: Place{
				ChunkID: p.ID, Source: p.Source, Title: p.Title, Heading: p.Heading, PageNumber: p.Page, Start: p.Start, End: p.End,
				FusedScore: p.Fused, VectorScore: p.Vector, KeywordScore: p.Keyword, RerankerLogit: p.Logit,
				ContentMetadata: p.Metadata,
			},
		}
	}
	return Citations{TotalResults: len(results), Results: results}
}

// Metrics is how long the stages took, in milliseconds and by the blueprint's names, left out where a stage did not
// run.
type Metrics struct {
	RAGFirstToken float64 `json:"rag_ttft_ms,omitempty"` // from the request's arrival to the first word; streamed only
	LLMFirstToken float64 `json:"llm_ttft_ms,omitempty"`
	Embedding     float64 `json:"embedding_time_ms,omitempty"`
	Retrieval     float64 `json:"retrieval_time_ms,omitempty"` // embedding, both legs, fusion, texts
	Reranking     float64 `json:"context_reranker_time_ms,omitempty"`
	Generation    float64 `json:"llm_generation_time_ms,omitempty"`
	Total         float64 `json:"total_time_ms,omitempty"`
}

func newMetrics(t *query.Times) Metrics {
	m := Metrics{
		LLMFirstToken: milliseconds(t.FirstToken),
		Embedding:     milliseconds(t.Embedding),
		Retrieval:     milliseconds(t.Retrieval),
		Reranking:     milliseconds(t.Reranking),
		Generation:    milliseconds(t.LLM),
		Total:         milliseconds(t.Total),
	}
	if t.FirstToken > 0 {
		m.RAGFirstToken = milliseconds(t.Total - t.LLM + t.FirstToken)
	}
	return m
}

// milliseconds has three decimals.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
