package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// writeDeadline bounds each write: a caller that stops reading frees its place after that.
const writeDeadline = 30 * time.Second

// sendJSON answers 200 with v.
func sendJSON(w http.ResponseWriter, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, "application/json", b)
}

// encode is v's JSON, a line, with <, > and & as they are: no reply is part of an HTML page.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return b.Bytes(), err
}

// send writes a whole reply.
func send(w http.ResponseWriter, status int, contentType string, body []byte) error {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	return flush(w, body)
}

// flush writes b to the connection, under a deadline that ends with it: the connection may serve other requests.
func flush(w http.ResponseWriter, b []byte) error {
	c := http.NewResponseController(w)
	if c.SetWriteDeadline(time.Now().Add(writeDeadline)) == nil { // a test's recorder has none
		defer func() { _ = c.SetWriteDeadline(time.Time{}) }()
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	return c.Flush()
}
