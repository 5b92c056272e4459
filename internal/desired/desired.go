// Package desired says what should exist for a pipeline. It is pure: no client, no clock, no files.
//
// Children are the objects in a cluster, a file for each component; Ingest and Gateway are the data plane's configs,
// which `run` uses without a cluster. What needs names, labels or ports of these objects finds them here. The pipeline
// is one that the CRD's schema accepted and defaulted.
package desired

import "fmt"

// ConfigurationError is what the CRD's rules cannot check and no retry can cure: the user has to change the spec.
type ConfigurationError struct {
	Field   string // path of the field, from spec
	Message string // what is wrong and what to do
}

func (e *ConfigurationError) Error() string { return e.Field + ": " + e.Message }

func configurationErrorf(field, format string, args ...any) error {
	return &ConfigurationError{Field: field, Message: fmt.Sprintf(format, args...)}
}
