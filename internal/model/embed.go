package model

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Embed passes a client's request on, at most 32 texts a request, or as many as the server takes, with
// the prefixes of the pipeline. Only the request's own Truncate cuts texts.
func (e *Embedder) Embed(ctx context.Context, r EmbedRequest) ([][]float32, *Usage, error) {
	out := make([][]float32, 0, len(r.Texts))
	var used *Usage
	for texts := r.Texts; len(texts) > 0; {
		n := min(len(texts), int(e.most.Load()))
		vectors, usage, err := e.embedPart(ctx, &r, texts[:n])
		if err != nil {
			return nil, nil, err
		}
		out, used, texts = append(out, vectors...), used.plus(usage), texts[n:]
	}
	return out, used, nil
}

// embedPart embeds a part of the texts, in parts where the server finds them too many, and in halves where too long.
func (e *Embedder) embedPart(ctx context.Context, r *EmbedRequest, texts []string) ([][]float32, *Usage, error) {
	vectors, usage, err := e.post(ctx, embedCall{
		texts: texts, input: r.InputType, truncate: r.Truncate, dimensions: r.Dimensions, retry: interactive,
	})
	limit, counts := passageLimit(err, len(texts))
	switch {
	case counts && len(texts) > 1:
		vectors, usage, err = e.inParts(ctx, r, texts, limit)
		if err == nil {
			e.takesAtMost(limit)
		}
		return vectors, usage, err
	case FailureOf(err) != config.InputTooLong:
		return vectors, usage, err
	case len(texts) == 1:
		return e.embedShortened(ctx, r, texts[0], err)
	}
	return e.inParts(ctx, r, texts, (len(texts)+1)/2)
}

// inParts embeds texts in requests of so many.
func (e *Embedder) inParts(
	ctx context.Context, r *EmbedRequest, texts []string, size int,
) ([][]float32, *Usage, error) {
	out := make([][]float32, 0, len(texts))
	var used *Usage
	for part := range slices.Chunk(texts, size) {
		vectors, usage, err := e.embedPart(ctx, r, part)
		if err != nil {
			return nil, nil, err
		}
		out, used = append(out, vectors...), used.plus(usage)
	}
	return out, used, nil
}

// embedShortened embeds the first or last half of a text, as Truncate says, for a server that does not
// truncate by itself.
func (e *Embedder) embedShortened(
	ctx context.Context, r *EmbedRequest, text string, err error,
) ([][]float32, *Usage, error) {
	half := firstHalf(text)
	if r.Truncate == "START" {
		half = text[len(half):]
		if utf8.RuneCountInString(text) < 2 {
			half = ""
		}
	}
	if cmp.Or(r.Truncate, truncateNone) == truncateNone || half == "" {
		return nil, nil, err
	}
	return e.embedPart(ctx, r, []string{half})
}

// takesAtMost remembers how many texts the server takes at once, after so few of them were taken that it had refused
// together: a text of one caller that is refused in such words must not cut the requests of others.
func (e *Embedder) takesAtMost(n int) {
	for known := e.most.Load(); int32(n) < known; known = e.most.Load() {
		if e.most.CompareAndSwap(known, int32(n)) {
			e.client.learned(fmt.Sprintf("embeds at most %d texts a request", n))
			return
		}
	}
}
