package desired

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/derive/derivetest"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// object is a child as the API server gets it.
type object map[string]any

func objects(t *testing.T, children []Child) []object {
	t.Helper()
	var list []object
	for _, c := range children {
		b, err := json.Marshal(c.Object)
		if err != nil {
			t.Fatal(err)
		}
		var o object
		if err := json.Unmarshal(b, &o); err != nil {
			t.Fatal(err)
		}
		list = append(list, o)
	}
	return list
}

// at is the value at a path of fields, or nil if there is none.
func (o object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, field := range path {
		m, _ := v.(map[string]any)
		v = m[field]
	}
	return v
}

func (o object) kind() string { return fmt.Sprint(o.at("kind")) }
func (o object) name() string { return fmt.Sprint(o.at("metadata", "name")) }

// podTemplate is the pod template of a workload; nil for other kinds.
func (o object) podTemplate(t *testing.T) *corev1.PodTemplateSpec {
	t.Helper()
	found := o.at("spec", "template")
	if found == nil {
		return nil
	}
	b, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	template := new(corev1.PodTemplateSpec)
	if err := json.Unmarshal(b, template); err != nil {
		t.Fatal(err)
	}
	return template
}

// everyObject runs check on each object of each case.
func everyObject(t *testing.T, check func(t *testing.T, o object)) {
	t.Helper()
	for name, c := range cases(t) {
		for _, o := range objects(t, all(t, c.pipeline, running(t, c.pipeline, c.facts))) {
			t.Run(name+"/"+o.kind()+"/"+o.name(), func(t *testing.T) { check(t, o) })
		}
	}
}

// What is empty, or a zero that the API server would not keep, is fought over with it at each pass.
func TestChildrenMentionOnlyWhatTheyManage(t *testing.T) {
	everyObject(t, func(t *testing.T, o object) { noEmptyValues(t, o.kind(), map[string]any(o)) })
}

func noEmptyValues(t *testing.T, at string, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		t.Errorf("%s is null", at)
	case string:
		if v == "" {
			t.Errorf("%s is empty", at)
		}
	case []any:
		if len(v) == 0 {
			t.Errorf("%s is empty", at)
		}
		for i, element := range v {
			noEmptyValues(t, fmt.Sprintf("%s[%d]", at, i), element)
		}
	case map[string]any:
		if len(v) == 0 && !strings.HasSuffix(at, ".emptyDir") {
			t.Errorf("%s is empty", at)
		}
		for key, element := range v {
			noEmptyValues(t, at+"."+key, element)
		}
	}
}

func TestEveryObjectIsInThePipelinesNamespaceAndLabelled(t *testing.T) {
	everyObject(t, func(t *testing.T, o object) {
		if o.at("metadata", "namespace") == nil || o.at("apiVersion") == nil {
			t.Error("it has no namespace or version")
		}
		for _, label := range []string{naming.LabelName, naming.LabelInstance, naming.LabelComponent, naming.LabelManagedBy, naming.LabelPipeline} {
			without := label == naming.LabelInstance && o.at("kind") == "PersistentVolumeClaim" // see naming.ClaimLabels
			if (o.at("metadata", "labels", label) == nil) != without {
				t.Errorf("it has a label %s: %t", label, without)
			}
		}
	})
}

func TestNoTwoChildrenHaveOneName(t *testing.T) {
	for name, c := range cases(t) {
		seen := map[string]bool{}
		for _, o := range objects(t, all(t, c.pipeline, running(t, c.pipeline, c.facts))) {
			if key := o.kind() + "/" + o.name(); seen[key] {
				t.Errorf("%s: %s is made twice", name, key)
			} else {
				seen[key] = true
			}
		}
	}
}

// A pipeline's name may have 40 characters. What is made of it must still be a name, and so must
// what other controllers make of that.
func TestNamesAreValidForTheLongestPipeline(t *testing.T) {
	longest := strings.Repeat("p", 40)
	for name, c := range cases(t) {
		p := c.pipeline.DeepCopy()
		p.Name = longest
		for _, o := range objects(t, all(t, p, running(t, p, c.facts))) {
			at := name + ": " + o.kind() + " " + o.name()
			if wrong := validation.IsDNS1035Label(o.name()); len(wrong) > 0 {
				t.Errorf("%s: %s", at, wrong)
			}
			labels, _ := o.at("metadata", "labels").(map[string]any)
			for key, value := range labels {
				if wrong := validation.IsValidLabelValue(value.(string)); len(wrong) > 0 {
					t.Errorf("%s: label %s: %s", at, key, wrong)
				}
			}
			switch o.kind() {
			case "StatefulSet": // its pods are labelled with its name, a hyphen and a hash of up to 10 characters
				if len(o.name())+11 > validation.LabelValueMaxLength {
					t.Errorf("%s: too long for its pods' controller-revision-hash", at)
				}
			case "Job": // its pods' names add a hyphen and 5 characters
				if len(o.name())+6 > validation.DNS1123LabelMaxLength {
					t.Errorf("%s: too long for its pods' names", at)
				}
			}
			if template := o.podTemplate(t); template != nil {
				for _, v := range template.Spec.Volumes {
					if wrong := validation.IsDNS1123Label(v.Name); len(wrong) > 0 {
						t.Errorf("%s: volume %s: %s", at, v.Name, wrong)
					}
				}
			}
		}
	}
}

func TestReplicasAreLeftToAnAutoscalerUnlessTheSpecHasThem(t *testing.T) {
	everyObject(t, func(t *testing.T, o object) {
		if o.kind() != "Deployment" || o.at("spec", "replicas") == nil {
			return
		}
		if o.name() != "papers-gateway" && o.name() != "papers-extraction" && o.at("metadata", "labels", naming.LabelModel) != naming.ModelHash("example/embed-2") {
			t.Errorf("it applies replicas: %v", o.at("spec", "replicas"))
		}
	})
}

func TestAnUpgradeOfTheOperatorRestartsNoStoreAndNoModel(t *testing.T) {
	p := derivetest.Pipeline(derivetest.WithNIMs, func(s *v1alpha1.RAGPipelineSpec) { s.Models.LLM.Model = derivetest.StandIn })
	facts := running(t, p, Facts{WeaviateImage: operator.WeaviateImage})
	before, err := Children(p, operator, facts)
	if err != nil {
		t.Fatal(err)
	}
	newer := operator
	newer.Image, newer.WeaviateImage = "registry.example/ragpipeline:2.0.0", "weaviate:2.0.0"
	after, err := Children(p, newer, facts)
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string]bool{}
	old := objects(t, before)
	for i, o := range objects(t, after) {
		if !reflect.DeepEqual(o, old[i]) {
			changed[o.kind()+"/"+o.name()] = true
		}
	}
	delete(changed, "Job/"+facts.Tasks[0].Name(p)) // created once, and never applied over
	if want := map[string]bool{"Deployment/papers-gateway": true, "Deployment/papers-stand-in": true}; !reflect.DeepEqual(changed, want) {
		t.Errorf("an upgrade changes %v", changed)
	}
}
