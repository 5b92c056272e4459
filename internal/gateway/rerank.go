package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// maxRankFields is how many fields of a document may be ranked.
const maxRankFields = 64

// RerankRequest is the body of POST /v1/rerank and /v2/rerank, in Cohere's formats. The pipeline's
// reranking model answers, whatever the field model contains, and truncates long texts at their end.
type RerankRequest struct {
	Query     string            `json:"query"`
	Documents []json.RawMessage `json:"documents"` // has strings or objects
	TopN      *int              `json:"top_n"`     // counts the results; all by default
	// ReturnDocuments repeats each document in its result.
	ReturnDocuments bool `json:"return_documents"`
	// RankFields names the fields of objects that are ranked, in order (default text).
	RankFields []string `json:"rank_fields"`
}

// RerankResponse is the reply of POST /v1/rerank and /v2/rerank, in Cohere's format: the best results
// first.
type RerankResponse struct {
	ID      string         `json:"id"`
	Results []RerankResult `json:"results"`
	Meta    RerankMeta     `json:"meta"`
}

// RerankResult is the score of a document.
type RerankResult struct {
	Index          int     `json:"index"`
	RelevanceScore float64 `json:"relevance_score"` // is from 0 to 1
	// Document is the object that was sent, or one with the text that was sent.
	Document json.RawMessage `json:"document,omitempty"`
}

// RerankMeta names the version of Cohere's API that the reply follows.
type RerankMeta struct {
	APIVersion RerankVersion `json:"api_version"`
}

// RerankVersion is 1 or 2.
type RerankVersion struct {
	Version string `json:"version"`
}

// rerank answers in the format of a version of Cohere's API.
func (g *Gateway) rerank(version string) handler {
	return func(x *exchange, r *http.Request) error {
		if g.ranker == nil {
			return notFound("NoModel", "this pipeline has no reranking model")
		}
		var body RerankRequest
		if err := decode(x, r, maxTextsBody, &body); err != nil {
			return err
		}
		texts, err := body.texts()
		if err != nil {
			return err
		}
		if body.ReturnDocuments {
			if err := x.holdMore(size(body.Documents)); err != nil {
				return err
			}
		}
		ctx, cancel := context.WithTimeout(r.Context(), textsDeadline)
		defer cancel()
		ranked, err := g.ranker.Rank(ctx, body.Query, texts)
		if err != nil {
			return ofModel(config.StageReranking, err)
		}
		relevances := query.Relevances(g.config.Models.Reranking.Protocol, ranked)
		if body.TopN != nil {
			ranked = ranked[:min(*body.TopN, len(ranked))]
		}
		reply := RerankResponse{
			ID: x.id, Results: make([]RerankResult, len(ranked)), Meta: RerankMeta{RerankVersion{version}},
		}
		for i, one := range ranked {
			reply.Results[i] = RerankResult{Index: one.Index, RelevanceScore: relevances[i]}
			if body.ReturnDocuments {
				reply.Results[i].Document = asObject(body.Documents[one.Index])
			}
		}
		return x.sendJSON(reply)
	}
}

// texts checks the body and returns the text of each document.
func (b *RerankRequest) texts() ([]string, error) {
	switch {
	case b.Query == "":
		return nil, invalid("query", "is empty")
	case len(b.Documents) == 0 || len(b.Documents) > maxPassages:
		return nil, invalid("documents", "must have 1 to %d documents", maxPassages)
	case b.TopN != nil && *b.TopN < 1:
		return nil, invalid("top_n", "must be at least 1")
	case len(b.RankFields) > maxRankFields:
		return nil, invalid("rank_fields", "must have at most %d fields", maxRankFields)
	}
	fields := b.RankFields
	if len(fields) == 0 {
		fields = []string{"text"}
	}
	for i, field := range fields {
		if slices.Contains(fields[:i], field) { // each repeats the text of every document
			return nil, invalid(fmt.Sprintf("rank_fields[%d]", i), "names a field again")
		}
	}
	texts := make([]string, len(b.Documents))
	for i, raw := range b.Documents {
		var err error
		if texts[i], err = documentText(raw, fields); err != nil {
			return nil, invalid(fmt.Sprintf("documents[%d]", i), "%s", err)
		}
	}
	return texts, nil
}

// documentText is the text of a string, or of the named fields of an object, a line each.
func documentText(raw json.RawMessage, fields []string) (string, error) {
	if whole, ok := text(raw); ok && whole != "" {
		return whole, nil
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || object == nil {
		return "", fmt.Errorf("must be a text, or an object with the field %s", fields[0])
	}
	var found []string
	for _, field := range fields {
		if value, ok := text(object[field]); ok && value != "" {
			found = append(found, value)
		}
	}
	if len(found) == 0 {
		return "", fmt.Errorf("has no text in the fields that are ranked (%s)", strings.Join(fields, ", "))
	}
	return strings.Join(found, "\n"), nil
}

// size is how many bytes the documents take in a reply that repeats them.
func size(documents []json.RawMessage) (n int64) {
	for _, d := range documents {
		n += int64(len(d))
	}
	return n
}

// asObject is a document as a result repeats it.
func asObject(document json.RawMessage) json.RawMessage {
	if document[0] != '"' {
		return document
	}
	return json.RawMessage(`{"text":` + string(document) + `}`)
}
