package main

import (
	"os"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/config/crd"
)

func TestThePageIsWhatTheCRDSays(t *testing.T) {
	want, err := reference(crd.RAGPipelines)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("docs/api.md is not what the CRD says: run make generate")
	}
}

func TestAFieldShowsItsTypeDefaultBoundsAndRules(t *testing.T) {
	page, err := reference(crd.RAGPipelines)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"number with bounds":        "| `k` | integer | `45` | 1 to 400 | k is the number of candidates that are reranked. |",
		"list with what it holds":   "| `include` | list of string |  | at most 32 items; each: 1 to 256 characters |",
		"enum":                      "| `mode` | string | `\"Hybrid\"` | `Hybrid`, `Vector`, `Keyword` |",
		"required object":           "| `models` | [object](#specmodels) | required |",
		"number or per cent":        "| `maxFailed` | integer or string |  |  | maxFailed is how many documents may fail",
		"map of quantities":         "| `limits` | map to quantity |  | at most 16 entries |",
		"object described once":     "The same at `spec.models.llm.nim`, `spec.models.reranking.nim`.",
		"rule of an object":         "- topN must be at most k, because passages are chosen from k candidates: lower topN or raise k. `!has(self.topN)",
		"rule of a field":           "- `replicas`: replicas cannot change: create a new pipeline. `self == oldSelf`",
		"rule of the whole":         "- metadata.name must be a DNS label of at most 40 characters",
		"angle brackets are no tag": `If unset, it is \<namespace>\_\<name>.`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s: the page lacks\n%s", name, want)
		}
	}
}
