package gateway

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/access"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
	"github.com/ragpipeline/ragpipeline/internal/vector"
)

// ModelList is the body of GET /v1/models. It has the pipeline alone: chat front ends offer their users
// whatever is listed here, and chat refuses the pipeline's models.
type ModelList struct {
	Object string      `json:"object"` // is always list
	Data   []ModelInfo `json:"data"`
}

// ModelInfo is the pipeline, or a model that the gateway's routes call.
type ModelInfo struct {
	ID      string `json:"id"`
	Object  string `json:"object"` // is always model
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
	Role    string `json:"role"` // is pipeline, embedding, reranking or llm
}

// models answers GET /v1/models.
func (g *Gateway) models(x *exchange, _ *http.Request) error {
	return x.sendJSON(ModelList{Object: "list", Data: g.modelInfos()[:1]})
}

// oneModel answers GET /v1/models/{id} for the pipeline and each of its models.
func (g *Gateway) oneModel(x *exchange, r *http.Request) error {
	id := r.PathValue("id")
	for _, m := range g.modelInfos() {
		if m.ID == id {
			return x.sendJSON(m)
		}
	}
	if id == "" {
		return unknownRoute()
	}
	return notFound("UnknownModel", fmt.Sprintf(
		"id: neither the pipeline %q nor one of its models; see /v1/models and /v1/index", g.config.Pipeline.Name))
}

// modelInfos has the pipeline first, then its models.
func (g *Gateway) modelInfos() []ModelInfo {
	var infos []ModelInfo
	add := func(id, role string) {
		infos = append(infos, ModelInfo{ID: id, Object: "model", Created: g.created, OwnedBy: "ragpipeline", Role: role})
	}
	add(g.config.Pipeline.Name, "pipeline")
	models := g.config.Models
	add(models.Embedding.Name, string(config.StageEmbedding))
	if models.Reranking != nil {
		add(models.Reranking.Name, string(config.StageReranking))
	}
	if models.LLM != nil {
		add(models.LLM.Name, string(config.StageLLM))
	}
	return infos
}

// A request may hold this many texts: maxInputs is OpenAI's bound, maxPassages NIM's.
const (
	maxInputs   = 2048
	maxPassages = 512
)

// textsDeadline bounds the embedding or ranking of one request, with all its batches.
const textsDeadline = 2 * time.Minute

// EmbeddingRequest is the body of POST /v1/embeddings. The pipeline's embedding model answers,
// whatever the field model contains.
type EmbeddingRequest struct {
	Input          json.RawMessage `json:"input"`           // is a string, a list of strings, or their token ids
	InputType      string          `json:"input_type"`      // is query (default) or passage
	Truncate       string          `json:"truncate"`        // is NONE (default), START or END
	EncodingFormat string          `json:"encoding_format"` // is float (default) or base64
	Dimensions     int             `json:"dimensions"`      // is the pipeline's own number if 0
}

// EmbeddingList is the reply of POST /v1/embeddings.
type EmbeddingList struct {
	Object string           `json:"object"` // is always list
	Data   []EmbeddingEntry `json:"data"`
	Model  string           `json:"model"`
	Usage  EmbeddingUsage   `json:"usage"`
}

// EmbeddingEntry is the vector of one input.
type EmbeddingEntry struct {
	Object    string `json:"object"` // is always embedding
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // holds numbers, or base64 of little-endian float32
}

// EmbeddingUsage counts tokens; it is zero if the model's server returned no counts.
type EmbeddingUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

// embeddings answers POST /v1/embeddings.
func (g *Gateway) embeddings(x *exchange, r *http.Request) error {
	var body EmbeddingRequest
	if err := decode(x, r, maxTextsBody, &body); err != nil {
		return err
	}
	request, err := body.request()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), textsDeadline)
	defer cancel()
	done, err := g.roomForVectors(ctx, len(request.Texts))
	if err != nil {
		return err
	}
	defer done()
	vectors, usage, err := g.embedder.Embed(ctx, request)
	if err != nil {
		return ofModel(config.StageEmbedding, err)
	}
	list := EmbeddingList{
		Object: "list",
		Data:   make([]EmbeddingEntry, len(vectors)),
		Model:  g.config.Models.Embedding.Name,
	}
	for i, v := range vectors {
		list.Data[i] = EmbeddingEntry{Object: "embedding", Index: i, Embedding: v}
		if body.EncodingFormat == "base64" {
			list.Data[i].Embedding = base64.StdEncoding.EncodeToString(vector.Encode(v))
		}
	}
	if usage != nil {
		list.Usage = EmbeddingUsage{usage.PromptTokens, usage.TotalTokens}
		access.Spend(r.Context(), usage.TotalTokens)
	}
	return x.sendJSON(list)
}

// Until it has been sent, a vector of 1,024 dimensions takes 30 kB, most of it as JSON. So requests of more than
// fewTexts share manyTexts: 120 MB. The others are bounded by their places.
const (
	fewTexts  = 32
	manyTexts = 2 * maxInputs
)

// roomForVectors waits until the vectors of so many texts may be held, or the patience ends.
func (g *Gateway) roomForVectors(ctx context.Context, texts int) (done func(), err error) {
	if texts <= fewTexts {
		return func() {}, nil
	}
	n := int64(texts)
	if !g.vectors.TryAcquire(n) {
		waiting, stop := context.WithTimeout(ctx, g.vectorsWait)
		defer stop()
		if err := g.vectors.Acquire(waiting, n); err != nil {
			return nil, cmp.Or[error](ctx.Err(), busy())
		}
	}
	return func() { g.vectors.Release(n) }, nil
}

func (b *EmbeddingRequest) request() (model.EmbedRequest, error) {
	texts, err := inputs(b.Input)
	if err != nil {
		return model.EmbedRequest{}, err
	}
	r := model.EmbedRequest{
		Texts:      texts,
		InputType:  cmp.Or(b.InputType, "query"),
		Truncate:   cmp.Or(b.Truncate, "NONE"),
		Dimensions: b.Dimensions,
	}
	switch {
	case r.InputType != "query" && r.InputType != "passage":
		return r, invalid("input_type", "must be query or passage")
	case r.Truncate != "NONE" && r.Truncate != "START" && r.Truncate != "END":
		return r, invalid("truncate", "must be NONE, START or END")
	case b.EncodingFormat != "" && b.EncodingFormat != "float" && b.EncodingFormat != "base64":
		return r, invalid("encoding_format", "must be float or base64")
	case b.Dimensions < 0:
		return r, invalid("dimensions", "must be at least 1")
	}
	return r, nil
}

// inputs reads a string or a list of strings, or the same as token ids.
func inputs(raw json.RawMessage) ([]string, error) {
	var texts []string
	if json.Unmarshal(raw, &texts) != nil {
		var err error
		if texts, err = otherInputs(raw); err != nil {
			return nil, err
		}
	}
	if len(texts) == 0 || len(texts) > maxInputs {
		return nil, invalid("input", "must be a string or a list of 1 to %d strings", maxInputs)
	}
	for i, t := range texts {
		if t == "" {
			return nil, invalid("input", "text %d is empty", i)
		}
	}
	return texts, nil
}

// otherInputs reads an input that is not a list of strings.
func otherInputs(raw json.RawMessage) ([]string, error) {
	if one, ok := text(raw); ok {
		return []string{one}, nil
	}
	texts, ok, err := detokenised(raw)
	if !ok {
		return nil, invalid("input", "must be a string or a list of strings, or their token ids of cl100k_base")
	}
	return texts, err
}

// RankingRequest is the body of POST /v1/ranking, in NIM's format. The pipeline's reranking model
// answers, whatever the field model contains, and truncates long texts at their end.
type RankingRequest struct {
	Query    RankingText   `json:"query"`
	Passages []RankingText `json:"passages"`
}

// RankingText is the query or a passage.
type RankingText struct {
	Text  string          `json:"text"`
	Image json.RawMessage `json:"image,omitempty"` // is refused unless empty
}

// RankingResponse is the reply of POST /v1/ranking: every passage once, best first, because clients
// truncate the list without sorting it.
type RankingResponse struct {
	Rankings []Ranking `json:"rankings"`
}

// Ranking is the score of a passage.
type Ranking struct {
	Index int     `json:"index"`
	Logit float64 `json:"logit"`
}

// ranking answers POST /v1/ranking.
func (g *Gateway) ranking(x *exchange, r *http.Request) error {
	if g.ranker == nil {
		return notFound("NoModel", "this pipeline has no reranking model")
	}
	var body RankingRequest
	if err := decode(x, r, maxTextsBody, &body); err != nil {
		return err
	}
	passages, err := body.texts()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), textsDeadline)
	defer cancel()
	ranked, err := g.ranker.Rank(ctx, body.Query.Text, passages)
	if err != nil {
		return ofModel(config.StageReranking, err)
	}
	reply := RankingResponse{Rankings: make([]Ranking, len(ranked))}
	for i, r := range ranked {
		reply.Rankings[i] = Ranking{Index: r.Index, Logit: r.Score}
	}
	return x.sendJSON(reply)
}

func (b *RankingRequest) texts() ([]string, error) {
	if b.Query.Text == "" {
		return nil, invalid("query.text", "is empty")
	}
	if !isEmpty(b.Query.Image) {
		return nil, unsupported("query.image", "images are not supported")
	}
	if len(b.Passages) == 0 || len(b.Passages) > maxPassages {
		return nil, invalid("passages", "must have 1 to %d passages", maxPassages)
	}
	texts := make([]string, len(b.Passages))
	for i, p := range b.Passages {
		if !isEmpty(p.Image) {
			return nil, unsupported(fmt.Sprintf("passages[%d].image", i), "images are not supported")
		}
		if p.Text == "" {
			return nil, invalid(fmt.Sprintf("passages[%d].text", i), "is empty")
		}
		texts[i] = p.Text
	}
	return texts, nil
}
