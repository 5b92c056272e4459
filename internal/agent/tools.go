package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// SearchInput is what the tool search takes.
type SearchInput struct {
	Query string `json:"query" jsonschema:"a question, or words of the documents"`
	Limit int    `json:"limit,omitempty" jsonschema:"most passages, 1 to 25; without it, the pipeline's own"`
	// Filter is in the form of the gateway's own.
	Filter map[string]any `json:"filter,omitempty" jsonschema:"conditions on metadata, as {\"year\": {\"$gte\": 2023}}"`
}

// SearchOutput is what the tool search returns.
type SearchOutput struct {
	Passages []Passage `json:"passages" jsonschema:"best first"`
	Warnings []string  `json:"warnings,omitempty" jsonschema:"why the result is incomplete"`
}

// Passage is a passage of a document.
type Passage struct {
	Number   int            `json:"number" jsonschema:"counts from 1; [n] in an answer refers to it"`
	Document string         `json:"document" jsonschema:"the document's identity, of the form source/path"`
	Resource string         `json:"resource" jsonschema:"URI of the resource with the document's text"`
	Title    string         `json:"title,omitempty"`
	Heading  string         `json:"heading,omitempty"`
	Page     int            `json:"page,omitempty" jsonschema:"page or slide, from 1"`
	Text     string         `json:"text"`
	Score    float64        `json:"score" jsonschema:"from 0 to 1; comparable within one result only"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// AskInput is what the tool ask takes.
type AskInput struct {
	Question string         `json:"question" jsonschema:"a question that stands on its own"`
	Filter   map[string]any `json:"filter,omitempty" jsonschema:"conditions on metadata of documents, as for search"`
}

// AskOutput is what the tool ask returns.
type AskOutput struct {
	Answer   string    `json:"answer"`
	Sources  []Passage `json:"sources" jsonschema:"the passages that the answer cites, if that is known, or else all"`
	Warnings []string  `json:"warnings,omitempty" jsonschema:"why the answer is incomplete"`
}

func (p *pipelineServer) search(
	ctx context.Context, _ *mcp.CallToolRequest, in SearchInput,
) (*mcp.CallToolResult, SearchOutput, error) {
	var reply struct {
		citations
		Warnings []warning
	}
	err := p.post(ctx, "/v1/search", map[string]any{
		"query": in.Query, "reranker_top_k": in.Limit, "filter": in.Filter,
	}, &reply)
	return nil, SearchOutput{reply.passages(), texts(reply.Warnings)}, err
}

func (p *pipelineServer) ask(
	ctx context.Context, _ *mcp.CallToolRequest, in AskInput,
) (*mcp.CallToolResult, AskOutput, error) {
	var reply struct {
		Choices   []struct{ Message struct{ Content string } }
		Citations citations
		Cited     []int
		Warnings  []warning
	}
	err := p.post(ctx, "/v1/chat/completions", map[string]any{
		"messages": []any{map[string]any{"role": "user", "content": in.Question}}, "filter": in.Filter,
	}, &reply)
	out := AskOutput{Sources: reply.Citations.passages(), Warnings: texts(reply.Warnings)}
	if len(reply.Choices) > 0 {
		out.Answer = reply.Choices[0].Message.Content
	}
	if reply.Cited != nil {
		out.Sources = slices.DeleteFunc(out.Sources, func(p Passage) bool { return !slices.Contains(reply.Cited, p.Number) })
	}
	return nil, out, err
}

// post sends a request and reads the reply.
func (p *pipelineServer) post(ctx context.Context, path string, body, reply any) error {
	content, err := p.call(ctx, http.MethodPost, path, body)
	if err != nil {
		return err
	}
	return parse(content, reply)
}

func parse(content []byte, reply any) error {
	if err := json.Unmarshal(content, reply); err != nil {
		return fmt.Errorf("read the gateway's reply: %w", err)
	}
	return nil
}

// citations are passages as the gateway sends them.
type citations struct {
	Results []struct {
		Document string `json:"document_id"`
		Content  string
		Score    float64
		Metadata struct {
			Title, Heading string
			Page           int            `json:"page_number"`
			Metadata       map[string]any `json:"content_metadata"`
		}
	}
}

func (c *citations) passages() []Passage {
	all := make([]Passage, len(c.Results))
	for i, r := range c.Results {
		all[i] = Passage{
			Number: i + 1, Document: r.Document, Resource: uriOf(r.Document), Title: r.Metadata.Title,
			Heading: r.Metadata.Heading, Page: r.Metadata.Page, Text: r.Content, Score: r.Score, Metadata: r.Metadata.Metadata,
		}
	}
	return all
}

type warning struct{ Code, Message string }

func texts(warnings []warning) []string {
	var all []string
	for _, w := range warnings {
		all = append(all, w.Code+": "+w.Message)
	}
	return all
}
