package crd

import (
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/config/crd"
)

// schema is the CRD's, as an API server reads it.
func schema(t *testing.T) (*apiextensions.JSONSchemaProps, *structuralschema.Structural) {
	t.Helper()
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(crd.RAGPipelines, &definition); err != nil {
		t.Fatal(err)
	}
	if len(definition.Spec.Versions) != 1 {
		t.Fatalf("%d versions", len(definition.Spec.Versions))
	}
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(definition.Spec.Versions[0].Schema.OpenAPIV3Schema, &props, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := structuralschema.NewStructural(&props)
	if err != nil {
		t.Fatal(err)
	}
	return &props, structural
}

func TestTheSchemaIsStructuralAndItsDefaultsAreValid(t *testing.T) {
	_, structural := schema(t)
	for _, err := range structuralschema.ValidateStructural(nil, structural) {
		t.Error(err)
	}
	errs, err := defaulting.ValidateDefaults(t.Context(), nil, structural, true, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range errs {
		t.Error(err)
	}
}

// The estimated costs that an API server allows: of a rule, times how often it can run, and of all
// (StaticEstimatedCostLimit, StaticEstimatedCRDCostLimit in apiextensions-apiserver).
const (
	maxRuleCost = 10_000_000
	maxCost     = 100_000_000
)

func TestTheRulesCompileWithinTheCostLimits(t *testing.T) {
	_, structural := schema(t)
	rules := &ruleCosts{T: t, environment: environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion())}
	rules.walk(structural, "", true, 1)
	if rules.total > maxCost {
		t.Errorf("the rules cost %d in all, more than %d", rules.total, maxCost)
	}
	if rules.count < 20 {
		t.Errorf("only %d rules found", rules.count)
	}
	t.Logf("%d rules cost %.1f %% of what is allowed", rules.count, 100*float64(rules.total)/maxCost)
}

type ruleCosts struct {
	*testing.T
	environment *environment.EnvSet
	total       uint64
	count       int
}

// walk adds up the costs of the rules in s, which occurs at most times times in an object.
func (r *ruleCosts) walk(s *structuralschema.Structural, at string, root bool, times uint64) {
	if len(s.XValidations) > 0 {
		results, err := cel.Compile(s, model.SchemaDeclType(s, root), celconfig.PerCallLimit, r.environment, cel.NewExpressionsEnvLoader())
		if err != nil {
			r.Errorf("%s: %v", at, err)
		}
		for i, result := range results {
			if result.Error != nil {
				r.Errorf("%s: %s: %v", at, s.XValidations[i].Rule, result.Error)
			}
			cost := result.MaxCost * times
			if cost > maxRuleCost {
				r.Errorf("%s: %s: costs %d", at, s.XValidations[i].Rule, cost)
			}
			r.total += cost
			r.count++
		}
	}
	for name, child := range s.Properties {
		r.walk(&child, at+"."+name, false, times)
	}
	if s.Items != nil && s.ValueValidation != nil && s.ValueValidation.MaxItems != nil {
		r.walk(s.Items, at+"[]", false, times*uint64(*s.ValueValidation.MaxItems))
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil && s.ValueValidation != nil && s.ValueValidation.MaxProperties != nil {
		r.walk(s.AdditionalProperties.Structural, at+"{}", false, times*uint64(*s.ValueValidation.MaxProperties))
	}
}

// A client-side apply stores the object in an annotation of at most 256 KiB, and each GET of the API's discovery
// carries it: it has to stay small.
func TestTheCRDIsSmall(t *testing.T) {
	if size := len(crd.RAGPipelines); size > 200<<10 {
		t.Errorf("the CRD has %d bytes, more than 200 KiB", size)
	}
}

// Every string, list and map that a user writes is bounded: that keeps objects small and the cost of rules low.
func TestEveryFieldOfTheSpecIsBounded(t *testing.T) {
	props, _ := schema(t)
	spec := props.Properties["spec"]
	seen := 0
	bounded(t, &spec, "spec", &seen)
	if seen < 100 {
		t.Errorf("only %d strings, lists and maps found", seen)
	}
}

func bounded(t *testing.T, p *apiextensions.JSONSchemaProps, at string, seen *int) {
	t.Helper()
	switch {
	case p.XIntOrString: // a quantity
	case p.Type == "string":
		*seen++
		if p.MaxLength == nil && p.Enum == nil {
			t.Errorf("%s has no maxLength", at)
		}
	case p.Type == "array":
		*seen++
		if p.MaxItems == nil {
			t.Errorf("%s has no maxItems", at)
		}
		bounded(t, p.Items.Schema, at+"[]", seen)
	case p.Type == "object" && p.AdditionalProperties != nil:
		*seen++
		if p.MaxProperties == nil {
			t.Errorf("%s has no maxProperties", at)
		}
		bounded(t, p.AdditionalProperties.Schema, at+"{}", seen)
	}
	repeated := strings.Contains(at, ".scheduling.") || strings.Contains(at, ".resources.") || strings.Contains(strings.ToLower(at), "ref.") || strings.Contains(at, ".valueFrom.")
	if p.Description == "" && !repeated && !strings.HasSuffix(at, "{}") && !strings.HasSuffix(at, "[]") {
		t.Errorf("%s has no description", at)
	}
	for name, child := range p.Properties {
		bounded(t, &child, at+"."+name, seen)
	}
}
