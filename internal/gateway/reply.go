package gateway

import (
	"path"
	"slices"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// Completion is the body of an answer: OpenAI's chat completion, with citations, warnings and
// metrics beside it.
type Completion struct {
	ID        string       `json:"id"`
	Object    string       `json:"object"` // is always chat.completion
	Created   int64        `json:"created"`
	Model     string       `json:"model"` // is the pipeline's name
	Choices   []Choice     `json:"choices"`
	Usage     *model.Usage `json:"usage,omitempty"` // is omitted if the LLM returned none
	Citations Citations    `json:"citations"`
	// Cited has the n of each [n] in the answer; it is omitted if the answer is JSON.
	Cited    []int           `json:"cited,omitzero"`
	Warnings []query.Warning `json:"warnings,omitempty"`
	Metrics  Metrics         `json:"metrics"`
}

// Choice is the answer. A completion always has exactly one.
type Choice struct {
	Index        int           `json:"index"`
	Message      model.Message `json:"message"`
	FinishReason string        `json:"finish_reason"`
}

// NewCompletion makes the body for a result. The id may be any that identifies the request.
func NewCompletion(id, pipeline string, r *query.Result) *Completion {
	answer := model.Message{Role: "assistant", Content: r.Answer}
	return &Completion{
		ID:        completionID(id),
		Object:    "chat.completion",
		Created:   time.Now().Unix(),
		Model:     pipeline,
		Choices:   []Choice{{Message: answer, FinishReason: r.FinishReason}},
		Usage:     r.Usage,
		Citations: citationsOf(r),
		Cited:     r.Cited,
		Warnings:  r.Warnings,
		Metrics:   answerMetrics(r),
	}
}

func completionID(id string) string { return "chatcmpl-" + id }

// Chunk is an event of a streamed answer. The first has the citations, and the one that ends the
// choice has the metrics; usage follows in an event of its own. Warnings come with the first event,
// or with the one that ends the choice if they occurred later.
type Chunk struct {
	ID        string        `json:"id"`
	Object    string        `json:"object"` // is always chat.completion.chunk
	Created   int64         `json:"created"`
	Model     string        `json:"model"`
	Choices   []ChunkChoice `json:"choices"` // has one element, or none beside usage
	Usage     *model.Usage  `json:"usage,omitempty"`
	Citations *Citations    `json:"citations,omitempty"`
	// Cited is in the event that ends the choice. See Completion.
	Cited    []int           `json:"cited,omitzero"`
	Warnings []query.Warning `json:"warnings,omitempty"`
	Metrics  *Metrics        `json:"metrics,omitempty"`
}

// ChunkChoice is a piece of the answer.
type ChunkChoice struct {
	Index        int     `json:"index"`
	Delta        Delta   `json:"delta"`
	FinishReason *string `json:"finish_reason"` // is null until the last piece
}

// Delta is what a chunk adds to the answer.
type Delta struct {
	Role    string  `json:"role,omitempty"`
	Content *string `json:"content,omitempty"`
}

// Citations holds every passage that was put before the LLM, in the format of NVIDIA's RAG
// blueprint (rag-server v2.6, field `citations`): [n] in the text refers to Results[n-1].
type Citations struct {
	TotalResults int        `json:"total_results"`
	Results      []Citation `json:"results"`
}

// Citation is one passage.
type Citation struct {
	DocumentID   string  `json:"document_id"`   // has the form <source>/<path>
	DocumentName string  `json:"document_name"` // is the file's name
	DocumentType string  `json:"document_type"` // is always text
	Content      string  `json:"content"`
	Score        float64 `json:"score"` // is from 0 to 1
	// Cited reports whether the answer cites the passage. It is omitted where that is not known: in a
	// stream, a search, and an answer in JSON.
	Cited    *bool `json:"cited,omitempty"`
	Metadata Place `json:"metadata"`
}

// Place describes where a passage is and how it was scored.
type Place struct {
	ChunkID    string `json:"chunk_id"`
	Source     string `json:"source"`
	Title      string `json:"title"`
	Heading    string `json:"heading,omitempty"`     // is a path, joined by " > "
	PageNumber int    `json:"page_number,omitempty"` // counts from 1; is omitted if the format has no pages
	Start      int    `json:"start"`                 // counts code points of the page's text
	End        int    `json:"end"`
	// FusedScore is from 0 to 1. The retrievers and the reranker gave the other scores; each is
	// omitted if its stage did not score the passage.
	FusedScore    float64  `json:"fused_score"`
	VectorScore   *float64 `json:"vector_score,omitempty"`
	KeywordScore  *float64 `json:"keyword_score,omitempty"`
	RerankerLogit *float64 `json:"reranker_logit,omitempty"`
	// ContentMetadata is the document's metadata.
	ContentMetadata config.Metadata `json:"content_metadata,omitempty"`
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
				ChunkID:         p.ID,
				Source:          p.Source,
				Title:           p.Title,
				Heading:         p.Heading,
				PageNumber:      p.Page,
				Start:           p.Start,
				End:             p.End,
				FusedScore:      p.Fused,
				VectorScore:     p.Vector,
				KeywordScore:    p.Keyword,
				RerankerLogit:   p.Logit,
				ContentMetadata: p.Metadata,
			},
		}
	}
	return Citations{TotalResults: len(results), Results: results}
}

// citationsOf are the passages of an answer, each with whether the answer cites it.
func citationsOf(r *query.Result) Citations {
	all := newCitations(r.Passages)
	if r.Cited != nil {
		for i := range all.Results {
			all.Results[i].Cited = new(slices.Contains(r.Cited, i+1))
		}
	}
	return all
}

// Metrics is how long the stages took, in milliseconds and under the blueprint's names. The
// duration of a stage that did not run is omitted.
type Metrics struct {
	// RAGFirstToken is the time from the request's arrival to the first word of a streamed answer.
	RAGFirstToken float64 `json:"rag_ttft_ms,omitempty"`
	LLMFirstToken float64 `json:"llm_ttft_ms,omitempty"`
	Rewriting     float64 `json:"query_rewriting_time_ms,omitempty"` // of the question by the LLM
	Embedding     float64 `json:"embedding_time_ms,omitempty"`
	Retrieval     float64 `json:"retrieval_time_ms,omitempty"` // covers embedding, retrievers, fusion and texts
	Reranking     float64 `json:"context_reranker_time_ms,omitempty"`
	Generation    float64 `json:"llm_generation_time_ms,omitempty"`
	Total         float64 `json:"total_time_ms,omitempty"`
	// RetrievalQuery is the question that the LLM made for retrieval; it is omitted if the caller's own
	// was searched for.
	RetrievalQuery string `json:"retrieval_query,omitempty"`
	// Ungrounded is why the LLM was asked without passages: FrontEndTask or AsRequested. It is omitted
	// for an answer from passages.
	Ungrounded query.Ungrounded `json:"ungrounded,omitempty"`
}

// answerMetrics are the metrics of an answer.
func answerMetrics(r *query.Result) Metrics {
	m := newMetrics(&r.Times)
	m.RetrievalQuery, m.Ungrounded = r.Query, r.Ungrounded
	return m
}

func newMetrics(t *query.Times) Metrics {
	m := Metrics{
		LLMFirstToken: milliseconds(t.FirstToken),
		Rewriting:     milliseconds(t.Rewriting),
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

// milliseconds returns d with three decimals.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
