package desired

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// controlPlane are the fields that only the operator obeys: they say what pods look like, and no pod reads them.
var controlPlane = regexp.MustCompile(`^(` + strings.Join([]string{
	`documents\.persistentVolumeClaim\..*`,
	`models\.\w+\.nim\.(image|gpu|resources|authSecretRef|pullSecrets|env|startupTimeout|cache|replicas|runtimeClassName|priorityClassName|scheduling)(\..*)?`,
	`vectorStore\..*`,
	`ingest\..*`,
	`gateway\.(replicas|resources|scheduling|auth|service)(\..*)?`,
	`suspend`,
}, "|") + `)$`)

// Changing any field of the spec changes the data plane's config, unless it is the operator's alone; a field that
// nothing obeys must not exist.
func TestEveryFieldOfTheSpecIsObeyed(t *testing.T) {
	obeyed := map[string]bool{} // path to whether some change of it changed a config
	for _, kind := range []string{"NIM", "Endpoint", "StandIn"} {
		base := full(kind)
		before := everywhere(t, base)
		for _, path := range leaves(reflect.ValueOf(&base.Spec).Elem(), "") {
			changed := base.DeepCopy()
			change(t, find(reflect.ValueOf(&changed.Spec).Elem(), path))
			obeyed[path] = obeyed[path] || everywhere(t, changed) != before
		}
	}
	for path, changes := range obeyed {
		switch operators := controlPlane.MatchString(path); {
		case !changes && !operators:
			t.Errorf("nothing obeys spec.%s", path)
		case changes && operators:
			t.Errorf("spec.%s reaches the data plane: it is not the operator's alone", path)
		}
	}
	if len(obeyed) < 100 {
		t.Errorf("only %d fields found", len(obeyed))
	}
}

// full has every field set, and each model of one kind.
func full(kind string) *v1alpha1.RAGPipeline {
	p := &v1alpha1.RAGPipeline{}
	fill(reflect.ValueOf(&p.Spec).Elem())
	p.Spec.Retrieval.Alpha, p.Spec.Gateway.Temperature = "0.5", "0.5"
	for _, m := range []*v1alpha1.Model{&p.Spec.Models.Embedding.Model, p.Spec.Models.Reranking, &p.Spec.Models.LLM.Model} {
		for _, other := range []string{"NIM", "Endpoint", "StandIn"} {
			if other != kind {
				reflect.ValueOf(m).Elem().FieldByName(other).SetZero()
			}
		}
	}
	return p
}

// everywhere is the config for both places; one machine has no NIMs.
func everywhere(t *testing.T, p *v1alpha1.RAGPipeline) string {
	t.Helper()
	list := []both{configs(t, p, cluster)}
	if p.Spec.Models.Embedding.NIM == nil {
		list = append(list, configs(t, p, machine))
	}
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// opaque are the structs that are one value.
func opaque(v reflect.Value) bool {
	switch v.Interface().(type) {
	case resource.Quantity, metav1.Duration, runtime.RawExtension:
		return true
	}
	return false
}

// fill sets every field below v to something.
func fill(v reflect.Value) {
	switch {
	case opaque(v):
		if raw, ok := reflect.TypeAssert[*runtime.RawExtension](v.Addr()); ok {
			raw.Raw = []byte(`{"a":1}`)
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case v.Kind() == reflect.Struct:
		for _, field := range v.Fields() {
			fill(field)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case v.Kind() == reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), element)
	case v.Kind() == reflect.String:
		v.SetString("text")
	case v.CanInt():
		v.SetInt(1)
	}
}

// leaves lists the paths of what can be changed: JSON names, without list indices; a map is one leaf.
func leaves(v reflect.Value, at string) (paths []string) {
	switch {
	case v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer:
		return leaves(v.Elem(), at)
	case v.Kind() == reflect.Slice && v.Len() > 0:
		return leaves(v.Index(0), at)
	case v.Kind() != reflect.Struct || opaque(v):
		return []string{at}
	}
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		paths = append(paths, leaves(v.Field(i), strings.TrimPrefix(strings.TrimSuffix(at+"."+name, "."), "."))...)
	}
	return paths
}

// find is the value at a path of leaves.
func find(v reflect.Value, path string) reflect.Value {
	switch {
	case v.Kind() == reflect.Pointer:
		return find(v.Elem(), path)
	case v.Kind() == reflect.Slice && v.Len() > 0 && path != "":
		return find(v.Index(0), path)
	case path == "" && v.Kind() == reflect.Slice:
		return v.Index(0)
	case path == "":
		return v
	}
	name, rest, _ := strings.Cut(path, ".")
	var inline []reflect.Value
	for i := range v.NumField() {
		switch tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ","); tag {
		case name:
			return find(v.Field(i), rest)
		case "":
			inline = append(inline, v.Field(i))
		}
	}
	return find(inline[0], path)
}

// change gives v another value.
func change(t *testing.T, v reflect.Value) {
	t.Helper()
	switch leaf := v.Addr().Interface().(type) {
	case *runtime.RawExtension:
		leaf.Raw = []byte(`{"a":2}`)
		return
	case *resource.Quantity:
		leaf.Set(leaf.Value() + 1)
		return
	case *metav1.Duration:
		leaf.Duration++
		return
	}
	switch {
	case v.Kind() == reflect.Map:
		v.SetMapIndex(reflect.ValueOf("other").Convert(v.Type().Key()), v.MapIndex(v.MapKeys()[0]))
	case v.Kind() == reflect.Bool:
		v.SetBool(!v.Bool())
	case v.CanInt():
		v.SetInt(v.Int() + 1)
	case v.Kind() == reflect.String:
		if number, err := strconv.ParseFloat(v.String(), 64); err == nil {
			v.SetString(fmt.Sprint(number / 2))
			return
		}
		v.SetString(v.String() + "x")
	default:
		t.Fatalf("cannot change a %s", v.Type())
	}
}
