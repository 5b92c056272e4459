package query

import (
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// The bounds of a request.
const (
	// MaxQuestion is how many bytes a question may have. No embedding model reads more of it, and
	// the keyword retriever's work grows with it.
	MaxQuestion = 32 << 10
	// MaxK and MaxTopN bound what a search may ask for instead of the pipeline's k and topN.
	MaxK    = 400
	MaxTopN = 25
)

// Request asks for an answer.
type Request struct {
	// Messages is the conversation. Its last turn is the user's question; the roles are system,
	// developer, user and assistant.
	Messages []model.Message
	// Ungrounded asks the LLM without passages.
	Ungrounded bool
	// Filter limits the passages; nil takes all.
	Filter *index.Filter
	// Warnings tell what of the caller's request was left out; they come first in the result's.
	Warnings []Warning
	// Progress, which may be nil, is called whenever a stage begins.
	Progress func(Progress)
	// MaxTokens is the caller's bound on the answer; the pipeline's counts when it is smaller, or
	// this is 0.
	MaxTokens int
	// Temperature and the fields below replace the pipeline's if the caller sets them.
	Temperature    *float64
	TopP           *float64
	Seed           *int64
	Stop           []string
	ResponseFormat any
}

// Progress tells that a stage has begun.
type Progress struct {
	Stage config.Stage `json:"stage"` // is index, reranking or llm
	// Passages counts those that go into the stage: the candidates that are reranked, or the passages that are put before
	// the LLM. It is omitted for index, which finds them.
	Passages int `json:"passages,omitempty"`
}

// SearchRequest asks for passages only.
type SearchRequest struct {
	Query string
	// K and TopN replace the pipeline's; 0 keeps them. At most MaxK and MaxTopN, and TopN at most
	// K.
	K, TopN int
	// NoRerank keeps the fused order.
	NoRerank bool
	// Threshold drops passages with a lower score, 0..1.
	Threshold float64
	Filter    *index.Filter
	// Explain asks how the passages were found; nil does not.
	Explain *Explain
}

// Passage is a chunk that was found, with its scores.
type Passage struct {
	index.Chunk
	// Score is in 0..1: made from the reranker's score if there was a reranking, else the fused
	// score.
	Score float64
	// Fused is the fused score in 0..1; the others are the scores of the retrievers and the
	// reranker, nil where one did not see the passage.
	Fused   float64
	Vector  *float64
	Keyword *float64
	Logit   *float64
}

// Warning is a reason why a reply is not as good as it could be.
type Warning struct {
	Stage   config.Stage   `json:"stage"`
	Code    config.Failure `json:"code"`
	Message string         `json:"message"`
}

// Times is how long each stage took; 0 where it did not run. Embedding and Keyword overlap.
type Times struct {
	Embedding  time.Duration
	Keyword    time.Duration // of the keyword retriever
	Vector     time.Duration // of the vector retriever, after the embedding
	Fetch      time.Duration // the texts of the chosen chunks
	Retrieval  time.Duration // all of the above and the fusion, by the clock
	Rewriting  time.Duration // of the question by the LLM, before the retrieval
	Reranking  time.Duration
	FirstToken time.Duration // from asking the LLM to its first word; streamed answers only
	LLM        time.Duration
	Total      time.Duration
}

// SearchResult is what a search found.
type SearchResult struct {
	Passages []Passage // best first
	Warnings []Warning
	Times    Times // are those of the search alone
	// Explanation is nil unless the request asked for it.
	Explanation *Explanation
}

// Result is an answer and the passages that it rests on.
type Result struct {
	Answer string
	// FinishReason is the LLM's, or "stop" when it was not asked.
	FinishReason string
	// Passages is every passage that was put before the LLM; [n] in the answer is Passages[n-1].
	Passages []Passage
	// Cited has the n of the passages that the answer cites, in order. It is nil if that is not known:
	// for an answer in JSON, and one without passages.
	Cited []int
	// Marks are the places of the answer that cite a passage, in order.
	Marks    []Mark
	Warnings []Warning
	Usage    *model.Usage // nil when the LLM gave none
	Times    Times
	// Query is the question that the LLM made for retrieval; empty if the caller's own was searched for.
	Query string
	// Ungrounded is why no passages were retrieved; empty if they were.
	Ungrounded Ungrounded
}

// Mark is a place of an answer that cites a passage.
type Mark struct {
	Passage    int // counts from 1, as the number in the text does
	Start, End int // are code points of the answer
}

// Sender receives a streamed answer in order: Begin once, Delta for each piece, End once. An error
// of its own stops the work and is returned as it is; after an error of a stage nothing more is
// sent.
type Sender interface {
	// Begin is called when the first word is known, so that a failure before it can still be told
	// apart from an answer. The result has the passages and the warnings known so far.
	Begin(r *Result) error
	Delta(content string) error
	// End has everything, with any warnings learned since Begin behind those of Begin.
	End(r *Result) error
}
