package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

func TestParseFilter(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     index.Filter
	}{
		{"nothing", ``, nil},
		{"null", `null`, nil},
		{"an empty object", `{}`, nil},
		{"a string", `{"team": "vision"}`, index.Filter{"team": {"vision"}}},
		{"a list is alternatives", `{"source": ["a", "b"], "team": "x"}`, index.Filter{"source": {"a", "b"}, "team": {"x"}}},
		{"an empty value", `{"team": ""}`, index.Filter{"team": {""}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseFilter(json.RawMessage(tc.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("filter (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseFilterRefusesAndSaysWhichField(t *testing.T) {
	many := map[string]string{}
	for i := range maxFilterKeys + 1 {
		many[fmt.Sprint(i)] = "x"
	}
	tooMany, _ := json.Marshal(many)
	for _, tc := range []struct{ name, in, field string }{
		{"a list", `[]`, "filter"},
		{"an expression", `"team == 1"`, "filter"},
		{"a number", `{"year": 2022}`, "filter.year"},
		{"a null", `{"year": null}`, "filter.year"},
		{"a null in a list", `{"year": [null]}`, "filter.year"},
		{"a nested object", `{"year": {"gt": "2020"}}`, "filter.year"},
		{"a list with a number", `{"year": ["2020", 2021]}`, "filter.year"},
		{"no alternatives", `{"year": []}`, "filter.year"},
		{"an empty key", `{"": "x"}`, "filter"},
		{"too many keys", string(tooMany), "filter"},
		{"a value beyond the bound", `{"a": "` + strings.Repeat("x", maxFilterText+1) + `"}`, "filter.a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseFilter(json.RawMessage(tc.in))
			if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != tc.field {
				t.Errorf("got %v, want Invalid for %s", err, tc.field)
			}
		})
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{``, `null`, `{}`, `{"a":"b"}`, `{"a":["b","c"],"source":"s"}`, `{"a":1}`, `{"a":[null]}`, `[]`, `{"a":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		filter, err := ParseFilter(in)
		if err != nil {
			if _, ok := errors.AsType[*Invalid](err); !ok {
				t.Fatalf("an error that names no field: %v", err)
			}
			return
		}
		if len(filter) > maxFilterKeys {
			t.Fatalf("%d keys", len(filter))
		}
		for key, values := range filter {
			if key == "" || len(values) == 0 || len(values) > maxFilterValues {
				t.Fatalf("key %q with %d values", key, len(values))
			}
		}
		again, err := json.Marshal(filter)
		if err != nil {
			t.Fatal(err)
		}
		if reread, err := ParseFilter(again); err != nil || cmp.Diff(filter, reread) != "" {
			t.Fatalf("%s is read back as %v (%v)", again, reread, err)
		}
	})
}
