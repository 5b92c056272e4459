package model

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

var (
	errCutOff    = errors.New("its stream ended before the answer did")
	errNoChoices = errors.New("it has no choices")
	errEnded     = errors.New("its answer ended in an error that it does not tell")
)

// readStream hands a streamed answer to delta, and returns its end.
func (c *Chat) readStream(ctx context.Context, resp *reply, r ChatRequest, delta Delta) (*Completion, error) {
	think := newThinkFilter(thinkStyle(c.thinkStyle.Load()), false)
	var content strings.Builder
	send := func(s string) error {
		if s == "" {
			return nil
		}
		content.WriteString(s)
		return asDeltaError(delta(s))
	}
	end, err := c.readChunks(resp, func(chunk *chatReply) error { return send(think.push(chunk.content)) })
	if err != nil {
		return nil, err
	}
	if err := send(think.flush(r.stopped(end.finish))); err != nil {
		return nil, err
	}
	return ended(ctx, content.String(), end, think.cut, delta)
}

// gather reads a streamed answer as one that is not streamed.
func (c *Chat) gather(ctx context.Context, resp *reply, r ChatRequest) (*Completion, chatReply, error) {
	var content strings.Builder
	raw, err := c.readChunks(resp, func(chunk *chatReply) error {
		content.WriteString(chunk.content)
		return nil
	})
	if err != nil {
		return nil, raw, err
	}
	raw.content = content.String()
	return c.whole(ctx, r, raw), raw, nil
}

// readChunks hands the chunks of a streamed answer to take, up to [DONE], or the end of the stream after
// a finish_reason. It returns all but the content.
func (c *Chat) readChunks(resp *reply, take func(*chatReply) error) (end chatReply, err error) {
	idle := &idleReader{in: resp.Body, watchdog: resp.watchdog, longest: idleTimeout}
	events := newSSEReader(idle)
	answered, written := false, false
	for {
		data, err := events.next()
		data = bytes.TrimSpace(data)
		if err != nil && end.finish != "" {
			break // nothing after the end of the answer is needed
		}
		if string(data) == "[DONE]" {
			idle.finish()
			break
		}
		switch {
		case errors.Is(err, io.EOF) && !answered:
			return end, c.client.unread(events.other, errCutOff)
		case errors.Is(err, io.EOF):
			return end, c.client.fail(config.ModelBroken, errCutOff)
		case errors.Is(err, errLineTooLong), errors.Is(err, errStreamTooLong):
			return end, c.client.fail(config.ModelBroken, err)
		case err != nil:
			return end, &readError{err}
		case len(data) == 0:
			continue
		}
		chunk, err := c.chunk(data, events.failed, answered)
		if err != nil {
			return end, err
		}
		if chunk.whole && written {
			chunk.content = "" // MiniMax ends a stream with the whole answer once more
		}
		written = written || chunk.content != ""
		if err := take(&chunk); err != nil {
			return end, err
		}
		answered = answered || chunk.hasFirst
		end.add(&chunk)
		if end.finish != "" {
			idle.longest = usageTimeout
		}
	}
	switch {
	case !answered:
		return end, c.client.fail(config.ModelBroken, errNoChoices)
	case end.finish == finishError:
		return end, c.client.fail(config.ModelBroken, errEnded)
	}
	return end, nil
}

// chunk reads one event. failed reports whether it is named error, and answered whether the answer has begun.
func (c *Chat) chunk(data []byte, failed, answered bool) (chatReply, error) {
	if failed {
		return chatReply{}, c.client.inBand(data)
	}
	chunk, err := parseChat(data)
	switch {
	case chunk.problem != nil:
		return chunk, c.client.inBand(chunk.problem)
	case err != nil && answered: // data may be a part of the answer, so it is not repeated
		return chunk, c.client.fail(config.ModelBroken, err)
	case err != nil:
		return chunk, c.client.unread(data, err)
	case !chunk.hasFirst && chunk.usage == nil && tellsError(data):
		return chunk, c.client.inBand(data)
	}
	return chunk, nil
}

// ended is a streamed answer that has come to its end. It hands a refusal, which comes in the place of an
// answer, to delta.
func ended(ctx context.Context, content string, end chatReply, thought bool, delta Delta) (*Completion, error) {
	answer := completion(content, end, thought)
	if answer.Refused {
		if err := asDeltaError(delta(answer.Content)); err != nil {
			return nil, err
		}
	}
	answer.Usage = end.usage
	describe(ctx, answer.FinishReason, answer.Usage)
	return answer, nil
}

// add takes the next chunk of a streamed answer, but not its content.
func (r *chatReply) add(chunk *chatReply) {
	r.refusal += chunk.refusal
	r.reasons = r.reasons || chunk.reasons
	if chunk.usage != nil {
		r.usage = chunk.usage
	}
	if chunk.finish != "" {
		r.finish = chunk.finish
	}
}

// idleReader resets the attempt's watchdog before each read, and stops it while the answer is
// passed on.
type idleReader struct {
	in       io.Reader
	watchdog *time.Timer
	longest  time.Duration
}

func (r *idleReader) Read(p []byte) (int, error) {
	r.watchdog.Reset(r.longest)
	n, err := r.in.Read(p)
	r.watchdog.Stop()
	return n, err
}

// finish reads the end of the body, which servers send a moment after [DONE]: only then can the
// connection serve another request.
func (r *idleReader) finish() {
	r.longest = closingTimeout
	_, _ = r.Read(make([]byte, 64))
}
