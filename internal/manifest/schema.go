package manifest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	schemavalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/api/operation"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/config/crd"
)

// schema validates RAGPipelines as the API server does: apiextensions-apiserver's customresource strategy, with
// its own parts in its own order. That package itself would bring in all of a server.
type schema struct {
	structural *structuralschema.Structural
	validator  schemavalidation.SchemaValidator
	rules      *cel.Validator
}

// theSchema is compiled once, from the CRD that a cluster gets.
var theSchema = sync.OnceValues(newSchema)

func newSchema() (*schema, error) {
	s, err := compileSchema(crd.RAGPipelines)
	if err != nil {
		return nil, fmt.Errorf("the CRD in this binary: %w", err)
	}
	return s, nil
}

func compileSchema(definition []byte) (*schema, error) {
	props, err := schemaOf(definition, v1alpha1.GroupVersion.Version)
	if err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(props)
	if err != nil {
		return nil, err
	}
	structural = structural.DeepCopy() // its defaults are shared with props, and pruned here
	if err := defaulting.PruneDefaults(structural); err != nil {
		return nil, err
	}
	validator, _, err := schemavalidation.NewSchemaValidator(props)
	if err != nil {
		return nil, err
	}
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	return &schema{structural: structural, validator: validator, rules: rules}, nil
}

// schemaOf finds a version's schema in a CRD.
func schemaOf(definition []byte, version string) (*apiextensions.JSONSchemaProps, error) {
	var external apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(definition, &external); err != nil {
		return nil, err
	}
	for _, v := range external.Spec.Versions {
		if v.Name != version || v.Schema == nil {
			continue
		}
		var props apiextensions.JSONSchemaProps
		err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
			v.Schema.OpenAPIV3Schema, &props, nil)
		return &props, err
	}
	return nil, errors.New("has no schema for version " + version)
}

// admit defaults and validates fields in place, as for a create; the namespace is "default" where they name none.
// Unknown fields are removed and their paths returned.
func (s *schema) admit(fields map[string]any) (unknown []string, errs field.ErrorList) {
	meta, _, unknown, err := objectmeta.GetObjectMetaWithOptions(fields,
		objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return nil, field.ErrorList{metadataError(err)}
	}
	if meta == nil {
		meta = &metav1.ObjectMeta{}
	}
	meta.Namespace = cmp.Or(meta.Namespace, defaultNamespace)
	unknown = append(unknown, pruning.PruneWithOptions(fields, s.structural, true,
		structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	defaulting.PruneNonNullableNullsWithoutDefaults(fields, s.structural)
	if err := objectmeta.SetObjectMeta(fields, meta); err != nil {
		return unknown, field.ErrorList{field.InternalError(field.NewPath("metadata"), err)}
	}
	defaulting.Default(fields, s.structural)
	delete(fields, "status") // the status subresource: a create cannot set it
	return unknown, s.validate(fields, meta)
}

func (s *schema) validate(fields map[string]any, meta *metav1.ObjectMeta) field.ErrorList {
	ctx := context.Background() // carries no deadline to this computation, which its cost limit bounds
	errs := validation.ValidateObjectMetaDeclaratively(ctx, operation.Create, meta, nil, true,
		validation.NameIsDNSSubdomain, field.NewPath("metadata"), false)
	errs = append(errs, schemavalidation.ValidateCustomResource(nil, fields, s.validator)...)
	errs = append(errs, objectmeta.Validate(ctx, nil, fields, s.structural, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, s.structural, fields)...)
	if blocksRules(errs) {
		return append(errs, field.Invalid(nil, nil, "some rules between fields were not checked: correct these errors first"))
	}
	broken, _ := s.rules.Validate(ctx, nil, s.structural, fields, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, broken...)
}

// blocksRules reports whether an error keeps rules from being tried: a rule may rely on types, sizes and required
// fields.
func blocksRules(errs field.ErrorList) bool {
	for _, err := range errs {
		switch err.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany,
			field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}

func metadataError(err error) *field.Error {
	if e, ok := errors.AsType[*field.Error](err); ok {
		return e
	}
	return field.Invalid(field.NewPath("metadata"), nil, err.Error())
}
