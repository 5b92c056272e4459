package desired

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// elsewhere are the fields that others obey: suspend stops the pass before, and the plan starts a task by the interval
// and retains a generation for its time.
var elsewhere = map[string]bool{"suspend": true, "sync.interval": true, "index.retain": true}

// Changing any other field of the spec changes some child: a field that nothing obeys must not exist.
func TestEveryFieldOfTheSpecIsObeyed(t *testing.T) {
	obeyed := map[string]bool{} // path to whether some change of it changed a child
	for _, base := range fullPipelines() {
		before := everything(t, base)
		if everything(t, base) != before {
			t.Fatal("making children twice gives two results")
		}
		for _, path := range leaves(reflect.ValueOf(&base.Spec).Elem(), "") {
			changed := base.DeepCopy()
			change(t, find(reflect.ValueOf(&changed.Spec).Elem(), path))
			obeyed[path] = obeyed[path] || everything(t, changed) != before
		}
	}
	for path, changes := range obeyed {
		if changes == elsewhere[path] {
			t.Errorf("spec.%s: a change of it changes a child: %t", path, changes)
		}
	}
	if len(obeyed) < 150 {
		t.Errorf("only %d fields found", len(obeyed))
	}
}

// fullPipelines have every field set, and of alternatives one each.
func fullPipelines() map[string]*v1alpha1.RAGPipeline {
	list := map[string]*v1alpha1.RAGPipeline{}
	for name, choose := range map[string]func(*v1alpha1.RAGPipelineSpec){
		"NIM": func(s *v1alpha1.RAGPipelineSpec) {
			s.Extraction.Server.Endpoint = nil
			s.Documents[0].ConfigMap, s.VectorStore.External, s.Gateway.Auth.Anonymous = nil, nil, nil
			s.Gateway.Auth.OIDC = nil
			s.Documents[0].Container, s.Documents[0].S3, s.Documents[0].HTTP = nil, nil, nil
			for _, m := range everyModel(s) {
				m.NIM.Cache.ClaimName, m.NIM.Cache.SubPath = "", ""
			}
		},
		"NIM with plain environment and the cache of others": func(s *v1alpha1.RAGPipelineSpec) {
			s.VectorStore.External, s.Extraction = nil, nil
			for _, m := range everyModel(s) {
				m.NIM.Env[0].ValueFrom = nil
			}
			s.Pods.Env[0].ValueFrom, s.Pods.Components[0].Env[0].ValueFrom = nil, nil
		},
		"Endpoint": func(s *v1alpha1.RAGPipelineSpec) {
			s.Extraction.Server.Tika = nil
			s.Documents[0].PersistentVolumeClaim, s.VectorStore.Weaviate = nil, nil
			s.Documents[0].Container, s.Documents[0].S3, s.Documents[0].HTTP = nil, nil, nil
		},
		"StandIn with pages": func(s *v1alpha1.RAGPipelineSpec) {
			s.Gateway.Route.Ingress = nil
			s.VectorStore.Weaviate, s.Extraction = nil, nil
			s.Documents[0].ConfigMap, s.Documents[0].PersistentVolumeClaim, s.Documents[0].S3 = nil, nil, nil
			s.Documents[0].Container = nil
		},
		"StandIn with a repository": func(s *v1alpha1.RAGPipelineSpec) {
			s.VectorStore.Weaviate, s.Extraction = nil, nil
			s.Documents[0].ConfigMap, s.Documents[0].PersistentVolumeClaim, s.Documents[0].S3 = nil, nil, nil
			s.Documents[0].Container, s.Documents[0].HTTP = nil, nil
		},
		"StandIn with a bucket": func(s *v1alpha1.RAGPipelineSpec) {
			s.VectorStore.Weaviate, s.Extraction = nil, nil
			s.Documents[0].ConfigMap, s.Documents[0].PersistentVolumeClaim, s.Documents[0].HTTP = nil, nil, nil
			s.Documents[0].Container = nil
		},
		"StandIn": func(s *v1alpha1.RAGPipelineSpec) { s.VectorStore.Weaviate, s.Extraction = nil, nil },
		"StandIn with a program": func(s *v1alpha1.RAGPipelineSpec) {
			s.VectorStore.Weaviate, s.Extraction = nil, nil
			s.Documents[0].ConfigMap, s.Documents[0].PersistentVolumeClaim = nil, nil
			s.Documents[0].Container.Env[0].ValueFrom, s.Documents[0].S3, s.Documents[0].HTTP = nil, nil, nil
		},
		"StandIn with a program that gets a key": func(s *v1alpha1.RAGPipelineSpec) {
			s.VectorStore.Weaviate, s.Extraction = nil, nil
			s.Documents[0].ConfigMap, s.Documents[0].PersistentVolumeClaim, s.Documents[0].S3 = nil, nil, nil
			s.Documents[0].HTTP = nil
		},
	} {
		p := &v1alpha1.RAGPipeline{}
		p.Namespace, p.Name = "rag", "papers"
		fill(reflect.ValueOf(&p.Spec).Elem())
		p.Spec.Pods.Components[0].SchedulerName = "own"
		p.Spec.Retrieval.Alpha, p.Spec.Gateway.Temperature = "0.5", "0.5"
		kind, _, _ := strings.Cut(name, " ")
		for _, m := range everyModel(&p.Spec) {
			for _, other := range []string{"NIM", "Endpoint", "StandIn"} {
				if other != kind {
					reflect.ValueOf(m).Elem().FieldByName(other).SetZero()
				}
			}
		}
		choose(&p.Spec)
		list[name] = p
	}
	return list
}

func everyModel(s *v1alpha1.RAGPipelineSpec) []*v1alpha1.Model {
	return []*v1alpha1.Model{&s.Models.Embedding.Model, s.Models.Reranking, &s.Models.LLM.Model}
}

// everything is all children, a run among them.
func everything(t *testing.T, p *v1alpha1.RAGPipeline) string {
	t.Helper()
	children, err := newBuilder(p, operator, running(t, p, Facts{})).children()
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(append(Secrets(p, Facts{}), children...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// opaque are the structs that are one value.
func opaque(v reflect.Value) bool {
	switch v.Interface().(type) {
	case resource.Quantity, metav1.Duration, runtime.RawExtension, intstr.IntOrString:
		return true
	}
	return false
}

// fill sets every field below v to something.
func fill(v reflect.Value) {
	switch {
	case opaque(v):
		if raw, ok := reflect.TypeAssert[*runtime.RawExtension](v.Addr()); ok {
			raw.Raw = []byte(`{"a":1,"nodeAffinity":{}}`)
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
	case v.Type() == reflect.TypeFor[map[string]runtime.RawExtension]():
		v.Set(reflect.ValueOf(map[string]runtime.RawExtension{"key": {Raw: []byte(`1`)}}))
	case v.Kind() == reflect.Map:
		element := reflect.New(v.Type().Elem()).Elem()
		fill(element)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key").Convert(v.Type().Key()), element)
	case v.Type() == reflect.TypeFor[v1alpha1.VolumeSize](), v.Type() == reflect.TypeFor[v1alpha1.DocumentSize]():
		v.SetString("1Gi")
	case v.Type() == reflect.TypeFor[v1alpha1.PodComponent]():
		v.SetString("Gateway")
	case v.Kind() == reflect.String:
		v.SetString("text")
	case v.CanInt():
		v.SetInt(1)
	}
}

// leaves lists the paths of what can be changed: JSON names, without list indices; a map is one
// leaf.
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
	case *intstr.IntOrString:
		leaf.IntVal++
		return
	case *metav1.Duration:
		leaf.Duration += time.Minute
		return
	case *v1alpha1.DocumentSize:
		*leaf = "2Mi"
		return
	case *v1alpha1.PodComponent:
		*leaf = "Ingest"
		return
	case *v1alpha1.PodUser:
		*leaf = userOfCluster
		return
	case *v1alpha1.NetworkTLS:
		*leaf = internalTLS
		return
	case *v1alpha1.Egress:
		*leaf = egressRestricted
		return
	case *v1alpha1.Retention:
		*leaf = "Delete"
		return
	case *v1alpha1.VolumeSize:
		*leaf = "2Gi"
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
