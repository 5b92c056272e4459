package config

import (
	"encoding/json"
	"fmt"
)

// MaxSummaryBytes bounds a run's termination message: Kubernetes cuts one at 4,096 bytes.
const MaxSummaryBytes = 3500

// The reasons of a run that did all it could and yet left no complete generation.
const (
	ReasonNoDocuments        = "NoDocuments"        // the sources listed none
	ReasonAllDocumentsFailed = "AllDocumentsFailed" // there are documents, and not one could be indexed
	ReasonSourcesIncomplete  = "SourcesIncomplete"  // a source could not be listed whole
)

// Summary is what a run leaves in its pod's termination message, a JSON object. It is a hint: the ledger is the
// truth.
type Summary struct {
	Generation string `json:"generation"` // fingerprint
	Listed     int    `json:"listed"`
	Indexed    int    `json:"indexed"` // of the listed documents, in the index now
	Chunks     int    `json:"chunks"`
	Failed     int    `json:"failed"`
	Embedded   int    `json:"chunksEmbedded"`
	Reused     int    `json:"chunksReused"`
	// Failures are the first of the failed documents.
	Failures []Failure `json:"failures,omitempty"`
	// Error is why the run failed, empty when it did not. Reason is a CamelCase word for it, where there is one: one
	// of those above, or the kind of a model's failure.
	Error  string `json:"error,omitempty"`
	Reason string `json:"reason,omitempty"`
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
