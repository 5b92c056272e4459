package desired

import (
	"encoding/json"

	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// records pin what each generation is.
func (m maker) records() []Child {
	var children []Child
	for _, r := range m.generations() {
		fingerprint := r.Fingerprint()
		children = append(children, m.immutable(m.names.Generation(fingerprint), naming.ComponentGeneration, fingerprint, RecordKey, r))
	}
	return children
}

// document is v as JSON that a person can read.
func document(v any) string {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("desired: " + err.Error()) // only configs and records come here; config.Hash has marshalled them before
	}
	return string(b) + "\n"
}
