package query_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// randomFilters filters documents of random metadata by n random filters, by both retrievers, and compares what passes
// with a naive evaluation of the filter's JSON.
func randomFilters(t *testing.T, store index.Store, n int) {
	random := rand.New(rand.NewPCG(7, 7))
	documents := map[string]map[string]any{} // by chunk id
	for i := range 60 {
		name := fmt.Sprintf("s%d/%d", i%3, i)
		metadata := randomMetadata(random)
		p := passage(name, "kiwi", 1, float32(i))
		encoded, err := json.Marshal(metadata)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(encoded, &p.Metadata); err != nil {
			t.Fatal(err)
		}
		put(t, store, p)
		metadata["source"], metadata["document"] = p.Source, name
		documents[p.ID] = metadata
	}
	ids := func(hits []index.Hit, err error) []string {
		if err != nil {
			t.Fatal(err)
		}
		all := []string{}
		for _, h := range hits {
			all = append(all, h.ID)
		}
		return all
	}
	found := 0
	for range n {
		filter := randomFilter(random, 3)
		encoded, err := json.Marshal(filter)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := query.ParseFilter(encoded)
		if err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		want := []string{}
		for id, metadata := range documents {
			if meets(metadata, filter) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		found += len(want)
		for retriever, got := range map[string][]string{
			"vector":  ids(store.Vector(t.Context(), []float32{1, 1}, 100, parsed)),
			"keyword": ids(store.Keyword(t.Context(), "kiwi", 100, parsed)),
		} {
			if diff := cmp.Diff(want, got, cmpopts.SortSlices(strings.Compare)); diff != "" {
				t.Fatalf("%s finds by %s (-naive +store):\n%s", retriever, encoded, diff)
			}
		}
	}
	if found == 0 || found == n*len(documents) {
		t.Errorf("%d filters pass %d of %d documents each: they show nothing", n, found/n, len(documents))
	}
}

var randomTexts = []string{"a", "A", "b", "ab", "", "é", "2", "2024-01-05", "2024-01-31", "true", "x y ", "x=y;"}

var randomNumbers = []any{0.0, 1.0, -1.0, 2.0, 2.5, -2.5, 2024.0, 1e300, -1e300, 1e-300, 2023.0}

func randomMetadata(random *rand.Rand) map[string]any {
	metadata := map[string]any{}
	for _, key := range []string{"k", "l", "m=n", "o p", "é#x"} {
		switch random.IntN(6) {
		case 0:
			metadata[key] = randomNumbers[random.IntN(len(randomNumbers))]
		case 1:
			metadata[key] = random.IntN(2) == 0
		case 2:
			metadata[key] = randomTexts[random.IntN(len(randomTexts))]
		case 3:
			list := []any{}
			for range 1 + random.IntN(3) {
				list = append(list, randomTexts[random.IntN(len(randomTexts))])
			}
			metadata[key] = list
		}
	}
	return metadata
}

func randomScalar(random *rand.Rand) any {
	switch random.IntN(5) {
	case 0, 1:
		return randomNumbers[random.IntN(len(randomNumbers))]
	case 2:
		return random.IntN(2) == 0
	}
	return randomTexts[random.IntN(len(randomTexts))]
}

func randomList(random *rand.Rand, scalar func(*rand.Rand) any) []any {
	list := []any{}
	for range 1 + random.IntN(4) {
		list = append(list, scalar(random))
	}
	return list
}

func randomFilter(random *rand.Rand, depth int) map[string]any {
	filter := map[string]any{}
	for range 1 + random.IntN(2) {
		if depth > 0 && random.IntN(3) == 0 {
			operands := []any{}
			for range 1 + random.IntN(3) {
				operands = append(operands, randomFilter(random, depth-1))
			}
			filter[[]string{"$and", "$or"}[random.IntN(2)]] = operands
			continue
		}
		switch key := []string{"k", "l", "m=n", "o p", "é#x", "none", "source"}[random.IntN(7)]; key {
		case "source":
			filter[key] = []any{"s0", map[string]any{"$ne": "s1"}, []any{"s1", "s2"}}[random.IntN(3)]
		default:
			filter[key] = randomCondition(random)
		}
	}
	return filter
}

var operators = []string{"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists"}

func randomCondition(random *rand.Rand) any {
	switch random.IntN(6) {
	case 0:
		return randomScalar(random)
	case 1:
		return randomList(random, randomScalar)
	}
	condition := map[string]any{}
	for range 1 + random.IntN(2) {
		switch operator := operators[random.IntN(len(operators))]; operator {
		case "$in", "$nin":
			condition[operator] = randomList(random, randomScalar)
		case "$exists":
			condition[operator] = random.IntN(2) == 0
		case "$eq", "$ne":
			condition[operator] = randomScalar(random)
		default:
			if condition[operator] = randomScalar(random); condition[operator] == true || condition[operator] == false {
				condition[operator] = 2.0
			}
		}
	}
	return condition
}

// meets evaluates a filter word for word.
func meets(metadata, filter map[string]any) bool {
	for key, condition := range filter {
		operands, _ := condition.([]any)
		isMet := func(operand any) bool { return meets(metadata, operand.(map[string]any)) }
		switch {
		case key == "$and":
			if slices.ContainsFunc(operands, func(operand any) bool { return !isMet(operand) }) {
				return false
			}
		case key == "$or":
			if !slices.ContainsFunc(operands, isMet) {
				return false
			}
		case !holds(metadata, key, condition):
			return false
		}
	}
	return true
}

func holds(metadata map[string]any, key string, condition any) bool {
	value, exists := metadata[key]
	values, isList := value.([]any)
	if exists && !isList {
		values = []any{value}
	}
	switch condition := condition.(type) {
	case []any:
		return slices.ContainsFunc(values, func(v any) bool { return slices.Contains(condition, v) })
	case map[string]any:
		for operator, operand := range condition {
			if !operates(values, exists, operator, operand) {
				return false
			}
		}
		return true
	}
	return slices.Contains(values, condition)
}

func operates(values []any, exists bool, operator string, operand any) bool {
	switch operator {
	case "$eq":
		return slices.Contains(values, operand)
	case "$ne":
		return !slices.Contains(values, operand)
	case "$in":
		return slices.ContainsFunc(values, func(v any) bool { return slices.Contains(operand.([]any), v) })
	case "$nin":
		return !slices.ContainsFunc(values, func(v any) bool { return slices.Contains(operand.([]any), v) })
	case "$exists":
		return exists == operand.(bool)
	}
	return slices.ContainsFunc(values, func(v any) bool {
		var less, greater bool
		switch v := v.(type) {
		case float64:
			bound, same := operand.(float64)
			less, greater = same && v < bound, same && v > bound
		case string:
			bound, same := operand.(string)
			less, greater = same && v < bound, same && v > bound
		}
		switch operator {
		case "$lt":
			return less
		case "$lte":
			return less || v == operand
		case "$gt":
			return greater
		}
		return greater || v == operand
	})
}
