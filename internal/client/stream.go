package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// Answer is what a streamed answer consists of besides its text.
type Answer struct {
	Text      string
	Citations []gateway.Citation
	// Cited has the n of each passage that the answer cites; it is nil if that is not known.
	Cited    []int
	Warnings []query.Warning
	Metrics  gateway.Metrics
}

// errCut is that a stream ended without its last event: half an answer is not a whole one.
var errCut = errors.New("the connection ended in the middle of the answer: ask again")

// event is an event of the stream: a chunk, or an error.
type event struct {
	gateway.Chunk
	Error *gateway.Failure `json:"error"`
}

// Stream asks, and calls text with each piece of the answer as it arrives.
func (c *Client) Stream(ctx context.Context, q Question, text func(string) error) (*Answer, error) {
	q.Stream = true
	reply, err := c.send(ctx, http.MethodPost, "/v1/chat/completions", q)
	if err != nil {
		return nil, err
	}
	defer reply.Body.Close()
	answer := new(Answer)
	lines := bufio.NewScanner(reply.Body)
	lines.Buffer(make([]byte, 64<<10), maxReply)
	for lines.Scan() {
		data, found := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !found {
			continue // a comment, or the end of an event
		}
		if string(data) == "[DONE]" {
			return answer, nil
		}
		var e event
		if err := json.Unmarshal(data, &e); err != nil {
			return answer, fmt.Errorf("read the answer of %s: %w; check that the URL is a gateway's", c.base, err)
		}
		if e.Error != nil {
			return answer, &Error{Status: reply.StatusCode, Code: e.Error.Code, Message: e.Error.Message}
		}
		if err := answer.add(&e, text); err != nil {
			return answer, err
		}
	}
	if err := lines.Err(); err != nil {
		return answer, fmt.Errorf("read the answer: %w", err)
	}
	return answer, errCut
}

func (a *Answer) add(e *event, text func(string) error) error {
	a.Warnings = append(a.Warnings, e.Warnings...)
	if e.Citations != nil {
		a.Citations = e.Citations.Results
	}
	if e.Metrics != nil {
		a.Metrics, a.Cited = *e.Metrics, e.Cited
	}
	for _, choice := range e.Choices {
		if piece := choice.Delta.Content; piece != nil && *piece != "" {
			a.Text += *piece
			if err := text(*piece); err != nil {
				return err
			}
		}
	}
	return nil
}
