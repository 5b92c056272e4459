package gateway

import (
	"encoding/json"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// Response is the body of an answer in the format of OpenAI's responses, with citations, warnings and
// metrics beside it as in a Completion.
type Response struct {
	ID                 string          `json:"id"`
	Object             string          `json:"object"` // is always response
	CreatedAt          int64           `json:"created_at"`
	Status             string          `json:"status"` // is completed, incomplete, or in_progress in a stream
	Error              *struct{}       `json:"error"`  // is always null: a failure has an ErrorBody
	IncompleteDetails  *Incomplete     `json:"incomplete_details"`
	Instructions       *string         `json:"instructions"`
	MaxOutputTokens    *int            `json:"max_output_tokens"`
	Metadata           json.RawMessage `json:"metadata"`
	Model              string          `json:"model"` // is the pipeline's name
	Output             []OutputItem    `json:"output"`
	ParallelToolCalls  bool            `json:"parallel_tool_calls"`  // is always false
	PreviousResponseID *string         `json:"previous_response_id"` // is always null
	Store              bool            `json:"store"`                // is always false: nothing is stored
	Temperature        *float64        `json:"temperature"`
	Text               ResponsesText   `json:"text"`
	ToolChoice         string          `json:"tool_choice"` // is always none
	Tools              []struct{}      `json:"tools"`       // is always empty
	TopP               *float64        `json:"top_p"`
	Truncation         string          `json:"truncation"` // is always disabled
	Usage              *ResponseUsage  `json:"usage"`      // is null if the LLM returned none

	Citations *Citations      `json:"citations,omitempty"`
	Cited     []int           `json:"cited,omitzero"`
	Warnings  []query.Warning `json:"warnings,omitempty"`
	Metrics   *Metrics        `json:"metrics,omitempty"`

	config *config.Gateway
}

// Incomplete is why an answer has no proper end.
type Incomplete struct {
	Reason string `json:"reason"` // is max_output_tokens or content_filter
}

// OutputItem is the answer. A response always has exactly one.
type OutputItem struct {
	ID      string       `json:"id"`
	Type    string       `json:"type"`   // is always message
	Role    string       `json:"role"`   // is always assistant
	Status  string       `json:"status"` // is that of the response
	Content []OutputText `json:"content"`
}

// OutputText is the answer's text.
type OutputText struct {
	Type        string           `json:"type"` // is always output_text
	Text        string           `json:"text"`
	Annotations []TextAnnotation `json:"annotations"`
	Logprobs    []struct{}       `json:"logprobs"` // is always empty
}

// TextAnnotation is a place of the answer that cites a passage. It is an Annotation in the form that
// responses have for it.
type TextAnnotation struct {
	Type       string `json:"type"` // is always url_citation
	StartIndex int    `json:"start_index"`
	EndIndex   int    `json:"end_index"`
	URL        string `json:"url"`
	Title      string `json:"title"`
}

// ResponseUsage counts tokens.
type ResponseUsage struct {
	InputTokens         int           `json:"input_tokens"`
	InputTokensDetails  InputDetails  `json:"input_tokens_details"`
	OutputTokens        int           `json:"output_tokens"`
	OutputTokensDetails OutputDetails `json:"output_tokens_details"`
	TotalTokens         int           `json:"total_tokens"`
}

// InputDetails are there because clients read them. The gateway does not know the counts.
type InputDetails struct {
	CachedTokens     int `json:"cached_tokens"`
	CacheWriteTokens int `json:"cache_write_tokens"`
}

// OutputDetails are there because clients read them. The gateway does not know the count.
type OutputDetails struct {
	ReasoningTokens int `json:"reasoning_tokens"`
}

// newResponse makes the body as it is before the answer.
func newResponse(id string, c *config.Gateway, b *ResponsesRequest) *Response {
	r := &Response{
		ID:              "resp_" + id,
		Object:          "response",
		CreatedAt:       time.Now().Unix(),
		Status:          "in_progress",
		Instructions:    b.Instructions,
		MaxOutputTokens: b.MaxOutputTokens,
		Metadata:        b.Metadata,
		Model:           c.Pipeline.Name,
		Output:          []OutputItem{},
		Temperature:     b.Temperature,
		Text:            b.Text,
		ToolChoice:      "none",
		Tools:           []struct{}{},
		TopP:            b.TopP,
		Truncation:      "disabled",
		config:          c,
	}
	if isEmpty(r.Metadata) {
		r.Metadata = json.RawMessage("{}")
	}
	if isEmpty(r.Text.Format) {
		r.Text.Format = json.RawMessage(`{"type":"text"}`)
	}
	return r
}

// cite adds the passages that were put before the LLM, and the warnings.
func (b *Response) cite(r *query.Result) {
	citations := citationsOf(r, linksOf(b.config))
	b.Citations, b.Warnings = &citations, r.Warnings
}

// complete adds the answer.
func (b *Response) complete(r *query.Result) {
	b.cite(r)
	b.Status = "completed"
	switch r.FinishReason {
	case "length":
		b.Status, b.IncompleteDetails = "incomplete", &Incomplete{"max_output_tokens"}
	case "content_filter":
		b.Status, b.IncompleteDetails = "incomplete", &Incomplete{"content_filter"}
	}
	item := newOutputItem(b.ID, b.Status)
	item.Content = []OutputText{newOutputText(r.Answer+sourceList(b.config, r), annotations(b.config, r))}
	b.Output = []OutputItem{item}
	b.Usage = responseUsage(r.Usage)
	metrics := answerMetrics(r)
	b.Cited, b.Metrics = r.Cited, &metrics
}

func newOutputItem(response, status string) OutputItem {
	return OutputItem{ID: "msg_" + response[len("resp_"):], Type: "message", Role: "assistant", Status: status,
		Content: []OutputText{}}
}

func newOutputText(answer string, cited []Annotation) OutputText {
	places := make([]TextAnnotation, len(cited))
	for i, a := range cited {
		places[i] = TextAnnotation{a.Type, a.URL.StartIndex, a.URL.EndIndex, a.URL.URL, a.URL.Title}
	}
	return OutputText{Type: "output_text", Text: answer, Annotations: places, Logprobs: []struct{}{}}
}

func responseUsage(u *model.Usage) *ResponseUsage {
	if u == nil {
		return nil
	}
	return &ResponseUsage{InputTokens: u.PromptTokens, OutputTokens: u.CompletionTokens, TotalTokens: u.TotalTokens}
}
