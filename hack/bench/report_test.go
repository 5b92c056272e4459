package main

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
)

func TestNumbersHaveThreeDigitsThatCount(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.01234: "0.0123", 0.305: "0.305", 1: "1", 1.5: "1.5", 9.999: "10", 12.34: "12.3", 123.4: "123", 1458: "1,458",
		20_000: "20,000", 1_234_567: "1,234,567", -1.234: "-1.23", -1234: "-1,234", math.Inf(1): "+Inf",
	} {
		if got := number(value); got != want {
			t.Errorf("%v is written %s, want %s", value, got, want)
		}
	}
}

func TestReportSaysWhichAimsAreMet(t *testing.T) {
	var r report
	r.add("One", row{what: "a", value: 1.4, unit: "ms", atMost: 1.5}, row{what: "b", value: 1.5, unit: "ms", atMost: 1.5})
	r.add("Two", row{what: "c", value: math.NaN(), unit: "x", atLeast: 10})
	r.add("One", row{what: "d", value: 7})
	want := `
### One

| measured | value | aim | met |
|---|---:|---:|---|
| a | 1.4 ms | under 1.5 ms | yes |
| b | 1.5 ms | under 1.5 ms | **no** |
| d | 7 |  |  |

### Two

| measured | value | aim | met |
|---|---:|---:|---|
| c | NaNx | at least 10x | **no** |
`
	if diff := cmp.Diff(want, r.markdown()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	for share, want := range map[float64]float64{0: 1, 0.5: 50, 0.99: 99, 1: 100} {
		if got := quantile(hundred, share); got != want {
			t.Errorf("quantile %v is %v, want %v", share, got, want)
		}
	}
	if got := median([]float64{3}); got != 3 {
		t.Errorf("the median of one value is %v", got)
	}
	if !math.IsNaN(median(nil)) {
		t.Error("no values have a median")
	}
}

func TestChoosingMeasurements(t *testing.T) {
	for _, c := range []struct {
		only      string
		langchain bool
		weaviate  string
		want      string // in any order; empty for an error
	}{
		{"", false, "", "gateway ingestion operator overload pdf splitting start"},
		{"", false, "weaviate", "gateway ingestion operator overload pdf scale splitting start"},
		{"pdf,start", false, "weaviate", "pdf start"},
		{"start", true, "", "gateway langchain pdf splitting start"},
		{"langchain", false, "", ""},
		{"pfd", false, "", ""},
	} {
		t.Setenv(weaviatetest.Variable, c.weaviate)
		got, err := choose(c.only, c.langchain)
		if c.want == "" {
			if err == nil {
				t.Errorf("-only %q is accepted as %v", c.only, got)
			}
			continue
		}
		if sorted := slices.Compact(slices.Sorted(slices.Values(got))); err != nil || strings.Join(sorted, " ") != c.want {
			t.Errorf("-only %q chooses %v, %v; want %s", c.only, sorted, err, c.want)
		}
	}
}

func TestDocumentsAreOneChunkEach(t *testing.T) {
	w := newWriter(1)
	for range 200 {
		if text := w.sentences(790); len(text) > 790 || len(text) < 500 {
			t.Fatalf("a document of %d bytes: %s", len(text), text)
		}
	}
}
