package main

import (
	"encoding/json"
	"maps"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

type schema = apiextensionsv1.JSONSchemaProps

// A section is an object with fields, and all the paths that have the very same.
type section struct {
	paths []string
	schema
	links map[string]string // field -> the path that its object is described under
}

// sections are the objects of spec and status, parents before children, fields by name.
func sections(root *schema) []*section {
	w := walk{known: map[string]*section{}}
	for _, part := range []string{"spec", "status"} {
		object := root.Properties[part]
		if part == "spec" { // the root's own rules are about the name: they stand with the spec
			object.XValidations = slices.Concat(root.XValidations, object.XValidations)
		}
		w.visit(part, object)
	}
	return w.sections
}

type walk struct {
	sections []*section
	known    map[string]*section // by the schema's JSON, description aside
}

// visit returns the path under which the object is described.
func (w *walk) visit(path string, object schema) string {
	key := identity(object)
	if s, ok := w.known[key]; ok {
		s.paths = append(s.paths, path)
		return s.paths[0]
	}
	s := &section{paths: []string{path}, schema: object, links: map[string]string{}}
	w.known[key] = s
	w.sections = append(w.sections, s)
	for _, name := range slices.Sorted(maps.Keys(object.Properties)) {
		field := object.Properties[name]
		at := path + "." + name
		if field.Items != nil {
			at, field = at+"[]", *field.Items.Schema
		}
		if len(field.Properties) > 0 {
			s.links[name] = w.visit(at, field)
		}
	}
	return path
}

// identity is the same for the same Go type: how a path describes or defaults it is the parent's
// affair.
func identity(s schema) string {
	s.Description, s.Default = "", nil
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // it was JSON a moment ago
	}
	return string(b)
}
