package config

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// MaxSummaryBytes bounds a run's termination message: Kubernetes cuts one at 4,096 bytes.
const MaxSummaryBytes = 3500

// ExitUnusable is the exit code of a task's process whose config cannot be used, or whose embedding model is not the
// one that built the generation. A Job's pod failure policy ends a task at once on it, because running the same again
// cannot help. It is not 2: a Go process that panics or finds no memory ends with that, and may succeed the next time.
const ExitUnusable = 3

// Summary is what a run leaves in its pod's termination message, a JSON object. It is a hint: the ledger is the
// truth. The ingestion bounds each text, so that the whole stays under MaxSummaryBytes.
type Summary struct {
	Pipeline   string `json:"pipeline"`   // namespace/name
	Generation string `json:"generation"` // fingerprint

	// Listed is the sum of the next four.
	Listed    int `json:"listed"`
	Unchanged int `json:"unchanged"`
	Added     int `json:"added"`
	Changed   int `json:"changed"`
	Failed    int `json:"failed"`
	Removed   int `json:"removed"`
	Skipped   int `json:"skipped,omitempty"`  // of the failed ones, those that were not read, because they are parked
	Kept      int `json:"kept,omitempty"`     // vanished from a source, and kept as the config wants
	HeldBack  int `json:"heldBack,omitempty"` // vanished from a source, and kept because they are too many

	Indexed   int `json:"indexed"` // of the listed documents, in the index now
	Chunks    int `json:"chunks"`
	Embedded  int `json:"chunksEmbedded"`
	Reused    int `json:"chunksReused"`
	Truncated int `json:"chunksTruncated"`

	Bytes int64 `json:"bytes"` // read from the sources
	// Failures are the first of the failed documents.
	Failures []FailedDocument `json:"failures,omitempty"`
	Losses
	// Synced has as many sources as there is room for: those first that could not be listed or have removals held
	// back, and then by name.
	Synced  Synced  `json:"synced,omitzero"`
	Seconds float64 `json:"seconds"`
	// Error is why the run failed, empty when it did not; Reason is one word for it, where there is one.
	Error  string  `json:"error,omitempty"`
	Reason Failure `json:"reason,omitempty"`
}

// Add adds what another worker of the same run did.
func (s *Summary) Add(other Summary) {
	s.Pipeline, s.Generation = cmp.Or(s.Pipeline, other.Pipeline), cmp.Or(s.Generation, other.Generation)
	s.Listed += other.Listed
	s.Unchanged += other.Unchanged
	s.Added += other.Added
	s.Changed += other.Changed
	s.Failed += other.Failed
	s.Removed += other.Removed
	s.Skipped += other.Skipped
	s.Kept += other.Kept
	s.HeldBack += other.HeldBack
	s.Indexed += other.Indexed
	s.Chunks += other.Chunks
	s.Embedded += other.Embedded
	s.Reused += other.Reused
	s.Truncated += other.Truncated
	s.Bytes += other.Bytes
	s.Failures = FirstFailures(append(slices.Clip(s.Failures), other.Failures...))
	s.Losses.Add(other.Losses)
	s.Synced.Add(other.Synced)
	s.Seconds = max(s.Seconds, other.Seconds)
	if s.Error == "" {
		s.Error, s.Reason = other.Error, other.Reason
	}
}

// JSON returns the termination message. It leaves <, > and & as they are, so that they take one byte each.
func (s Summary) JSON() []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic("config: " + err.Error()) // numbers and strings always marshal
	}
	return bytes.TrimSpace(b.Bytes())
}

// ParseSummary reads a termination message.
func ParseSummary(message string) (*Summary, error) {
	if len(message) > 2*MaxSummaryBytes {
		return nil, fmt.Errorf("the run's summary has %d bytes, more than a run writes", len(message))
	}
	s := new(Summary)
	if err := json.Unmarshal([]byte(message), s); err != nil {
		return nil, fmt.Errorf("the run's summary: %w", err)
	}
	return s, nil
}
