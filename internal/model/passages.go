package model

import (
	"context"
	"errors"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

const (
	// batchSize is how many passages one request carries. NIM documents no limit; its engines batch
	// 16 to 64.
	batchSize = 32
	// maxTimeouts is how often a batch and its parts may get no reply in time: down to a single text, which has
	// longestDeadline.
	maxTimeouts = 5
)

// Passages embeds texts for the index, in their order, at most 32 a request, and at a pace that the
// server bears. It cuts a text over the model's limit, and marks its result as truncated. It waits
// out a restart of about a minute and a rate limit of ten, and asks again, for fewer texts at once
// and with a longer deadline, where there is no reply in time.
func (e *Embedder) Passages(ctx context.Context, texts []string) ([]Embedded, error) {
	out := make([]Embedded, 0, len(texts))
	for start := 0; start < len(texts); start += batchSize {
		batch, err := e.batch(ctx, texts[start:min(start+batchSize, len(texts))], new(int))
		if err != nil {
			return nil, err
		}
		out = append(out, batch...)
		if len(out[start].Vector) != len(out[0].Vector) {
			return nil, e.client.fail(config.ModelBroken, errors.New("its vectors changed their length between two requests"))
		}
	}
	return out, nil
}

// batch embeds at most one request's worth of passages. It bisects to find those that are too long,
// and where there is no reply in time; timeouts counts how often there was none.
func (e *Embedder) batch(ctx context.Context, texts []string, timeouts *int) ([]Embedded, error) {
	half := (len(texts) + 1) / 2
	if len(texts) > min(e.pace.size(), int(e.most.Load())) {
		return e.parts(ctx, texts, half, timeouts)
	}
	vectors, _, err := e.post(ctx, embedCall{
		texts: texts, input: inputPassage, truncate: truncateNone, retry: background, pace: e.pace,
	})
	limit, counts := passageLimit(err, len(texts))
	switch {
	case err == nil:
		out := make([]Embedded, len(vectors))
		for i, v := range vectors {
			out[i].Vector = v
		}
		return out, nil
	case FailureOf(err) == config.ModelTimedOut && ctx.Err() == nil && *timeouts < maxTimeouts:
		*timeouts++
		e.client.logWait(err)
		if len(texts) == 1 {
			return e.batch(ctx, texts, timeouts)
		}
	case counts && len(texts) > 1:
		out, err := e.parts(ctx, texts, limit, timeouts)
		if err == nil {
			e.takesAtMost(limit)
		}
		return out, err
	case FailureOf(err) != config.InputTooLong:
		return nil, err
	case len(texts) == 1:
		v, short := e.shortened(ctx, embedCall{texts: texts, input: inputPassage, retry: background, pace: e.pace})
		return []Embedded{{Vector: v, Truncated: true, Limit: messageOf(err)}}, short
	}
	return e.parts(ctx, texts, half, timeouts)
}

// parts embeds passages in batches of so many.
func (e *Embedder) parts(ctx context.Context, texts []string, size int, timeouts *int) ([]Embedded, error) {
	out := make([]Embedded, 0, len(texts))
	for part := range slices.Chunk(texts, size) {
		embedded, err := e.batch(ctx, part, timeouts)
		if err != nil {
			return nil, err
		}
		out = append(out, embedded...)
	}
	return out, nil
}

// messageOf is the server's message, without our own words.
func messageOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return ""
}

// Query embeds a question; one over the model's limit is cut at its end.
func (e *Embedder) Query(ctx context.Context, text string) ([]float32, error) {
	return e.shortened(ctx, embedCall{texts: []string{text}, input: inputQuery, retry: interactive})
}

// PatientQuery is Query for an ingestion: it waits for a slow or busy model as Passages does.
func (e *Embedder) PatientQuery(ctx context.Context, text string) ([]float32, error) {
	call := embedCall{texts: []string{text}, input: inputQuery, retry: background, pace: e.pace}
	for timeouts := 0; ; timeouts++ {
		vector, err := e.shortened(ctx, call)
		if FailureOf(err) != config.ModelTimedOut || ctx.Err() != nil || timeouts == maxTimeouts {
			return vector, err
		}
		e.client.logWait(err)
	}
}

// shortened embeds one text with its end cut off as far as needed: by the server where it can, else
// by halving the text until it is accepted.
func (e *Embedder) shortened(ctx context.Context, call embedCall) ([]float32, error) {
	call.truncate = truncateEnd
	for {
		vectors, _, err := e.post(ctx, call)
		if err == nil {
			return vectors[0], nil
		}
		shorter := firstHalf(call.texts[0])
		if FailureOf(err) != config.InputTooLong || shorter == "" {
			return nil, err
		}
		call.texts = []string{shorter}
	}
}

// firstHalf is the first half of s by code points, rounded down.
func firstHalf(s string) string {
	runes := []rune(s)
	return string(runes[:len(runes)/2])
}
