package gateway

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/query"
)

// stream sends an answer as server-sent events: chunks, then [DONE]. It is a query.Sender.
//
// It sends nothing before the first word, so that a failure until then gets a status of its own.
// Only if the stages take so long that a proxy might close the connection, comments keep it alive;
// then the status is 200, whatever follows.
type stream struct {
	x          *exchange
	chunk      Chunk // holds what all chunks have in common
	withUsage  bool
	warned     int // counts the warnings that were sent
	buffer     bytes.Buffer
	encoder    *json.Encoder
	mu         sync.Mutex // is held by the answer or by a keep-alive comment
	begun      bool
	ended      bool
	silence    time.Duration
	keepAlive  *time.Timer
	lastUpdate time.Time
}

func newStream(x *exchange, pipeline string, withUsage bool, silence time.Duration) *stream {
	s := &stream{
		x: x,
		chunk: Chunk{
			ID:      completionID(x.id),
			Object:  "chat.completion.chunk",
			Created: time.Now().Unix(),
			Model:   pipeline,
		},
		withUsage: withUsage,
		silence:   silence,
	}
	s.encoder = json.NewEncoder(&s.buffer)
	s.encoder.SetEscapeHTML(false)
	s.mu.Lock() // the first comment needs keepAlive
	defer s.mu.Unlock()
	s.keepAlive = time.AfterFunc(silence, s.comment)
	return s
}

// Begin buffers the first chunk, which is sent with the first word.
func (s *stream) Begin(r *query.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	citations := newCitations(r.Passages)
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
	next := s.chunk
	next.Choices = []ChunkChoice{{Delta: Delta{Content: &content}}}
	if err := s.add(next); err != nil {
		return err
	}
	return s.flush()
}

// End sends the metrics, the warnings that came last, and usage.
func (s *stream) End(r *query.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	metrics := answerMetrics(r)
	last := s.chunk
	last.Choices = []ChunkChoice{{FinishReason: &r.FinishReason}}
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

// failed sends an error as the last event if the stream has begun. It returns the error, so that
// the exchange sends it if the stream has not begun.
func (s *stream) failed(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.begun {
		s.buffer.Reset()
		if s.add(failureOf(err).body(s.x.id)) == nil {
			_ = s.flush() // the client is gone if this fails
		}
	}
	return err
}

// stop ends the comments, because nothing may be written once the handler has returned.
func (s *stream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.keepAlive.Stop()
}

// comment keeps a silent connection alive. It has no brace, because NVIDIA's client parses any line
// with a brace as JSON.
func (s *stream) comment() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	if wait := s.silence - time.Since(s.lastUpdate); wait > 0 {
		s.keepAlive.Reset(wait)
		return
	}
	pending := bytes.Clone(s.buffer.Bytes())
	s.buffer.Reset()
	s.buffer.WriteString(": keep-alive\n\n")
	s.buffer.Write(pending)
	_ = s.flush() // if the client is gone, the answer fails as well
	s.keepAlive.Reset(s.silence)
}

// add appends an event to the buffer.
func (s *stream) add(event any) error {
	s.buffer.WriteString("data: ")
	if err := s.encoder.Encode(event); err != nil {
		return err
	}
	s.buffer.WriteByte('\n') // Encode has written the first
	return nil
}

// flush sends the buffer.
func (s *stream) flush() error {
	if !s.begun {
		s.begun = true
		h := s.x.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // keeps nginx from buffering chunks
	}
	s.lastUpdate = time.Now()
	err := s.x.flush(s.buffer.Bytes())
	s.buffer.Reset()
	return err
}
