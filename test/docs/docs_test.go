package docs

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// TestMain lets the tests name files relative to the repository's root.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// The page explains every word that a user may meet in a report, a reply or the status, and no word
// that no longer exists.
func TestTroubleshootingExplainsEveryReasonFailureAndCode(t *testing.T) {
	ofModels, _ := config.StageFailures()
	warnings := []config.Failure{config.AnswerRefused, config.FalseCitations, config.FieldsOmitted, config.FilterKeyUnknown, config.FilterTypeMismatch,
		config.NoModel, config.NoPassages, config.NotRewritten, config.OnlyReasoning, config.PartsDropped,
		config.PassagesCut, config.ToolTurnsDropped, config.ToolsIgnored}
	for section, want := range map[string][]string{
		"## A document is not in the index":       constants(t, "internal/config/document.go", "Reason"),
		"## A document is indexed with a warning": constants(t, "internal/config/warning.go", "WarningReason"),
		"## A model fails":                        words(ofModels),
		"## The gateway refuses or fails":         gatewayCodes(t),
		"## A reply comes with a warning":         words(warnings),
	} {
		got := rows(t, "docs/troubleshooting.md", section)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-in the source +in the page):\n%s", section, diff)
		}
	}
}

// Both pages have the status of every failure of a stage as the gateway sends it.
func TestTheDocsHaveTheStatusOfEveryFailure(t *testing.T) {
	explained := readPage(t, "docs/troubleshooting.md")
	_, statuses, _ := strings.Cut(readPage(t, "docs/gateway.md"), "### Statuses and retries")
	statuses, _, _ = strings.Cut(statuses, "\n## ")
	ofModels, ofIndex := config.StageFailures()
	for _, f := range append(ofModels, ofIndex...) {
		status := strconv.Itoa(f.Meaning().HTTPStatus)
		if !strings.Contains(explained, "| `"+string(f)+"` | "+status+" |") {
			t.Errorf("docs/troubleshooting.md does not have %s as a %s", f, status)
		}
		listed := regexp.MustCompile("(?m)^\\| ([^|]*) \\|[^|]*`" + string(f) + "`").FindStringSubmatch(statuses)
		if listed == nil && slices.Contains(ofModels, f) || listed != nil && !strings.Contains(listed[1], status) {
			t.Errorf("docs/gateway.md has %s in row %q, not %s", f, listed, status)
		}
	}
}

// rows returns the words in the first column of a section's table, sorted.
func rows(t *testing.T, page, section string) []string {
	t.Helper()
	_, after, found := strings.Cut(readPage(t, page), "\n"+section+"\n")
	if !found {
		t.Fatalf("%s has no section %q", page, section)
	}
	text, _, _ := strings.Cut(after, "\n## ")
	var words []string
	for _, m := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(text, -1) {
		words = append(words, m[1])
	}
	slices.Sort(words)
	return words
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// constants returns the values of a file's string constants of a type, or of no type if it is "",
// sorted.
func constants(t *testing.T, file, typeName string) []string {
	t.Helper()
	var values []string
	ast.Inspect(parse(t, file), func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		name, _ := spec.Type.(*ast.Ident)
		if (name == nil) != (typeName == "") || name != nil && name.Name != typeName {
			return true
		}
		for _, v := range spec.Values {
			if s, ok := text(v); ok {
				values = append(values, s)
			}
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants of type %q", file, typeName)
	}
	slices.Sort(values)
	return values
}

func words(failures []config.Failure) (list []string) {
	for _, f := range failures {
		list = append(list, string(f))
	}
	return list
}

// gatewayCodes returns the codes of errors that no model causes: those in the gateway's own source, the failures of the
// index, and the lack of an LLM.
func gatewayCodes(t *testing.T) []string {
	t.Helper()
	codes := map[string]bool{}
	_, ofIndex := config.StageFailures()
	for _, code := range words(append(ofIndex, config.NoModel)) {
		codes[code] = true
	}
	files, err := filepath.Glob("internal/gateway/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		ast.Inspect(parse(t, file), func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			at := map[string]int{"failure": 1, "notFound": 0}
			if f, ok := call.Fun.(*ast.Ident); ok {
				if i, ok := at[f.Name]; ok {
					if code, ok := text(call.Args[i]); ok {
						codes[code] = true
					}
				}
			}
			return true
		})
	}
	maps.DeleteFunc(codes, func(_ string, is bool) bool { return !is })
	return slices.Sorted(maps.Keys(codes))
}

func parse(t *testing.T, file string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func text(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(literal.Value)
	return s, err == nil
}

func TestTheGatewaysPageHasEveryRouteAndNoOther(t *testing.T) {
	var api struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal([]byte(readPage(t, "internal/gateway/openapi.json")), &api); err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for path, methods := range api.Paths {
		for method := range methods {
			want[strings.ToUpper(method)+" "+path] = true
		}
	}
	got := map[string]bool{}
	table, _, _ := strings.Cut(readPage(t, "docs/gateway.md"), "\n## ")
	for _, m := range regexp.MustCompile("`((?:GET|POST) [^`]+)`").FindAllStringSubmatch(table, -1) {
		got[m[1]] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes (-in openapi.json +in the page):\n%s", diff)
	}
}
