package derive

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestMetadataOfASourceKeepsItsTypes(t *testing.T) {
	values := map[string]runtime.RawExtension{"team": {Raw: []byte(`"vision"`)}, "year": {Raw: []byte(`2024`)},
		"draft": {Raw: []byte(`false`)}, "tags": {Raw: []byte(`["a","b"]`)}}
	sources, err := DataPlane{}.sources([]v1alpha1.Source{{Name: "papers", Metadata: values}})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Metadata{"team": config.Text("vision"), "year": config.Number(2024), "draft": config.Boolean(false),
		"tags": config.List("a", "b")}
	if diff := cmp.Diff(want, sources[0].Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestMetadataOfASourceThatIsRefused(t *testing.T) {
	for name, tt := range map[string]struct{ key, value, want string }{
		"the key document":         {"document", `"a"`, "reserved"},
		"the key source":           {"source", `"a"`, "reserved"},
		"the key access":           {"access", `["hr"]`, "reserved"},
		"a key too long":           {strings.Repeat("k", 64), `"a"`, "at most 63"},
		"a key with equals sign":   {"a=b", `"a"`, "letters, digits"},
		"a key that ends in a dot": {"a.", `"a"`, "at both ends"},
		"an empty text":            {"a", `""`, "1 to 1024 bytes"},
		"a text too long":          {"a", `"` + strings.Repeat("x", 1025) + `"`, "1 to 1024 bytes"},
		"null":                     {"a", ``, "a value must be"},
		"an object":                {"a", `{"b": "c"}`, "a value must be"},
		"a list of numbers":        {"a", `[1]`, "a value must be"},
		"an empty list":            {"a", `[]`, "1 to 64 texts"},
		"an identifier":            {"a", `12345678901234567890`, "write it as a text"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DataPlane{}.sources([]v1alpha1.Source{{Name: "papers", Metadata: map[string]runtime.RawExtension{
				"ok": {Raw: []byte(`1`)}, tt.key: {Raw: []byte(tt.value)}}}})
			if want := "spec.documents[0].metadata[" + tt.key + "]: "; err == nil || !strings.HasPrefix(err.Error(), want) ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s...%s", err, want, tt.want)
			}
		})
	}
}

func TestAccessOfASource(t *testing.T) {
	access := func(groups ...v1alpha1.Group) (config.Access, error) {
		sources, err := DataPlane{}.sources([]v1alpha1.Source{{Name: "papers", Access: groups}})
		return sources[0].Access, err
	}
	if got, err := access("it", "hr", "it"); err != nil || !cmp.Equal(got, config.Access{"hr", "it"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := access(); err != nil || got != nil {
		t.Errorf("without access: %v, %v", got, err)
	}
	const want = `spec.documents[0].access: " hr" is not a valid group`
	if _, err := access("it", " hr"); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}
