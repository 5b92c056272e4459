package config

import (
	"encoding/json"
	"testing"
)

// What serves is found by its fingerprint: an operator that reads an earlier record must give it the same name.
func TestAnEarlierRecordKeepsItsFingerprint(t *testing.T) {
	for record, fingerprint := range map[string]string{
		`{"embedding":{"model":"m"},"chunking":{"size":800,"overlap":200,"unit":"Characters"},"analyser":"2",` +
			`"embeddedText":"2","extraction":"2"}`: "17c4c304",
		`{"embedding":{"model":"m","dimensions":64},"chunking":{"size":800,"overlap":200,"unit":"Tokens"},"analyser":"2",` +
			`"embeddedText":"2"}`: "547a028c",
	} {
		var g Generation
		if err := json.Unmarshal([]byte(record), &g); err != nil {
			t.Fatal(err)
		}
		if got := g.Fingerprint(); got != fingerprint {
			t.Errorf("%s has the fingerprint %s, want %s", record, got, fingerprint)
		}
	}
}
