package status

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The page explains every reason that a condition can have, and no other.
func TestThePageExplainsEveryReason(t *testing.T) {
	want := constants(t, "../../api/v1alpha1/conditions.go", "Reason")
	ofModels, ofIndex := config.StageFailures()
	for _, failure := range append(ofModels, ofIndex...) {
		want = append(want, string(failure))
	}
	page, err := os.ReadFile("../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	_, reasons, _ := strings.Cut(string(page), "\n## Reasons\n")
	reasons, events, _ := strings.Cut(reasons, "\n## Events\n")
	var got []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(reasons, -1) {
		got = append(got, m[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-in the source +in docs/status.md):\n%s", diff)
	}
	for _, reason := range constants(t, "conditions.go", "Event") {
		if !strings.Contains(events, "`"+reason+"`") {
			t.Errorf("docs/status.md does not explain the event %s", reason)
		}
	}
}

// The page explains every reason in the golden file, wherever it comes from.
func TestEveryReasonOfTheCasesIsOfThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/status.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for _, condition := range c.run(t, func(*world) {}).p.Status.Conditions {
			if !strings.Contains(string(page), "| `"+condition.Reason+"` |") {
				t.Errorf("%s: docs/status.md has no row for %s", c.name, condition.Reason)
			}
		}
	}
}

// Every reason that the API promises occurs in some case.
func TestEveryPromisedReasonComesAbout(t *testing.T) {
	elsewhere := []string{v1alpha1.ReasonWaiting} // like ApplyFailed, given by the reconciler
	seen := map[string]bool{}
	for _, c := range cases {
		c.run(t, func(w *world) {
			for _, condition := range w.p.Status.Conditions {
				seen[condition.Reason] = true
			}
		})
	}
	for _, reason := range constants(t, "../../api/v1alpha1/conditions.go", "Reason") {
		if !seen[reason] && !slices.Contains(elsewhere, reason) {
			t.Errorf("no case gives %s", reason)
		}
	}
}

func TestEveryModelFailureHasARemedy(t *testing.T) {
	w := newWorld()
	ofModels, _ := config.StageFailures()
	for _, failure := range ofModels {
		for _, stage := range []config.Stage{config.StageEmbedding, config.StageLLM} { // a NIM and an endpoint
			message := remedy(w.p, stage, config.StageStatus{Reason: failure, Message: "it failed"})
			if !strings.HasPrefix(message, "it failed; ") || !strings.Contains(message, "spec.models."+string(stage)) {
				t.Errorf("%s of %s: the message %q names no field", failure, stage, message)
			}
		}
	}
}

// constants are the values of a file's string constants whose names begin with a prefix.
func constants(t *testing.T, file, prefix string) (values []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != len(spec.Names) {
			return true
		}
		for i, name := range spec.Names {
			literal, ok := spec.Values[i].(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				continue
			}
			if strings.HasPrefix(name.Name, prefix) {
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, value)
			}
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no such constants", file)
	}
	return values
}
