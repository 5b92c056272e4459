package query

import (
	"encoding/json"
	"fmt"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// The bounds of a filter.
const (
	maxFilterKeys   = 16
	maxFilterValues = 64
	maxFilterText   = 1024 // bytes of a key or a value
)

// ParseFilter reads a filter as callers write it: a JSON object whose keys are ANDed, each value a string or a list
// of strings of which any may match. Nothing, null and an empty object take all.
func ParseFilter(raw json.RawMessage) (index.Filter, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, &Invalid{Field: "filter",
			Message: `must be an object such as {"source": "papers", "team": ["vision", "speech"]}`}
	}
	if len(values) > maxFilterKeys {
		return nil, &Invalid{Field: "filter",
			Message: fmt.Sprintf("has %d keys; at most %d are taken", len(values), maxFilterKeys)}
	}
	var filter index.Filter
	for key, raw := range values {
		if key == "" || len(key) > maxFilterText {
			return nil, &Invalid{Field: "filter", Message: fmt.Sprintf("a key must have 1 to %d bytes", maxFilterText)}
		}
		alternatives, err := filterValues(raw)
		if err != nil {
			return nil, &Invalid{Field: "filter." + key, Message: err.Error()}
		}
		if filter == nil {
			filter = index.Filter{}
		}
		filter[key] = alternatives
	}
	return filter, nil
}

func filterValues(raw json.RawMessage) ([]string, error) {
	var values []*string // pointers tell null from ""
	if err := json.Unmarshal(raw, &values); err != nil {
		var one *string
		if json.Unmarshal(raw, &one) != nil {
			return nil, fmt.Errorf("must be a string or a list of strings")
		}
		values = []*string{one}
	}
	if len(values) == 0 || len(values) > maxFilterValues {
		return nil, fmt.Errorf("must have 1 to %d values", maxFilterValues)
	}
	alternatives := make([]string, len(values))
	for i, v := range values {
		if v == nil {
			return nil, fmt.Errorf("must be a string or a list of strings")
		}
		if len(*v) > maxFilterText {
			return nil, fmt.Errorf("a value must have at most %d bytes", maxFilterText)
		}
		alternatives[i] = *v
	}
	return alternatives, nil
}
