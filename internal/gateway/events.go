package gateway

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

// eventWriter sends server-sent events.
//
// It sends nothing before the first flush, so that a failure until then gets a status of its own. Only
// if that takes so long that a proxy might close the connection, comments keep it alive; then the
// status is 200, whatever follows.
type eventWriter struct {
	x          *exchange
	buffer     bytes.Buffer
	encoder    *json.Encoder
	mu         sync.Mutex // is held by the answer or by a keep-alive comment
	begun      bool
	ended      bool
	silence    time.Duration
	keepAlive  *time.Timer
	lastUpdate time.Time
}

// start begins to keep the connection alive. stop must follow.
func (e *eventWriter) start(x *exchange, silence time.Duration) {
	e.x, e.silence = x, silence
	e.encoder = json.NewEncoder(&e.buffer)
	e.encoder.SetEscapeHTML(false)
	e.mu.Lock() // the first comment needs keepAlive
	defer e.mu.Unlock()
	e.keepAlive = time.AfterFunc(silence, e.comment)
}

// stop ends the comments, because nothing may be written once the handler has returned.
func (e *eventWriter) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = true
	e.keepAlive.Stop()
}

// failed lets add append the last event, which tells the error, if the stream has begun. It returns the
// error, so that the exchange sends it if the stream has not begun.
func (e *eventWriter) failed(err error, add func() error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil && e.begun {
		e.buffer.Reset()
		if add() == nil {
			_ = e.flush() // the client is gone if this fails
		}
	}
	return err
}

// comment keeps a silent connection alive. It has no brace, because NVIDIA's client parses any line
// with a brace as JSON.
func (e *eventWriter) comment() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return
	}
	if wait := e.silence - time.Since(e.lastUpdate); wait > 0 {
		e.keepAlive.Reset(wait)
		return
	}
	pending := bytes.Clone(e.buffer.Bytes())
	e.buffer.Reset()
	e.buffer.WriteString(": keep-alive\n\n")
	e.buffer.Write(pending)
	_ = e.flush() // if the client is gone, the answer fails as well
	e.keepAlive.Reset(e.silence)
}

// add appends an event to the buffer.
func (e *eventWriter) add(event any) error {
	e.buffer.WriteString("data: ")
	if err := e.encoder.Encode(event); err != nil {
		return err
	}
	e.buffer.WriteByte('\n') // Encode has written the first
	return nil
}

// flush sends the buffer.
func (e *eventWriter) flush() error {
	if !e.begun {
		e.begun = true
		h := e.x.Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // keeps nginx from buffering chunks
	}
	e.lastUpdate = time.Now()
	err := e.x.flush(e.buffer.Bytes())
	e.buffer.Reset()
	return err
}
