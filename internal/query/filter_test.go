package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

func TestParseFilter(t *testing.T) {
	number := func(n float64) []config.Scalar { return config.Number(n).Scalars() }
	not := func(f *index.Filter) *index.Filter {
		return &index.Filter{Operator: index.Not, Filters: []*index.Filter{f}}
	}
	for _, tc := range []struct {
		name, in string
		want     *index.Filter
	}{
		{"nothing", ``, nil},
		{"null", `null`, nil},
		{"an empty object", `{}`, nil},
		{"a text", `{"team": "vision"}`, index.All(index.AnyOf("team", "vision"))},
		{"a list is alternatives", `{"source": ["a", "b"], "team": "x"}`,
			index.All(index.AnyOf("source", "a", "b"), index.AnyOf("team", "x"))},
		{"an empty text", `{"team": ""}`, index.All(index.AnyOf("team", ""))},
		{"a number", `{"year": 2024}`,
			index.All(&index.Filter{Operator: index.In, Key: "year", Values: number(2024)})},
		{"alternatives of several types", `{"year": {"$in": [2024, "2024", true]}}`,
			index.All(index.All(&index.Filter{Operator: index.In, Key: "year", Values: []config.Scalar{
				number(2024)[0], {Type: config.TextType, Text: "2024"}, {Type: config.BooleanType, Number: 1}}}))},
		{"a range", `{"year": {"$gte": 2023, "$lt": 2025}}`, index.All(index.All(
			&index.Filter{Operator: index.GreaterOrEqual, Key: "year", Values: number(2023)},
			&index.Filter{Operator: index.Less, Key: "year", Values: number(2025)}))},
		{"other than", `{"team": {"$ne": "x"}}`, index.All(index.All(not(index.AnyOf("team", "x"))))},
		{"none of", `{"document": {"$nin": ["a/x"]}}`, index.All(index.All(not(index.AnyOf("document", "a/x"))))},
		{"absent", `{"team": {"$exists": false}}`,
			index.All(index.All(not(&index.Filter{Operator: index.Exists, Key: "team"})))},
		{"either", `{"$or": [{"team": "x"}, {"year": 1}]}`, index.All(&index.Filter{Operator: index.Or,
			Filters: []*index.Filter{index.All(index.AnyOf("team", "x")),
				index.All(&index.Filter{Operator: index.In, Key: "year", Values: number(1)})}})},
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

func TestParseFilterRefusesAndSaysWhere(t *testing.T) {
	many := map[string]string{}
	for i := range maxConditions + 1 {
		many[fmt.Sprint(i)] = "x"
	}
	tooMany, _ := json.Marshal(many)
	for _, tc := range []struct{ name, in, field string }{
		{"a list", `[]`, "filter"},
		{"an expression", `"team == 1"`, "filter"},
		{"a null", `{"year": null}`, "filter.year"},
		{"a null in a list", `{"year": [null]}`, "filter.year"},
		{"an operator without its sign", `{"year": {"gt": "2020"}}`, "filter.year.gt"},
		{"an unknown operator", `{"year": {"$regex": "2020"}}`, "filter.year.$regex"},
		{"an unknown operator between filters", `{"$nor": [{"a": "b"}]}`, "filter.$nor"},
		{"an object without operators", `{"year": {}}`, "filter.year"},
		{"a list in a list", `{"year": [["2020"]]}`, "filter.year"},
		{"a list to be equal to", `{"year": {"$eq": [2020]}}`, "filter.year.$eq"},
		{"a value for a list", `{"year": {"$in": 2020}}`, "filter.year.$in"},
		{"a boolean in an order", `{"draft": {"$gt": false}}`, "filter.draft.$gt"},
		{"a list in an order", `{"year": {"$lte": [1]}}`, "filter.year.$lte"},
		{"existence by number", `{"year": {"$exists": 1}}`, "filter.year.$exists"},
		{"existence by null", `{"year": {"$exists": null}}`, "filter.year.$exists"},
		{"an identifier that a number cannot hold", `{"id": 12345678901234567890}`, "filter.id"},
		{"no alternatives", `{"year": []}`, "filter.year"},
		{"an empty key", `{"": "x"}`, "filter"},
		{"a key twice", `{"year": 1, "year": 2}`, "filter"},
		{"groups", `{"access": "hr"}`, "filter.access"},
		{"an order of sources", `{"source": {"$gt": "a"}}`, "filter.source.$gt"},
		{"the existence of documents", `{"document": {"$exists": true}}`, "filter.document.$exists"},
		{"a number as a source", `{"source": 1}`, "filter.source"},
		{"no operands", `{"$and": []}`, "filter.$and"},
		{"an operand that is not a filter", `{"$or": [{"a": 1}, 2]}`, "filter.$or[1]"},
		{"a fault deep inside", `{"$or": [{"$and": [{"year": {"$gt": true}}]}]}`, "filter.$or[0].$and[0].year.$gt"},
		{"nesting beyond the bound", strings.Repeat(`{"$and":[`, 10) + `{}` + strings.Repeat(`]}`, 10),
			"filter" + strings.Repeat(".$and[0]", maxFilterDepth+1)},
		{"too many comparisons", string(tooMany), "filter"},
		{"a text beyond the bound", `{"a": "` + strings.Repeat("x", maxFilterText+1) + `"}`, "filter.a"},
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
	for _, seed := range []string{``, `null`, `{}`, `{"a":"b"}`, `{"a":["b","c"],"source":"s"}`, `{"a":1}`, `{"a":[null]}`,
		`[]`, `{"a":{}}`, `{"$or":[{"a":{"$gte":1,"$ne":2}},{"b":{"$exists":false}}]}`, `{"a":{"$nin":[true,"x"]}}`} {
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
		conditions := 0
		filter.Each(func(f *index.Filter) {
			switch f.Operator {
			case index.And, index.Or, index.Not:
				return
			}
			conditions++
			if f.Key == "" || len(f.Values) > maxFilterValues || f.Operator != index.Exists && len(f.Values) == 0 {
				t.Fatalf("%s of key %q with %d values", f.Operator, f.Key, len(f.Values))
			}
		})
		if conditions > maxConditions {
			t.Fatalf("%d conditions", conditions)
		}
	})
}

func TestAFilterThatNothingCanMeetIsWarnedOf(t *testing.T) {
	for name, tc := range map[string]struct {
		filter string
		want   []Warning
	}{
		"no filter":              {`{}`, nil},
		"known keys":             {`{"year": {"$gte": 2023}, "tags": "a", "source": "docs"}`, nil},
		"one of several types":   {`{"mixed": "a"}`, nil},
		"types among others":     {`{"year": [2023, "2023"]}`, nil},
		"existence of any type":  {`{"year": {"$exists": true}}`, nil},
		"a key that none has":    {`{"Year": {"$ne": 2023}}`, []Warning{{config.StageIndex, config.FilterKeyUnknown, `"Year"`}}},
		"a key that is sought":   {`{"colour": {"$exists": false}}`, []Warning{{config.StageIndex, config.FilterKeyUnknown, `"colour"`}}},
		"another type":           {`{"year": "2023"}`, []Warning{{config.StageIndex, config.FilterTypeMismatch, `"year" with a text, but documents have a number`}}},
		"another type, in order": {`{"$or": [{"tags": {"$gt": 1}}]}`, []Warning{{config.StageIndex, config.FilterTypeMismatch, `"tags" with a number, but documents have a text`}}},
		"another than several":   {`{"mixed": true}`, []Warning{{config.StageIndex, config.FilterTypeMismatch, `"mixed" with a boolean, but documents have a number or a text`}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.index.types = map[string][]config.ScalarType{"year": {config.NumberType}, "tags": {config.TextType},
				"mixed": {config.NumberType, config.TextType}}
			filter, err := ParseFilter(json.RawMessage(tc.filter))
			if err != nil {
				t.Fatal(err)
			}
			found, err := f.service().Search(t.Context(), SearchRequest{Query: "x", Filter: filter})
			if err != nil {
				t.Fatal(err)
			}
			if len(found.Warnings) != len(tc.want) {
				t.Fatalf("warnings %v, want %v", found.Warnings, tc.want)
			}
			for i, want := range tc.want {
				if got := found.Warnings[i]; got.Code != want.Code || !strings.Contains(got.Message, want.Message) {
					t.Errorf("warning %v, want %v", got, want)
				}
			}
		})
	}
}
