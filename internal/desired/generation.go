package desired

import (
	"encoding/json"

	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// records pin what each generation is.
func (b builder) records() []Child {
	var children []Child
	for _, r := range b.generations() {
		fingerprint := r.Fingerprint()
		children = append(children, b.immutable(b.names.Generation(fingerprint), naming.ComponentGeneration, fingerprint, RecordKey, r))
	}
	return children
}

// document is v as JSON that a person can read.
func indentedJSON(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("desired: " + err.Error()) // only configs and records come here; config.Hash has marshalled them before
	}
	return string(b) + "\n"
}
