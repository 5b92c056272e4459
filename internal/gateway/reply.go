package gateway

import (
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
	Index        int     `json:"index"`
	Message      Message `json:"message"`
	FinishReason string  `json:"finish_reason"`
}

// Message is the answer with the places that cite a passage.
type Message struct {
	Role        string       `json:"role"` // is always assistant
	Content     string       `json:"content"`
	Annotations []Annotation `json:"annotations"`
}

// NewCompletion makes the body for a result of the pipeline. The id may be any that identifies the
// request.
func NewCompletion(id string, c *config.Gateway, r *query.Result) *Completion {
	to := linksOf(c)
	answer := Message{Role: "assistant", Content: r.Answer + sourceList(c, r), Annotations: annotations(c, r)}
	return &Completion{
		ID:        completionID(id),
		Object:    "chat.completion",
		Created:   time.Now().Unix(),
		Model:     c.Pipeline.Name,
		Choices:   []Choice{{Message: answer, FinishReason: r.FinishReason}},
		Usage:     r.Usage,
		Citations: citationsOf(r, to),
		Cited:     r.Cited,
		Warnings:  r.Warnings,
		Metrics:   answerMetrics(r),
	}
}

func completionID(id string) string { return "chatcmpl-" + id }

// Chunk is an event of a streamed answer. The first has the citations, and the one that ends the
// choice has the metrics, and in its delta the annotations; usage follows in an event of its own.
// Warnings come with the first event, or with the one that ends the choice if they occurred later.
type Chunk struct {
	ID        string        `json:"id"`
	Object    string        `json:"object"` // is always chat.completion.chunk
	Created   int64         `json:"created"`
	Model     string        `json:"model"`
	Choices   []ChunkChoice `json:"choices"` // has one element, or none beside usage and progress
	Usage     *model.Usage  `json:"usage,omitempty"`
	Citations *Citations    `json:"citations,omitempty"`
	// Cited is in the event that ends the choice. See Completion.
	Cited    []int           `json:"cited,omitzero"`
	Warnings []query.Warning `json:"warnings,omitempty"`
	Metrics  *Metrics        `json:"metrics,omitempty"`
	// Progress comes in events of its own before the answer, if the caller asks for them.
	Progress *query.Progress `json:"progress,omitempty"`
}

// ChunkChoice is a piece of the answer.
type ChunkChoice struct {
	Index        int     `json:"index"`
	Delta        Delta   `json:"delta"`
	FinishReason *string `json:"finish_reason"` // is null until the last piece
}

// Delta is what a chunk adds to the answer.
type Delta struct {
	Role        string       `json:"role,omitempty"`
	Content     *string      `json:"content,omitempty"`
	Annotations []Annotation `json:"annotations,omitempty"`
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
