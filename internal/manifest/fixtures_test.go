package manifest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"github.com/ragpipeline/ragpipeline/config/crd"
	fixtures "github.com/ragpipeline/ragpipeline/test/crd"
)

// The fixtures are shared with the test that gives them to a real API server.
const testdata = "../../test/crd/testdata"

func TestAcceptedFixtures(t *testing.T) {
	for _, f := range fixtures.Fixtures(t, testdata, "accepted") {
		t.Run(f.Name, func(t *testing.T) {
			if _, err := Load([]string{f.File}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusedFixtures(t *testing.T) {
	for _, f := range fixtures.Fixtures(t, testdata, "refused") {
		t.Run(f.Name, func(t *testing.T) {
			_, err := Load([]string{f.File})
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), f.Error) {
				t.Errorf("error\n%v\ndoes not hold\n%s", err, f.Error)
			}
			if strings.Contains(err.Error(), "secret@") || strings.Contains(err.Error(), "key=secret") {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestUpdateFixtures(t *testing.T) {
	s, err := theSchema()
	if err != nil {
		t.Fatal(err)
	}
	update := func(t *testing.T, file string) field.ErrorList {
		t.Helper()
		objects, problems, err := readObjects([]string{file}, nil)
		if err != nil || len(problems) > 0 || len(objects) != 2 {
			t.Fatalf("%d objects, problems %v, error %v", len(objects), problems, err)
		}
		for _, o := range objects {
			if unknown, errs := s.admit(o.fields); len(unknown) > 0 || len(errs) > 0 {
				t.Fatalf("not valid by itself: %v %v", unknown, errs)
			}
		}
		errs, _ := s.rules.Validate(t.Context(), nil, s.structural, objects[1].fields, objects[0].fields, celconfig.RuntimeCELCostBudget)
		return errs
	}
	for _, f := range fixtures.Fixtures(t, testdata, "updates/accepted") {
		t.Run(f.Name, func(t *testing.T) {
			if errs := update(t, f.File); len(errs) > 0 {
				t.Error(errs.ToAggregate())
			}
		})
	}
	for _, f := range fixtures.Fixtures(t, testdata, "updates/refused") {
		t.Run(f.Name, func(t *testing.T) {
			errs := update(t, f.File)
			if !strings.Contains(fmt.Sprint(errs.ToAggregate()), f.Error) {
				t.Errorf("error %v does not hold %s", errs.ToAggregate(), f.Error)
			}
		})
	}
}

// Every rule and every bound of the spec's schema has a fixture that breaks it. Where the same bound stands at
// several fields of one name (a model's, three times), one fixture is enough.
func TestEveryRuleAndBoundIsBroken(t *testing.T) {
	props, err := schemaOf(crd.RAGPipelines, "v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	constraints := map[string]string{} // constraint to its first place
	walk(props, "", func(at string, p *apiextensions.JSONSchemaProps) {
		for _, c := range constraintsOf(at, p) {
			if _, seen := constraints[c]; !seen && !strings.HasPrefix(at, ".status") {
				constraints[c] = at
			}
		}
	})
	broken := map[string]bool{}
	for _, directory := range []string{"refused", "updates/refused"} {
		for _, f := range fixtures.Fixtures(t, testdata, directory) {
			for _, c := range brokenBy(t, f.File, props) {
				broken[c] = true
			}
		}
	}
	for c, at := range constraints {
		if !broken[c] {
			t.Errorf("no fixture breaks %s at %s", c, at)
		}
	}
	if len(constraints) < 100 {
		t.Errorf("only %d constraints were found", len(constraints))
	}
}

// walk visits the schema's nodes; a list's item is name[], a map's value name{}.
func walk(p *apiextensions.JSONSchemaProps, at string, visit func(string, *apiextensions.JSONSchemaProps)) {
	visit(at, p)
	for name, child := range p.Properties {
		walk(&child, at+"."+name, visit)
	}
	if p.Items != nil && p.Items.Schema != nil {
		walk(p.Items.Schema, at+"[]", visit)
	}
	if p.AdditionalProperties != nil && p.AdditionalProperties.Schema != nil {
		walk(p.AdditionalProperties.Schema, at+"{}", visit)
	}
}

// constraintsOf names what the node demands: its own name, the kind of bound, and its value.
func constraintsOf(at string, p *apiextensions.JSONSchemaProps) (list []string) {
	name := at[strings.LastIndex(at, ".")+1:]
	add := func(kind string, value any) { list = append(list, fmt.Sprintf("%s %s %v", name, kind, value)) }
	for _, bound := range []struct {
		kind  string
		value *int64
	}{{"maxLength", p.MaxLength}, {"minLength", p.MinLength}, {"maxItems", p.MaxItems}, {"minItems", p.MinItems}, {"maxProperties", p.MaxProperties}} {
		if bound.value != nil {
			add(bound.kind, *bound.value)
		}
	}
	if p.Minimum != nil {
		add("minimum", int64(*p.Minimum))
	}
	if p.Maximum != nil {
		add("maximum", int64(*p.Maximum))
	}
	if p.Pattern != "" {
		add("pattern", p.Pattern)
	}
	if p.Enum != nil {
		add("enum", "")
	}
	if p.XListType != nil && *p.XListType != "atomic" {
		add("unique", "")
	}
	for _, required := range p.Required {
		list = append(list, required+" required ")
	}
	for _, rule := range p.XValidations {
		list = append(list, "rule "+rule.Message)
	}
	return list
}

var kinds = []struct {
	kind string
	of   func(*field.Error) bool
}{
	{"maxLength", func(e *field.Error) bool { return e.Type == field.ErrorTypeTooLong }},
	{"maxItems", func(e *field.Error) bool { return e.Type == field.ErrorTypeTooMany }},
	{"maxProperties", func(e *field.Error) bool { return e.Type == field.ErrorTypeTooMany }},
	{"minLength", func(e *field.Error) bool { return strings.Contains(e.Detail, "chars long") }},
	{"minItems", func(e *field.Error) bool { return strings.Contains(e.Detail, "should have at least") }},
	{"minimum", func(e *field.Error) bool { return strings.Contains(e.Detail, "greater than or equal") }},
	{"maximum", func(e *field.Error) bool { return strings.Contains(e.Detail, "less than or equal") }},
	{"pattern", func(e *field.Error) bool { return strings.Contains(e.Detail, "should match") }},
	{"enum", func(e *field.Error) bool { return e.Type == field.ErrorTypeNotSupported }},
	{"unique", func(e *field.Error) bool { return e.Type == field.ErrorTypeDuplicate }},
	{"required", func(e *field.Error) bool { return e.Type == field.ErrorTypeRequired }},
}

// brokenBy names the constraints that a fixture breaks, as constraintsOf does.
func brokenBy(t *testing.T, file string, props *apiextensions.JSONSchemaProps) (list []string) {
	t.Helper()
	s, err := theSchema()
	if err != nil {
		t.Fatal(err)
	}
	objects, _, err := readObjects([]string{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var errs field.ErrorList
	for _, o := range objects {
		_, found := s.admit(o.fields)
		errs = append(errs, found...)
	}
	if len(objects) == 2 {
		found, _ := s.rules.Validate(t.Context(), nil, s.structural, objects[1].fields, objects[0].fields, celconfig.RuntimeCELCostBudget)
		errs = append(errs, found...)
	}
	for _, err := range errs {
		list = append(list, "rule "+err.Detail)
		at, node := nodeAt(props, err.Field)
		if node == nil { // a required field is absent from no schema, an item's path may be
			continue
		}
		name := at[strings.LastIndex(at, ".")+1:]
		for _, k := range kinds {
			if !k.of(err) {
				continue
			}
			if k.kind == "required" {
				list = append(list, name+" required ")
			}
			for _, c := range constraintsOf(at, node) {
				if strings.HasPrefix(c, name+" "+k.kind+" ") {
					list = append(list, c)
				}
			}
			if k.kind == "unique" { // reported at the item
				parent := strings.TrimSuffix(name, "[]")
				list = append(list, parent+" unique ")
			}
		}
	}
	return list
}

var step = regexp.MustCompile(`\[[^\]]*\]|[^.\[]+`)

// nodeAt finds the schema's node for an error's path.
func nodeAt(p *apiextensions.JSONSchemaProps, path string) (string, *apiextensions.JSONSchemaProps) {
	at := ""
	for _, s := range step.FindAllString(path, -1) {
		child, isProperty := p.Properties[s]
		switch {
		case isProperty:
			at, p = at+"."+s, &child
		case p.Items != nil:
			at, p = at+"[]", p.Items.Schema
		case p.AdditionalProperties != nil:
			at, p = at+"{}", p.AdditionalProperties.Schema
		default:
			return "", nil
		}
	}
	return at, p
}

func patternsOf(s *structuralschema.Structural, seen map[string]bool) {
	if s.ValueValidation != nil && s.ValueValidation.Pattern != "" {
		seen[s.ValueValidation.Pattern] = true
	}
	for _, child := range s.Properties {
		patternsOf(&child, seen)
	}
	if s.Items != nil {
		patternsOf(s.Items, seen)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		patternsOf(s.AdditionalProperties.Structural, seen)
	}
}
