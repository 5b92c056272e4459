package config

import (
	"errors"
	"fmt"
)

// Reason names in one word why a document is not in the index. The list is closed: it reaches the ledger,
// the Report and the pipeline's status, and users write alerts on it.
type Reason string

// The reasons.
const (
	NoTextLayer      Reason = "NoTextLayer"      // pages are images; there is no OCR
	Encrypted        Reason = "Encrypted"        // a password is needed
	Malformed        Reason = "Malformed"        // the bytes are not what the format demands
	TooLarge         Reason = "TooLarge"         // past a bound on bytes, text, chunks or memory
	TooComplex       Reason = "TooComplex"       // past the bound on nesting, columns or cells
	TimedOut         Reason = "TimedOut"         // extraction passed its deadline
	Unsupported      Reason = "Unsupported"      // no extractor reads this type
	Changed          Reason = "Changed"          // it changed while it was read
	Unreadable       Reason = "Unreadable"       // the source would not give its bytes
	EmbeddingRefused Reason = "EmbeddingRefused" // the embedding model refuses its text for good
	ServerFailed     Reason = "ServerFailed"     // the extraction server did not answer, or not usably; tried again
)

// MaxAttempts is in how many runs a version of a document may fail before it is parked: no run reads it again until it
// has another version, other readers may read it, or someone asks for it.
const MaxAttempts = 3

// DocumentError is the failure of one document by itself: it fails alone and the rest goes on.
type DocumentError struct {
	Reason Reason
	Err    error // what happened and what to do, for the user
}

func (e *DocumentError) Error() string { return string(e.Reason) + ": " + e.Err.Error() }
func (e *DocumentError) Unwrap() error { return e.Err }

// Failf makes a DocumentError; %w in the format keeps a cause.
func Failf(reason Reason, format string, args ...any) error {
	return &DocumentError{Reason: reason, Err: fmt.Errorf(format, args...)}
}

// ReasonOf finds the reason in err's chain; ok is false when err is not a document's own failure.
func ReasonOf(err error) (reason Reason, ok bool) {
	if e, found := errors.AsType[*DocumentError](err); found {
		return e.Reason, true
	}
	return "", false
}
