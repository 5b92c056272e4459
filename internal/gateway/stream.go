package gateway

import (
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// stream sends an answer as server-sent events: chunks, then [DONE]. It is a query.Sender.
type stream struct {
	eventWriter
	config    *config.Gateway
	chunk     Chunk // holds what all chunks have in common
	withUsage bool
	warned    int // counts the warnings that were sent
}

func newStream(x *exchange, c *config.Gateway, withUsage bool, silence time.Duration) *stream {
	s := &stream{
		config: c,
		chunk: Chunk{
			ID:      completionID(x.id),
			Object:  "chat.completion.chunk",
			Created: time.Now().Unix(),
			Model:   c.Pipeline.Name,
		},
		withUsage: withUsage,
	}
	s.start(x, silence)
	return s
}

// progress sends that a stage has begun. If the client is gone, the answer fails as well.
func (s *stream) progress(p query.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.chunk
	next.Choices, next.Progress = []ChunkChoice{}, &p
	if s.add(next) == nil {
		_ = s.flush()
	}
}

// Begin buffers the first chunk, which is sent with the first word.
func (s *stream) Begin(r *query.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	citations := newCitations(r.Passages, linksOf(s.config))
	first := s.chunk
	first.Choices = []ChunkChoice{{Delta: Delta{Role: "assistant", Content: new(string)}}}
	first.Citations, first.Warnings = &citations, r.Warnings
	s.warned = len(r.Warnings)
	return s.add(first)
}

// Delta sends a piece of the answer.
func (s *stream) Delta(content string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.text(content); err != nil {
		return err
	}
	return s.flush()
}

// text appends a piece of the answer to the buffer.
func (s *stream) text(content string) error {
	next := s.chunk
	next.Choices = []ChunkChoice{{Delta: Delta{Content: &content}}}
	return s.add(next)
}

// End sends the list of sources if the text is to have one, which passages were cited, the metrics,
// the warnings that came last, and usage.
func (s *stream) End(r *query.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list := sourceList(s.config, r); list != "" {
		if err := s.text(list); err != nil {
			return err
		}
	}
	metrics := answerMetrics(r)
	last := s.chunk
	last.Choices = []ChunkChoice{{
		Delta:        Delta{Annotations: annotations(s.config, r)},
		FinishReason: &r.FinishReason,
	}}
	last.Metrics, last.Warnings, last.Cited = &metrics, r.Warnings[s.warned:], r.Cited
	if err := s.add(last); err != nil {
		return err
	}
	if s.withUsage && r.Usage != nil {
		usage := s.chunk
		usage.Choices, usage.Usage = []ChunkChoice{}, r.Usage
		if err := s.add(usage); err != nil {
			return err
		}
	}
	s.buffer.WriteString("data: [DONE]\n\n")
	return s.flush()
}

// failed sends an error as the last event if the stream has begun, and returns it.
func (s *stream) failed(err error) error {
	return s.eventWriter.failed(err, func() error { return s.add(failureOf(err).body(s.x.id)) })
}
