package refusals_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/test/apiserver"
)

// saidWithin is for all cases together: for the controllers, which wait longer after each attempt, and for the
// operator, on a busy machine.
const saidWithin = 5 * time.Minute

// pipeline is one over stand-ins, with the spec of a case over it.
const pipeline = `
apiVersion: v1
kind: ConfigMap
metadata: {name: docs}
data: {a.md: "# A"}
---
apiVersion: ragpipeline.io/v1alpha1
kind: RAGPipeline
metadata: {name: papers}
spec:
  documents: [{name: docs, configMap: {name: docs}}]
  models:
    embedding: {standIn: {}}
    llm: {standIn: {}}
  vectorStore: {weaviate: {}}
`

// world is a namespace of the API server.
type world struct {
	*testing.T
	client.Client
	namespace string
	silent    string // the address of a server that takes connections and does not answer
	until     time.Time
}

// newWorlds are as many as the cases.
func newWorlds(t *testing.T) []*world {
	t.Helper()
	c, err := client.New(apiserver.Config(t), client.Options{Scheme: controllers.Scheme(), FieldOwner: "test"})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	worlds, until := make([]*world, len(cases)), time.Now().Add(saidWithin)
	for i := range worlds {
		worlds[i] = &world{t, c, apiserver.Namespace(t, nil), listener.Addr().String(), until}
	}
	return worlds
}

// eventually waits until the time of all cases is over, and looks once if it is.
func (w *world) eventually(condition func() (waitingFor string)) {
	w.Helper()
	apiserver.Eventually(w, max(time.Until(w.until), 0), condition)
}

// make makes the objects of a YAML text, in which NAMESPACE is the test's, and SILENT the address of a server that does
// not answer. It deletes those that have finalizers, which so stay.
func (w *world) make(text string, changes ...func(*unstructured.Unstructured)) {
	w.Helper()
	text = strings.NewReplacer("NAMESPACE", w.namespace, "SILENT", w.silent).Replace(text)
	decoder := utilyaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := new(unstructured.Unstructured)
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			w.Fatal(err)
		}
		if object.Object == nil {
			continue
		}
		if mapping, err := w.RESTMapper().RESTMapping(object.GroupVersionKind().GroupKind()); err != nil {
			w.Fatal(err)
		} else if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			object.SetNamespace(w.namespace)
		}
		for _, change := range changes {
			change(object)
		}
		if err := w.Create(w.Context(), object); err != nil {
			w.Fatal(err)
		}
		if len(object.GetFinalizers()) > 0 {
			if err := w.Delete(w.Context(), object); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// refuses waits until the API server refuses a pod of an ordinary kind with these words: a policy is not in force at once.
func (w *world) refuses(words string) {
	w.Helper()
	w.eventually(func() string {
		user := int64(65532)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "probe"}, Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{RunAsUser: &user, FSGroup: &user},
			Containers:      []corev1.Container{{Name: "probe", Image: "probe"}},
		}}
		if err := w.Create(w.Context(), pod, client.DryRunAll); err == nil || !strings.Contains(err.Error(), words) {
			return fmt.Sprintf("the policy to be in force: %v", err)
		}
		return ""
	})
}

// over puts a spec in YAML over that of the pipeline.
func (w *world) over(text string) func(*unstructured.Unstructured) {
	w.Helper()
	spec := map[string]any{}
	if err := utilyaml.Unmarshal([]byte(text), &spec); err != nil {
		w.Fatal(err)
	}
	return func(object *unstructured.Unstructured) {
		if object.GetKind() == v1alpha1.Kind {
			merge(object.Object["spec"].(map[string]any), spec)
		}
	}
}

// merge is a JSON merge patch.
func merge(into, from map[string]any) {
	for key, value := range from {
		inner, isMap := value.(map[string]any)
		present, wasMap := into[key].(map[string]any)
		switch {
		case value == nil:
			delete(into, key)
		case isMap && wasMap:
			merge(present, inner)
		default:
			into[key] = value
		}
	}
}

// says waits until a condition of the pipeline has the reason, and its message the words, and returns the message.
func (w *world) says(condition, reason string, words ...string) string {
	w.Helper()
	var said string
	w.eventually(func() string {
		p := new(v1alpha1.RAGPipeline)
		if err := w.Get(w.Context(), client.ObjectKey{Namespace: w.namespace, Name: "papers"}, p); err != nil {
			return err.Error()
		}
		c := meta.FindStatusCondition(p.Status.Conditions, condition)
		if c == nil {
			return fmt.Sprintf("the condition %s: %+v", condition, p.Status.Conditions)
		}
		said = c.Message
		for _, word := range append(words, "") {
			if c.Reason != reason || !strings.Contains(c.Message, word) {
				return fmt.Sprintf("%s with %q, not %s: %s", reason, word, c.Reason, c.Message)
			}
		}
		return ""
	})
	return said
}

// generated matches names of pods and of claims, and the words of the controllers that make them.
var generated = regexp.MustCompile(`papers-weaviate-\d|papers-gateway-[0-9a-z]|[Cc]reate (Pod|Claim)|Error creating`)

// describe is what a person sees who looks at the pipeline.
func (w *world) describe() string {
	config := filepath.Join(w.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, apiserver.KubeConfig(w), 0o600); err != nil {
		w.Fatal(err)
	}
	var out bytes.Buffer
	describe := exec.CommandContext(w.Context(), filepath.Join(os.Getenv(apiserver.Assets), "kubectl"),
		"--kubeconfig", config, "describe", "rag", "papers", "-n", w.namespace)
	describe.Stdout, describe.Stderr = &out, &out
	if err := describe.Run(); err != nil {
		w.Fatalf("describe: %v\n%s", err, out.String())
	}
	return out.String()
}

// The pipelines of all cases are made first, so that their waits pass at the same time.
func TestWhatTheClusterRefusesIsSaid(t *testing.T) {
	startOperator(t)
	worlds := newWorlds(t)
	for i, c := range cases {
		worlds[i].make(c.objects)
	}
	for i, c := range cases {
		if strings.Contains(c.objects, "ValidatingAdmissionPolicy") {
			worlds[i].refuses("denied request")
		}
		worlds[i].make(pipeline, worlds[i].over(c.spec))
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := *worlds[i]
			w.T = t
			said := w.says(c.condition, c.reason, c.words...)
			if c.reason == "PodsRefused" && generated.MatchString(said) {
				t.Errorf("it holds a name that each attempt makes anew: %s", said)
			}
			t.Log(said)
			if os.Getenv("DESCRIBE") != "" {
				t.Log(w.describe())
			}
		})
	}
}
