package manifest

import (
	"encoding/base64"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// maxEntriesBytes is what a ConfigMap or Secret may hold in all, by the API server's rule.
const maxEntriesBytes = 1 << 20

// entries returns what a ConfigMap or Secret holds, refusing what an API server would. It reads the fields by
// hand, because a decoder's errors may quote a Secret's value.
func (o *object) entries() (entries map[string][]byte, problems []*Problem) {
	e := &entriesReader{object: o, entries: map[string][]byte{}}
	if o.name() == "" {
		e.refuse("metadata.name", "is required")
	}
	if o.isSecret() {
		e.known("immutable", "type", "data", "stringData")
		e.read("data", fromBase64, false)
		e.read("stringData", asText, true) // wins over data
	} else {
		e.known("immutable", "data", "binaryData")
		e.read("data", asText, false)
		e.read("binaryData", fromBase64, false)
	}
	total := 0
	for _, value := range e.entries {
		total += len(value)
	}
	if total > maxEntriesBytes {
		e.refuse("data", "holds %d bytes, and 1 MiB is the most: split it, or give larger documents by a directory", total)
	}
	return e.entries, e.problems
}

type entriesReader struct {
	*object
	entries  map[string][]byte
	problems []*Problem
}

func (e *entriesReader) refuse(path, format string, args ...any) {
	e.problems = append(e.problems, e.problem(path, format, args...))
}

// known refuses fields that are neither named nor every object's.
func (e *entriesReader) known(fields ...string) {
	fields = append(fields, "apiVersion", "kind", "metadata")
	for _, field := range slices.Sorted(maps.Keys(e.fields)) {
		if !slices.Contains(fields, field) {
			slices.Sort(fields)
			e.refuse("", "unknown field %q: %s", field, fieldsHere(fields))
		}
	}
}

// read adds the entries of one field. What cannot be read is refused by path and type, never by value.
func (e *entriesReader) read(field string, decode func(string) ([]byte, error), overwrite bool) {
	value, ok := e.fields[field]
	if !ok || value == nil {
		return
	}
	values, ok := value.(map[string]any)
	if !ok {
		e.refuse(field, "must be a map from name to text")
		return
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		path := field + "[" + key + "]"
		for _, wrong := range validation.IsConfigMapKey(key) {
			e.refuse(path, "%s", wrong)
		}
		text, ok := values[key].(string)
		if !ok && values[key] != nil {
			e.refuse(path, "must be text: put it in quotes")
			continue
		}
		if _, twice := e.entries[key]; twice && !overwrite {
			e.refuse(path, "is in data too: remove one")
			continue
		}
		decoded, err := decode(text)
		if err != nil {
			e.refuse(path, "must be base64: %s takes plain text",
				map[bool]string{true: "stringData", false: "data"}[e.isSecret()])
			continue
		}
		e.entries[key] = decoded
	}
}

func asText(s string) ([]byte, error) { return []byte(s), nil }

func fromBase64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }
