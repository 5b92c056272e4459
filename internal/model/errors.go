package model

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Error is a failed model call. Its text never holds a key, a prompt or a passage: it keeps at most a bounded,
// printable piece of the server's reply, with the key removed.
type Error struct {
	Stage      config.Stage
	Failure    config.Failure
	Model      string
	Status     int           // HTTP status; 0 when there was no reply
	Message    string        // what the server said, bounded
	RetryAfter time.Duration // from Retry-After; 0 when absent
	Err        error         // the cause below, if any
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s model %q %s", e.Stage, e.Model, e.Failure.Meaning().ForOperator)
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

// Summary describes e in words that are the same each time it happens, for status messages. It omits the server's
// message if that contains digits, and keeps only the innermost cause, because those above it name ports.
func (e *Error) Summary() string {
	stable := &Error{Stage: e.Stage, Failure: e.Failure, Model: e.Model, Status: e.Status}
	if !strings.ContainsFunc(e.Message, unicode.IsDigit) {
		stable.Message = e.Message
	}
	for err := e.Err; err != nil; err = errors.Unwrap(err) {
		stable.Err = err
	}
	return stable.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// FailureOf finds the failure of a model call in err's chain; it is empty when there is none.
func FailureOf(err error) config.Failure {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Failure
	}
	return ""
}
