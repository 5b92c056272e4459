package gateway

import (
	"time"

	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// Completion is the body of an answer: OpenAI's chat completion, with citations, warnings and metrics beside it.
type Completion struct {
	ID        string          `json:"id"`
	Object    string          `json:"object"` // chat.completion
	Created   int64           `json:"created"`
	Model     string          `json:"model"` // the pipeline's name
	Choices   []Choice        `json:"choices"`
	Usage     *model.Usage    `json:"usage,omitempty"` // left out where the LLM gave none
	Citations Citations       `json:"citations"`
	Warnings  []query.Warning `json:"warnings,omitempty"`
	Metrics   Metrics         `json:"metrics"`
}

// Choice is the answer; there is always one.
type Choice struct {
	Index        int           `json:"index"`
	Message      model.Message `json:"message"`
	FinishReason string        `json:"finish_reason"`
}

// NewCompletion is the body for a result. The id is any that names the request.
func NewCompletion(id, pipeline string, r *query.Result) *Completion {
	return &Completion{
		ID:        completionID(id),
		Object:    "chat.completion",
		Created:   time.Now().Unix(),
		Model:     pipeline,
		Choices:   []Choice{{Message: model.Message{Role: "assistant", Content: r.Answer}, FinishReason: r.FinishReason}},
		Usage:     r.Usage,
		Citations: newCitations(r.Passages),
		Warnings:  r.Warnings,
		Metrics:   newMetrics(&r.Times),
	}
}

func completionID(id string) string { return "chatcmpl-" + id }

// Chunk is an event of a streamed answer. Citations come with the first, metrics with the one that ends the choice,
// usage with one of its own behind that, and warnings with the first, or the ending one when learned later.
type Chunk struct {
	ID        string          `json:"id"`
	Object    string          `json:"object"` // chat.completion.chunk
	Created   int64           `json:"created"`
	Model     string          `json:"model"`
	Choices   []ChunkChoice   `json:"choices"` // one, or none beside usage
	Usage     *model.Usage    `json:"usage,omitempty"`
	Citations *Citations      `json:"citations,omitempty"`
	Warnings  []query.Warning `json:"warnings,omitempty"`
	Metrics   *Metrics        `json:"metrics,omitempty"`
}

// ChunkChoice is a piece of the answer.
type ChunkChoice struct {
	Index        int     `json:"index"`
	Delta        Delta   `json:"delta"`
	FinishReason *string `json:"finish_reason"` // null until the last
}

// Delta is what a chunk adds.
type Delta struct {
	Role    string  `json:"role,omitempty"`
	Content *string `json:"content,omitempty"`
}
