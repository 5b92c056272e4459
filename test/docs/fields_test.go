package docs

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/config/crd"
)

// The pages that people read name every field of the resource, beside the generated reference.
func TestThePagesNameEveryField(t *testing.T) {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(crd.RAGPipelines, &definition); err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	words := map[string]bool{}
	for _, page := range pages {
		if filepath.Base(page) == "api.md" {
			continue
		}
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(readPage(t, page), -1) {
			words[word] = true
		}
	}
	root := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	fields := fieldsOf(root, "")
	if len(fields) < 400 {
		t.Fatalf("the resource has %d fields", len(fields))
	}
	for _, field := range fields {
		if name := field[strings.LastIndex(field, ".")+1:]; !words[name] {
			t.Errorf("no page names %s", field)
		}
	}
}

// fieldsOf lists the paths of all fields beneath a schema.
func fieldsOf(s *apiextensionsv1.JSONSchemaProps, path string) (fields []string) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		property := s.Properties[name]
		fields = append(fields, path+"."+name)
		fields = append(fields, fieldsOf(&property, path+"."+name)...)
	}
	if s.Items != nil && s.Items.Schema != nil {
		fields = append(fields, fieldsOf(s.Items.Schema, path)...)
	}
	return fields
}
