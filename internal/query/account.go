package query

import (
	"context"

	"github.com/ragpipeline/ragpipeline/internal/access"
)

// bytesPerToken is about what a token of English has.
const bytesPerToken = 4

// show records for the audit that the caller was shown the passages.
func show(ctx context.Context, passages []Passage) {
	for i := range passages {
		access.Show(ctx, passages[i].Document)
	}
}

// account records which documents a reply showed its caller, and how many tokens the LLM worked on. An LLM that does
// not count them, or was cut short, is taken to have read the conversation and the passages, and to have written what
// came.
func account(ctx context.Context, r Request, reply *reply, err error) {
	result := &reply.result
	if err == nil || reply.begun {
		show(ctx, result.Passages)
	}
	switch {
	case result.Usage != nil:
		access.Spend(ctx, result.Usage.TotalTokens)
	case result.Times.LLM > 0:
		bytes := max(len(result.Answer), reply.sent.Len())
		for i := range result.Passages {
			bytes += len(result.Passages[i].Text)
		}
		for _, m := range r.Messages {
			bytes += len(m.Content)
		}
		access.Spend(ctx, bytes/bytesPerToken)
	}
}
