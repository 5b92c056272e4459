package manifest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

const pipeline = `apiVersion: ragpipeline.io/v1alpha1
kind: RAGPipeline
metadata: {name: papers}
spec:
  documents: [{name: papers, configMap: {name: papers}}]
  models: {embedding: {standIn: {}}}
  vectorStore: {weaviate: {}}
`

const configMap = `apiVersion: v1
kind: ConfigMap
metadata: {name: papers}
data: {a.md: "# A"}
`

// write puts each text into a file of its own.
func write(t *testing.T, texts ...string) (files []string) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		file := filepath.Join(dir, fmt.Sprintf("%d.yaml", i))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func mustLoad(t *testing.T, texts ...string) *Bundle {
	t.Helper()
	b, err := Load(write(t, texts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLoadCollectsWhatBelongsToThePipeline(t *testing.T) {
	binary := base64.StdEncoding.EncodeToString([]byte("%PDF\x00"))
	b := mustLoad(t, pipeline, "# only a comment\n---\n"+configMap+"binaryData: {b.pdf: "+binary+"}\n---\n"+`
apiVersion: v1
kind: Secret
metadata: {name: keys}
type: Opaque
data: {a: `+base64.StdEncoding.EncodeToString([]byte("one"))+`, b: dHdv}
stringData: {b: three}
--- # a Service and others' objects are left out
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: papers, namespace: elsewhere}
`)
	if diff := cmp.Diff(map[string]map[string][]byte{"papers": {"a.md": []byte("# A"), "b.pdf": []byte("%PDF\x00")}}, b.ConfigMaps); diff != "" {
		t.Error("ConfigMaps", diff)
	}
	if diff := cmp.Diff(map[string]map[string][]byte{"keys": {"a": []byte("one"), "b": []byte("three")}}, b.Secrets); diff != "" {
		t.Error("Secrets", diff)
	}
	if len(b.Notes) != 2 || !strings.Contains(b.Notes[0], "Service web is not used") || !strings.Contains(b.Notes[1], "in namespace elsewhere") {
		t.Errorf("notes %q", b.Notes)
	}
}

func TestLoadSetsDefaultsAndNamespace(t *testing.T) {
	p := mustLoad(t, pipeline).Pipeline
	overlap := int32(200)
	want := v1alpha1.RAGPipelineSpec{
		Documents:     []v1alpha1.Source{{Name: "papers", ConfigMap: &v1alpha1.ConfigMapSource{Name: "papers"}}},
		Chunking:      v1alpha1.Chunking{Size: 800, Overlap: &overlap, Unit: "Characters"},
		Retrieval:     v1alpha1.Retrieval{Mode: "Hybrid", K: 45, TopN: 5, Alpha: "0.5"},
		Models:        v1alpha1.Models{Embedding: v1alpha1.EmbeddingModel{Model: v1alpha1.Model{StandIn: &v1alpha1.StandIn{}}}},
		VectorStore:   v1alpha1.VectorStore{Weaviate: &v1alpha1.Weaviate{Replicas: 1, Storage: v1alpha1.Storage{Size: "10Gi", WhenDeleted: "Retain"}}},
		Sync:          v1alpha1.Sync{Interval: &metav1.Duration{Duration: time.Hour}, Prune: new(true), MaxPrune: new(intstr.FromString("50%"))},
		Index:         v1alpha1.Index{Retain: &metav1.Duration{Duration: 24 * time.Hour}},
		Ingest:        v1alpha1.Ingest{Limits: v1alpha1.IngestLimits{Chunks: 20000}, Workers: 1},
		Gateway:       v1alpha1.Gateway{Access: "Open", Citations: "Field", MaxTokens: 1024, Temperature: "0", Service: v1alpha1.GatewayService{Type: "ClusterIP"}},
		FailurePolicy: v1alpha1.FailurePolicy{Embedding: "Fail", Reranking: "Degrade", LLM: "Fail"},
	}
	if diff := cmp.Diff(want, p.Spec); diff != "" || p.Namespace != "default" {
		t.Errorf("namespace %s, spec %s", p.Namespace, diff)
	}
	p = mustLoad(t, strings.Replace(pipeline, "{name: papers}", "{name: papers, namespace: rag, labels: {team: a}}", 1)).Pipeline
	if p.Namespace != "rag" || p.Labels["team"] != "a" {
		t.Errorf("metadata is %+v", p.ObjectMeta)
	}
}

func TestAnObjectWithoutNamespaceGoesWithThePipeline(t *testing.T) {
	b := mustLoad(t, strings.Replace(pipeline, "{name: papers}", "{name: papers, namespace: rag}", 1)+"---\n"+configMap)
	if len(b.ConfigMaps) != 1 || len(b.Notes) > 0 {
		t.Errorf("ConfigMaps %v, notes %v", b.ConfigMaps, b.Notes)
	}
}

func TestLoadReadsEveryFormOfFile(t *testing.T) {
	asJSON := `{"apiVersion":"ragpipeline.io/v1alpha1","kind":"RAGPipeline","metadata":{"name":"papers"},"spec":{
	"documents":[{"name":"papers","configMap":{"name":"papers"}}],"models":{"embedding":{"standIn":{}}},"vectorStore":{"weaviate":{}}}}`
	indented := "  " + strings.ReplaceAll(strings.TrimSpace(pipeline), "\n", "\n  ")
	for name, text := range map[string]string{
		"YAML":                            pipeline + "---\n" + configMap,
		"with a byte order mark":          "\ufeff" + pipeline + "---\n" + configMap,
		"with Windows line ends":          strings.ReplaceAll(pipeline+"---\n"+configMap, "\n", "\r\n"),
		"JSON values one after the other": asJSON + "\n" + `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"papers"},"data":{"a.md":"# A"}}`,
		"JSON with tabs":                  "\t" + asJSON + `{"apiVersion":"v1",` + "\t" + `"kind":"ConfigMap","metadata":{"name":"papers"},"data":{"a.md":"# A"}}`,
		"a List":                          "apiVersion: v1\nkind: List\nitems:\n-\n" + indented + "\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: papers}, data: {a.md: '# A'}}\n",
		"a list of its kind":              "apiVersion: ragpipeline.io/v1alpha1\nkind: RAGPipelineList\nitems:\n-\n" + indented + "\n---\n" + configMap,
		"a separator at start and end":    "---\n" + pipeline + "---\n\n---\n" + configMap + "---\n",
	} {
		t.Run(name, func(t *testing.T) {
			b := mustLoad(t, text)
			if b.Pipeline.Name != "papers" || string(b.ConfigMaps["papers"]["a.md"]) != "# A" {
				t.Errorf("got %+v", b)
			}
		})
	}
}

func TestLoadReadsStandardInput(t *testing.T) {
	b, err := load([]string{"-"}, strings.NewReader(pipeline))
	if err != nil || b.Pipeline.Name != "papers" {
		t.Fatalf("%+v, %v", b, err)
	}
	_, err = load([]string{"-"}, strings.NewReader(strings.Replace(pipeline, "models", "modles", 1)))
	if err == nil || !strings.Contains(err.Error(), "standard input") {
		t.Errorf("error %v does not say where", err)
	}
}

func TestExtraBodyKeepsWhatItHolds(t *testing.T) {
	b := mustLoad(t, strings.Replace(pipeline, "models: {", `models: {llm: {standIn: {}, extraBody: {seed: 7, nested: {a: null, b: [1, 0.5, "x"]}}}, `, 1))
	if got, want := string(b.Pipeline.Spec.Models.LLM.ExtraBody.Raw), `{"nested":{"a":null,"b":[1,0.5,"x"]},"seed":7}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestStatusInAManifestIsIgnoredAsOnCreate(t *testing.T) {
	b := mustLoad(t, pipeline+"status: {observedGeneration: 5}\n")
	if b.Pipeline.Status.ObservedGeneration != 0 {
		t.Errorf("status is %+v", b.Pipeline.Status)
	}
}

func TestBadManifestsAreRefusedWithWhereWhatAndRemedy(t *testing.T) {
	spec := func(old, new string) string { return strings.Replace(pipeline, old, new, 1) }
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"no pipeline":                         {configMap + "---\n" + configMap, []string{"no RAGPipeline, only 2 ConfigMap", "-f"}},
		"nothing at all":                      {"# nothing\n", []string{"no RAGPipeline, only nothing"}},
		"two pipelines":                       {pipeline + "---\n" + spec("name: papers", "name: reports"), []string{"2 RAGPipelines", "papers (", "line 1), reports (", "line 9)"}},
		"another version":                     {spec("v1alpha1", "v1beta1"), []string{"apiVersion: is ragpipeline.io/v1beta1, and this program knows ragpipeline.io/v1alpha1"}},
		"another group":                       {spec("ragpipeline.io/v1alpha1", "v1"), []string{"apiVersion: is v1, and"}},
		"another spelling of the kind":        {spec("RAGPipeline", "RagPipeline"), []string{`kind: "RagPipeline" is unknown`, "write RAGPipeline"}},
		"no kind":                             {spec("kind: RAGPipeline\n", ""), []string{"not a Kubernetes object", "needs apiVersion, kind"}},
		"no name":                             {spec("{name: papers}", "{}"), []string{"metadata.name: "}},
		"no metadata":                         {spec("metadata: {name: papers}\n", ""), []string{"metadata.name: "}},
		"metadata of another type":            {spec("{name: papers}", "papers"), []string{"metadata"}},
		"a namespace that is none":            {spec("{name: papers}", "{name: papers, namespace: My_Space}"), []string{"metadata.namespace: "}},
		"a label that is none":                {spec("{name: papers}", "{name: papers, labels: {a: 'b c'}}"), []string{"metadata.labels: "}},
		"a spec of another type":              {"apiVersion: ragpipeline.io/v1alpha1\nkind: RAGPipeline\nmetadata: {name: a}\nspec: 5\n", []string{"spec: must be of type object"}},
		"several problems at once":            {spec("spec:", "spec:\n  chunking: {size: 0}\n  retrieval: {mode: Fuzzy, top: 3}"), []string{"4 problems", `unknown field "spec.retrieval.top": the fields here are alpha, k, mode, rewrite, topN`, "spec.chunking.size: ", `supported values: "Hybrid", "Vector", "Keyword"`, "not checked"}},
		"a number without quotes":             {spec("spec:", "spec:\n  retrieval: {alpha: 0.5}"), []string{"spec.retrieval.alpha: must be of type string", "put it in quotes"}},
		"a pattern in words":                  {spec("{weaviate: {}}", "{weaviate: {storage: {size: '50'}}}"), []string{"spec.vectorStore.weaviate.storage.size: should match", "write a size with its unit, such as 50Gi"}},
		"a key twice":                         {configMap + "---\n" + spec("spec:", "spec:\n  suspend: true\n  suspend: false"), []string{"line 11", `key "suspend" already set`}},
		"a key twice in JSON":                 {`{"apiVersion":"v1","kind":"ConfigMap","kind":"Secret"}`, []string{"duplicate field", "kind"}},
		"malformed YAML":                      {configMap + "---\na: b\n c: d\n", []string{"line 7"}},
		"malformed JSON":                      {`{"apiVersion": }`, []string{"not JSON, at byte"}},
		"a scalar":                            {"hello\n", []string{"not a Kubernetes object"}},
		"a list item that is none":            {"apiVersion: v1\nkind: List\nitems: [5]\n", []string{"item 1 is not a Kubernetes object"}},
		"the same ConfigMap twice":            {pipeline + "---\n" + configMap + "---\n" + configMap, []string{"hold ConfigMap papers twice"}},
		"an unknown field of a ConfigMap":     {pipeline + "---\n" + configMap + "dta: {}\n", []string{`unknown field "dta"`, "binaryData, data"}},
		"a number in a ConfigMap":             {pipeline + "---\n" + strings.Replace(configMap, `"# A"`, "8080", 1), []string{"data[a.md]: must be text: put it in quotes"}},
		"a ConfigMap's data of another type":  {pipeline + "---\n" + strings.Replace(configMap, `{a.md: "# A"}`, "[a]", 1), []string{"data: must be a map"}},
		"a ConfigMap's key that is none":      {pipeline + "---\n" + strings.Replace(configMap, "a.md", "a/b.md", 1), []string{"data[a/b.md]: "}},
		"a key in data and binaryData":        {pipeline + "---\n" + configMap + "binaryData: {a.md: aGk=}\n", []string{"binaryData[a.md]: is in data too"}},
		"a ConfigMap without a name":          {pipeline + "---\n" + strings.Replace(configMap, "{name: papers}", "{}", 1), []string{"metadata.name: is required"}},
		"a ConfigMap of more than 1 MiB":      {pipeline + "---\n" + strings.Replace(configMap, "# A", strings.Repeat("a", 1<<20+1), 1), []string{"holds 1048577 bytes", "split it"}},
		"a Secret that is not base64":         {pipeline + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\ndata: {token: hunter2!}\n", []string{"data[token]: must be base64: stringData takes plain text"}},
		"a Secret whose token is a number":    {pipeline + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {token: 31415}\n", []string{"stringData[token]: must be text"}},
		"a problem beside a missing pipeline": {"a: b: c\n", []string{"2 problems", "no RAGPipeline"}},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Load(write(t, c.text))
			if _, ok := errors.AsType[*InvalidError](err); !ok || b != nil {
				t.Fatalf("got %v and error %v", b, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error\n%v\ndoes not hold\n%s", err, want)
				}
			}
			for _, secret := range []string{"hunter2", "31415"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells a secret: %v", err)
				}
			}
		})
	}
}

func TestProblemsNameTheirDocument(t *testing.T) {
	files := write(t, pipeline+"---\n"+configMap+"dta: {}\n", "\n\n---\n# comment\n"+strings.Replace(configMap, "{name: papers}", "{}", 1))
	_, err := Load(files)
	invalid, ok := errors.AsType[*InvalidError](err)
	if !ok {
		t.Fatal(err)
	}
	var places []string
	for _, p := range invalid.Problems {
		places = append(places, filepath.Base(p.Where))
	}
	if diff := cmp.Diff([]string{"0.yaml line 9", "1.yaml"}, places); diff != "" {
		t.Error(diff)
	}
}

func TestUnreadableFiles(t *testing.T) {
	large := filepath.Join(t.TempDir(), "large.yaml")
	f, err := os.Create(large)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(maxFileBytes+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		files []string
		want  string
	}{
		"none named":  {nil, "name one with -f"},
		"missing":     {[]string{"/does/not/exist.yaml"}, "/does/not/exist.yaml"},
		"a directory": {[]string{t.TempDir()}, "is a directory: name its files"},
		"too large":   {[]string{large}, "more than 32 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Load(c.files); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v does not hold %q", err, c.want)
			}
		})
	}
}

// A pattern whose words are missing would be shown as a bare regular expression.
func TestEveryPatternHasWords(t *testing.T) {
	s, err := theSchema()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	spec := s.structural.Properties["spec"]
	patternsOf(&spec, seen)
	for pattern := range seen {
		if patterns[pattern] == "" {
			t.Errorf("no words for %s", pattern)
		}
	}
	for pattern := range patterns {
		if !seen[pattern] {
			t.Errorf("no field has the pattern %s", pattern)
		}
	}
}

// Whatever the bytes, Load answers: with a valid pipeline or with problems.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{pipeline, configMap, pipeline + "---\n" + configMap, "{}", "{", "a: &a [*a]", "apiVersion: v1\nkind: List\nitems: [{kind: List, items: []}]", "kind: RAGPipeline\nmetadata: 5\nspec: []", "--- # x\n---\r\n", "? [a]: b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := load([]string{"-"}, strings.NewReader(string(text)))
		if err != nil {
			if err.Error() == "" || b != nil {
				t.Errorf("bundle %v, error %q", b, err)
			}
			return
		}
		if b.Pipeline == nil || b.Pipeline.Name == "" || b.Pipeline.Namespace == "" || b.Pipeline.Spec.Chunking.Size < 1 {
			t.Errorf("accepted %+v", b.Pipeline)
		}
	})
}
