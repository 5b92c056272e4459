package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/query"
)

// stream sends an answer as server-sent events: chunks, then [DONE]. It is a query.Sender.
//
// Nothing is sent before the first word, so that a failure until then gets a status of its own; only when the stages
// take longer than a proxy's patience do comments keep the connection alive, and then the status is 200 for good.
type stream struct {
	w          http.ResponseWriter
	chunk      Chunk // what all chunks have in common
	withUsage  bool
	warned     int
	id         string
	buffer     bytes.Buffer
	encoder    *json.Encoder
	mu         sync.Mutex // between the answer and the keep-alive comments
	begun      bool
	ended      bool
	silence    time.Duration
	keepAlive  *time.Timer
	lastUpdate time.Time
}

func newStream(w http.ResponseWriter, id, pipeline string, withUsage bool, silence time.Duration) *stream {
	s := &stream{
		w:         w,
		chunk:     Chunk{ID: completionID(id), Object: "chat.completion.chunk", Created: time.Now().Unix(), Model: pipeline},
		withUsage: withUsage,
		id:        id,
		silence:   silence,
	}
	s.encoder = json.NewEncoder(&s.buffer)
	s.encoder.SetEscapeHTML(false)
	s.mu.Lock() // the first comment must find its own timer
	defer s.mu.Unlock()
	s.keepAlive = time.AfterFunc(silence, s.comment)
	return s
}

// Begin keeps the first chunk, which goes out with the first word.
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

// Delta sends a piece.
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

// End sends what is known at the end.
func (s *stream) End(r *query.Result) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	metrics := newMetrics(&r.Times)
	last := s.chunk
	last.Choices = []ChunkChoice{{FinishReason: &r.FinishReason}}
	last.Metrics, last.Warnings = &metrics, r.Warnings[s.warned:]
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

// failed sends a failure as the last event, if the stream has begun; if not, it is the caller's to answer.
func (s *stream) failed(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.begun {
		s.buffer.Reset()
		if s.add(failureOf(err).body(s.id)) == nil {
			_ = s.flush() // whoever has left will not miss it
		}
	}
	return err
}

// stop ends the comments: nothing may be written once the handler has returned.
func (s *stream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.keepAlive.Stop()
}

// comment keeps a silent connection alive. It holds no brace: NVIDIA's client takes any line with one for JSON.
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
	_ = s.flush() // a caller that has left is noticed by the answer
	s.keepAlive.Reset(s.silence)
}

// add puts an event into the buffer.
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
		h := s.w.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // nginx would hold chunks back
	}
	s.lastUpdate = time.Now()
	err := flush(s.w, s.buffer.Bytes())
	s.buffer.Reset()
	return err
}
