package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// Bodies have these bounds: maxQuestionBody for questions with their history, maxTextsBody for
// texts to embed or rank.
const (
	maxQuestionBody = 1 << 20
	maxTextsBody    = 8 << 20
)

// decode reads the request's body into v, and then takes a place for the request: before that, its client
// may take its time. It ignores unknown fields, as OpenAI's servers do, but refuses those that name an
// endpoint.
func decode(x *exchange, r *http.Request, limit int64, v any) error {
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return failure(http.StatusUnsupportedMediaType, "Unsupported", "the body is compressed; send it as it is")
	}
	body, err := x.read(r, limit)
	if err != nil {
		return err
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // which editors of Windows put before a file
	each := int64(valueBytes)
	if limit == maxQuestionBody {
		each = turnBytes
	}
	if err := x.holdValues(body, each); err != nil {
		return err
	}
	if err := parse(body, v); err != nil {
		return err
	}
	if w, ok := v.(interface{ weight() int }); ok {
		x.weight = w.weight()
	}
	return x.enter(r.Context())
}

func tooLarge(limit int64) *Failure {
	return failure(http.StatusRequestEntityTooLarge, "TooLarge", fmt.Sprintf("the body has more than %d bytes", limit))
}

// parse reads JSON. Its error names the position or the field that is wrong.
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
		return invalid(mismatch.Field, "%s", wrongType(mismatch))
	}
	if err != nil {
		return err
	}
	return refuseEndpoints(body)
}

// syntaxMessage is the parser's message without the character that it quotes.
func syntaxMessage(e *json.SyntaxError) string {
	if strings.HasPrefix(e.Error(), "unexpected end") {
		return "it ends too early"
	}
	if _, where, ok := strings.Cut(e.Error(), "' "); ok {
		return "unexpected character " + where
	}
	return "unexpected character"
}

// position returns the line and the column of the byte before offset. Both count from 1, and the
// column counts bytes.
func position(body []byte, offset int64) (line, column int) {
	before := body[:min(max(offset-1, 0), int64(len(body)))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// wrongType says what a value must be or not be. JSON has one kind of numbers, of which Go has several.
func wrongType(mismatch *json.UnmarshalTypeError) string {
	kind, _, _ := strings.Cut(mismatch.Value, " ")
	switch of := mismatch.Type.Kind(); {
	case kind == "number" && (of == reflect.Float64 || of == reflect.Float32):
		return "must not be so large a number"
	case kind == "number" && of >= reflect.Int && of <= reflect.Uint64:
		return "must be a whole number, and not so large"
	}
	return "must not be " + article(mismatch.Value)
}

// article turns a JSON value's kind into a noun phrase: "number 1.5" becomes "a number".
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

// refuseEndpoints refuses top-level fields that name an endpoint, which NVIDIA's clients may send.
// The gateway would ignore them like any unknown field, but their sender should learn that.
func refuseEndpoints(body []byte) error {
	if !bytes.Contains(body, []byte(`_endpoint"`)) && !bytes.Contains(body, []byte(`_url"`)) {
		return nil // nearly always: spare the second parsing
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return err // unreachable: the body was parsed before
	}
	for name, value := range fields {
		if isEndpoint(name) && !isEmpty(value) {
			return invalid(name, "not allowed; only the pipeline sets endpoints")
		}
	}
	return nil
}

func isEndpoint(field string) bool {
	return strings.HasSuffix(field, "_endpoint") || strings.HasSuffix(field, "_url")
}

// isEmpty reports whether a field is absent or has the empty value of its type.
func isEmpty(raw json.RawMessage) bool {
	switch string(bytes.TrimSpace(raw)) {
	case "", "null", `""`, "[]", "{}", "false", "0":
		return true
	}
	return false
}

// text reads a JSON string. It returns "" for null, and reports whether raw is either.
func text(raw json.RawMessage) (s string, ok bool) {
	return s, len(raw) == 0 || json.Unmarshal(raw, &s) == nil
}
