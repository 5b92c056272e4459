package gateway

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/test/golden"
)

// requests and replies are the types that the gateway decodes and encodes. Those of their fields follow from them.
var (
	requests = []any{ChatRequest{}, ResponsesRequest{}, SearchRequest{}, EmbeddingRequest{}, RankingRequest{},
		RerankRequest{}, SignInRequest{}, SignInTokenRequest{}}
	replies = []any{Completion{}, Chunk{}, Response{}, ResponseEvent{}, ResponseFailure{}, SearchResponse{}, ModelList{},
		ModelInfo{}, EmbeddingList{}, RankingResponse{}, RerankResponse{}, IndexState{}, DocumentPage{}, Document{},
		DocumentChunks{}, SignInReply{}, SignInTokenReply{}, ErrorBody{}}
)

// The schemas of openapi.json are those of the Go types, with their comments, and with what testdata/openapi.json adds:
// bounds, and the forms of what is decoded by hand.
func TestOpenAPIHasTheSchemasOfTheTypes(t *testing.T) {
	head, _, found := bytes.Cut(openAPIJSON, []byte(`    "schemas": {`))
	if !found {
		t.Fatal("openapi.json has no schemas")
	}
	want := string(head) + newSchemas(t).render(t) + "  }\n}\n"
	golden.Check(t, "openapi.json", want)
}

// object is a schema.
type object = map[string]any

// schemas are made of types.
type schemas struct {
	made     map[string]object
	rules    map[string]object // has what types do not tell, by schema, or by schema and property
	used     map[string]bool   // has the rules that were applied
	comments comments
}

func newSchemas(t *testing.T) *schemas {
	t.Helper()
	s := &schemas{made: map[string]object{}, used: map[string]bool{}, comments: readComments(t)}
	content, err := os.ReadFile("testdata/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &s.rules); err != nil {
		t.Fatal(err)
	}
	for _, v := range requests {
		s.of(reflect.TypeOf(v), true)
	}
	for _, v := range replies {
		s.of(reflect.TypeOf(v), false)
	}
	for name, rule := range s.rules {
		if !s.used[name] && !strings.Contains(name, ".") { // is of no type
			s.made[name], s.used[name] = rule, true
		}
		if !s.used[name] {
			t.Errorf("testdata/openapi.json has a rule for %s, which is not a field", name)
		}
	}
	return s
}

// of is the schema of a type. That of a struct is made once, and referred to.
func (s *schemas) of(t reflect.Type, request bool) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[config.Metadata]():
		return reference("Metadata")
	case reflect.TypeFor[json.RawMessage]():
		return object{} // a rule tells its form
	}
	switch t.Kind() {
	case reflect.Pointer:
		return s.of(t.Elem(), request)
	case reflect.Struct:
		return s.ofStruct(t, request)
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem(), request)}
	case reflect.Array:
		return object{"type": "array", "items": s.of(t.Elem(), request), "minItems": t.Len(), "maxItems": t.Len()}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem(), request)}
	case reflect.String:
		if values := s.comments.of(t).values; len(values) > 0 {
			return object{"type": "string", "enum": values}
		}
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	}
	return object{}
}

func reference(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// names are those of schemas whose types have one name.
var names = map[reflect.Type]string{reflect.TypeFor[config.Warning](): "DocumentWarning"}

func (s *schemas) ofStruct(t reflect.Type, request bool) object {
	name := t.Name()
	if other, ok := names[t]; ok {
		name = other
	}
	if s.made[name] != nil {
		return reference(name)
	}
	schema := object{"type": "object"}
	if name == "" {
		return schema
	}
	s.made[name] = schema
	if text := s.comments.of(t).text; text != "" {
		schema["description"] = text
	}
	properties, required := object{}, []any{}
	needed, _ := s.rules[name]["required"].([]any)
	s.fields(t, request, func(f reflect.StructField, property string, always bool, comment string) {
		optional := request && !slices.Contains(needed, any(property))
		properties[property] = s.property(name+"."+property, f.Type, request, optional || always && !request, comment)
		if always && !request {
			required = append(required, property)
		}
	})
	schema["properties"] = properties
	if len(required) > 0 {
		schema["required"] = required
	}
	s.apply(name, schema)
	return reference(name)
}

// fields yields the fields of a struct and of those embedded in it, and whether a reply always has them.
func (s *schemas) fields(t reflect.Type, request bool, yield func(reflect.StructField, string, bool, string)) {
	for f := range t.Fields() {
		if f.Anonymous {
			s.fields(f.Type, request, yield)
			continue
		}
		property, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if property != "" && property != "-" {
			yield(f, property, !strings.Contains(options, "omit"), s.comments.of(t).fields[f.Name])
		}
	}
}

// property is the schema of a field. A request may have null where it may have nothing, and a reply where a pointer is
// always encoded.
func (s *schemas) property(name string, t reflect.Type, request, empty bool, comment string) object {
	schema := maps.Clone(s.of(t, request))
	if empty && len(schema) > 0 && (request || t.Kind() == reflect.Pointer) {
		schema = nullable(schema)
	}
	if comment != "" {
		schema["description"] = comment
	}
	s.apply(name, schema)
	return schema
}

func nullable(schema object) object {
	if schema["$ref"] != nil {
		return object{"oneOf": []any{schema, object{"type": "null"}}}
	}
	schema["type"] = []any{schema["type"], "null"}
	if values, ok := schema["enum"].([]string); ok {
		all := []any{nil}
		for _, v := range values {
			all = append(all, v)
		}
		schema["enum"] = all
	}
	return schema
}

// apply adds a rule to a schema.
func (s *schemas) apply(name string, schema object) {
	if rule, ok := s.rules[name]; ok {
		maps.Copy(schema, rule)
		s.used[name] = true
	}
}

// render is the part of openapi.json with the schemas, a property a line.
func (s *schemas) render(t *testing.T) string {
	var b strings.Builder
	line := func(v any) string {
		var line bytes.Buffer
		e := json.NewEncoder(&line)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line.String())
	}
	b.WriteString("    \"schemas\": {\n")
	for i, name := range slices.Sorted(maps.Keys(s.made)) {
		schema := maps.Clone(s.made[name])
		properties, _ := schema["properties"].(object)
		delete(schema, "properties")
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("      " + line(name) + ": " + strings.TrimSuffix(line(schema), "}"))
		for j, property := range slices.Sorted(maps.Keys(properties)) {
			b.WriteString(map[bool]string{true: ", \"properties\": {", false: ","}[j == 0])
			b.WriteString("\n        " + line(property) + ": " + line(properties[property]))
		}
		if len(properties) > 0 {
			b.WriteString("}")
		}
		b.WriteString("}")
	}
	b.WriteString("\n    }\n")
	return b.String()
}

func TestOpenAPIRefersOnlyToWhatItHas(t *testing.T) {
	schemas := readOpenAPI(t).Components.Schemas
	for _, m := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllSubmatch(openAPIJSON, -1) {
		if _, ok := schemas[string(m[1])]; !ok {
			t.Errorf("there is no schema %s", m[1])
		}
	}
}

// Each example of a request is answered.
func TestOpenAPIHasExamplesThatRun(t *testing.T) {
	var described struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct{ Example json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(openAPIJSON, &described); err != nil {
		t.Fatal(err)
	}
	for path, methods := range described.Paths {
		for method, operation := range methods {
			example := operation.RequestBody.Content["application/json"].Example
			if method == "get" {
				continue
			}
			reply := newFixture().call(strings.ToUpper(method), path, string(example),
				"Content-Type", "application/json", "Accept", "application/json, text/event-stream")
			if reply.Code != http.StatusOK || strings.Contains(reply.Body.String(), `"isError":true`) {
				t.Errorf("the example of %s is answered with %d: %s", path, reply.Code, reply.Body)
			}
		}
	}
}
