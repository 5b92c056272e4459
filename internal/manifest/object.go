package manifest

import (
	"cmp"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// object is a Kubernetes object, and where it stands.
type object struct {
	where  string
	fields map[string]any
}

func (o *object) text(path ...string) string {
	s, _, _ := unstructured.NestedString(o.fields, path...)
	return s
}

func (o *object) apiVersion() string { return o.text("apiVersion") }
func (o *object) kind() string       { return o.text("kind") }
func (o *object) name() string       { return o.text("metadata", "name") }
func (o *object) namespace() string  { return o.text("metadata", "namespace") }

// defaultNamespace is where kubectl puts an object that names no namespace.
const defaultNamespace = "default"

func (o *object) namespaceOrDefault() string { return cmp.Or(o.namespace(), defaultNamespace) }

// isPipeline also takes another version or spelling, to tell the user what is wrong with it.
func (o *object) isPipeline() bool {
	group, _, _ := strings.Cut(o.apiVersion(), "/")
	return group == v1alpha1.GroupVersion.Group || strings.EqualFold(o.kind(), v1alpha1.Kind)
}

func (o *object) isConfigMap() bool { return o.apiVersion() == "v1" && o.kind() == "ConfigMap" }
func (o *object) isSecret() bool    { return o.apiVersion() == "v1" && o.kind() == "Secret" }

func (o *object) problem(path, format string, args ...any) *Problem {
	return &Problem{Where: o.where, Path: path, Message: fmt.Sprintf(format, args...)}
}
