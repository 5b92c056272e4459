package model

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Role is what a model does in the pipeline.
type Role string

// The roles.
const (
	Embedding Role = "embedding"
	Reranking Role = "reranking"
	LLM       Role = "llm"
)

// Kind says what a failed call means for the caller. Its words are the reasons that status and errors show.
type Kind string

// The kinds.
const (
	Unreachable  Kind = "ModelUnreachable"  // no connection, or it broke
	NotReady     Kind = "ModelNotReady"     // 503 while loading
	Overloaded   Kind = "ModelOverloaded"   // 429, or 503 with a full queue, still after the retries
	Unauthorized Kind = "ModelUnauthorized" // 401, 403; or the key is missing
	Unpaid       Kind = "ModelUnpaid"       // 402
	NotFound     Kind = "ModelNotFound"     // 404: wrong path or name
	Retired      Kind = "ModelRetired"      // 410: the hosted model is at its end of life
	TooLong      Kind = "InputTooLong"      // the text exceeds the model's limit
	Rejected     Kind = "ModelRejected"     // any other 4xx: it will not take this request
	Broken       Kind = "ModelBroken"       // 5xx, or an answer that is not the protocol's
	TimedOut     Kind = "ModelTimedOut"     // no answer within the deadline
	CircuitOpen  Kind = "ModelCircuitOpen"  // it failed so often just now that it is not asked
)

// Error is a failed model call. Its text never holds a key, a prompt or a passage: of a server's reply it
// keeps at most a bounded, printable piece with the key cut out.
type Error struct {
	Role       Role
	Kind       Kind
	Model      string
	Status     int           // HTTP status; 0 when there was no reply
	Message    string        // what the server said, bounded
	RetryAfter time.Duration // from Retry-After; 0 when absent
	Err        error         // the cause below, if any
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s model %q: %s", e.Role, e.Model, remedies[e.Kind])
	if e.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Summary is e in words that are the same each time it happens, for status messages: without what the server
// said if that has figures in it, and of the causes only the innermost, for those above it name ports.
func (e *Error) Summary() string {
	stable := &Error{Role: e.Role, Kind: e.Kind, Model: e.Model, Status: e.Status}
	if !strings.ContainsFunc(e.Message, unicode.IsDigit) {
		stable.Message = e.Message
	}
	for err := e.Err; err != nil; err = errors.Unwrap(err) {
		stable.Err = err
	}
	return stable.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// KindOf finds the kind in err's chain; it is empty when err is nil or no failure of a model.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// remedies says of each kind what happened and what to do.
var remedies = map[Kind]string{
	Unreachable:  "cannot be reached; check its url and that it runs",
	NotReady:     "is not ready yet; it is still loading",
	Overloaded:   "is overloaded; ask fewer questions at once or add replicas",
	Unauthorized: "refused the API key; check secretRef",
	Unpaid:       "wants payment or an entitlement for this key",
	NotFound:     "is not known at this url; check url and model",
	Retired:      "has been retired; name a current model",
	TooLong:      "was given more text than it takes",
	Rejected:     "rejected the request",
	Broken:       "gave an answer that cannot be used",
	TimedOut:     "did not answer in time",
	CircuitOpen:  "failed repeatedly and is given a pause",
}
