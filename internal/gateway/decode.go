package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The bounds of request bodies: questions with their history, and texts to embed or rank.
const (
	maxQuestionBody = 1 << 20
	maxTextsBody    = 8 << 20
)

// maxTrusted is how much room is made for a body because its length was announced; more comes with its bytes.
const maxTrusted = 64 << 10

// readDeadline bounds the reading of a body.
const readDeadline = 30 * time.Second

// decode reads the request's body into v. Unknown fields are ignored, as OpenAI's servers do, except that no request
// may name an endpoint.
func decode(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	body, err := readBody(w, r, limit)
	if err != nil {
		return err
	}
	return parse(body, v)
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	c := http.NewResponseController(w)
	if c.SetReadDeadline(time.Now().Add(readDeadline)) == nil {
		// It must not outlive the body: the server reads on to notice a caller that leaves.
		defer func() { _ = c.SetReadDeadline(time.Time{}) }()
	}
	if r.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	b := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), maxTrusted)+bytes.MinRead))
	_, err := b.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge(limit)
	}
	if err != nil {
		return nil, failure(http.StatusBadRequest, "InvalidRequest", "the body could not be read to its end")
	}
	return b.Bytes(), nil
}

func tooLarge(limit int64) *Failure {
	return failure(http.StatusRequestEntityTooLarge, "TooLarge", fmt.Sprintf("the body has more than %d bytes", limit))
}

// parse reads JSON and says where and what is wrong with it.
func parse(body []byte, v any) error {
	err := json.Unmarshal(body, v)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line, column := position(body, syntax.Offset)
		return failure(http.StatusBadRequest, "InvalidRequest",
			fmt.Sprintf("the body is not JSON: line %d, column %d: %s", line, column, syntaxMessage(syntax)))
	}
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if mismatch.Field == "" {
			return failure(http.StatusBadRequest, "InvalidRequest",
				"the body must be a JSON object, not "+article(mismatch.Value))
		}
		return invalid(mismatch.Field, "must not be %s", article(mismatch.Value))
	}
	if err != nil {
		return err
	}
	return refuseEndpoints(body)
}

// syntaxMessage is the parser's complaint without the character that it quotes.
func syntaxMessage(e *json.SyntaxError) string {
	if strings.HasPrefix(e.Error(), "unexpected end") {
		return "it ends too early"
	}
	if _, where, ok := strings.Cut(e.Error(), "' "); ok {
		return "unexpected character " + where
	}
	return "unexpected character"
}

// position is the line and the column, in bytes, both from 1, of the byte before offset.
func position(body []byte, offset int64) (line, column int) {
	before := body[:min(max(offset-1, 0), int64(len(body)))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// article makes a JSON value's kind readable: "number 1.5" gives "a number".
func article(kind string) string {
	word, _, _ := strings.Cut(kind, " ")
	switch word {
	case "bool":
		return "a boolean"
	case "array", "object":
		return "an " + word
	}
	return "a " + word
}

// refuseEndpoints refuses top-level fields that name an endpoint, as NVIDIA's clients may send them. They would be
// ignored anyway; whoever sends one should learn that.
func refuseEndpoints(body []byte) error {
	if !bytes.Contains(body, []byte(`_endpoint"`)) && !bytes.Contains(body, []byte(`_url"`)) {
		return nil // nearly always, and a second parsing is spared
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return err // it was parsed before
	}
	for name, value := range fields {
		if isEndpoint(name) && !isEmpty(value) {
			return invalid(name, "endpoints come from the pipeline only")
		}
	}
	return nil
}

func isEndpoint(field string) bool {
	return strings.HasSuffix(field, "_endpoint") || strings.HasSuffix(field, "_url")
}

// isEmpty tells whether a field's value says nothing.
func isEmpty(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", `""`, "[]", "{}", "false", "0":
		return true
	}
	return false
}

// text reads a JSON string, "" for null; ok is false for anything else.
func text(raw json.RawMessage) (s string, ok bool) {
	return s, len(raw) == 0 || json.Unmarshal(raw, &s) == nil
}
