package indextest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func types(t *testing.T, at Storage) {
	store := open(t, at)
	typesOf := func(keys ...string) map[string][]config.ScalarType {
		types, err := store.Types(t.Context(), keys, nil)
		if err != nil {
			t.Fatal(err)
		}
		return types
	}
	keys := []string{"year", "tags", "draft", "none", "Year"}
	must(t, cmp.Diff(map[string][]config.ScalarType{}, typesOf(keys...)))
	for i, metadata := range []config.Metadata{
		{"year": config.Number(2024), "tags": config.List("a", "b")},
		{"year": config.Text("2024"), "draft": config.Boolean(false)},
		{"year": config.Number(2024), "tags": config.Text("a")},
	} {
		p := passage(fmt.Sprint(i), fmt.Sprintf("docs/%d", i), "text", 1, 0)
		p.Metadata = metadata
		put(t, store, p.Document, p)
	}
	must(t, cmp.Diff(map[string][]config.ScalarType{
		"year": {config.NumberType, config.TextType}, "tags": {config.TextType}, "draft": {config.BooleanType},
	}, typesOf(keys...)))
	if _, err := store.Remove(t.Context(), []string{"docs/1"}); err != nil {
		t.Fatal(err)
	}
	must(t, cmp.Diff(map[string][]config.ScalarType{"year": {config.NumberType}, "tags": {config.TextType}},
		typesOf(keys...)))
}
