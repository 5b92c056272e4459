package chart

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestTheChartPassesLint(t *testing.T) {
	output(t, helm(t), "lint", "--strict", chart)
}

func TestTheSchemaRefusesWhatTheChartDoesNotKnow(t *testing.T) {
	for what, c := range map[string]struct{ set, names string }{
		"a misspelt value":                  {"watchNamespace={a}", "watchNamespace"},
		"a misspelt value within an object": {"image.tga=v1", "tga"},
		"a word for a number":               {"replicas=two", "/replicas"},
		"an unknown log level":              {"logLevel=verbose", "/logLevel"},
		"a namespace that cannot exist":     {"watchNamespaces={Team_A}", "/watchNamespaces/0"},
		"a digest that is none":             {"image.digest=latest", "/image/digest"},
		"a service account without a name":  {"serviceAccount.create=false", "serviceAccount.name"},
		"a receiver that is not a URL":      {"tracing.endpoint=collector:4318", "/tracing/endpoint"},
		"a monitor without a Service":       {"metrics.serviceMonitor.enabled=true,metrics.service.enabled=false", "metrics.service.enabled"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := try(t, helm(t), templateArgs([]string{c.set})...)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), c.names) {
				t.Errorf("the message does not name %s: %v", c.names, err)
			}
		})
	}
}

func TestTheSchemaTakesWhatHelmGivesToADependency(t *testing.T) {
	render(t, "global.registry=example.com")
}

// Every value has a comment and a place in the schema, and the schema knows no other.
func TestValuesSchemaAndCommentsAgree(t *testing.T) {
	file := read(t, chart+"/values.yaml")
	var values map[string]any
	if err := yaml.Unmarshal(file, &values); err != nil {
		t.Fatal(err)
	}
	var schema properties
	if err := json.Unmarshal(read(t, chart+"/values.schema.json"), &schema); err != nil {
		t.Fatal(err)
	}
	delete(schema.Properties, "global") // Helm's, not the user's
	agree(t, "", values, schema)
	lines := strings.Split(string(file), "\n")
	for i, line := range lines {
		if topLevel.MatchString(line) && !strings.HasPrefix(lines[i-1], "#") {
			t.Errorf("values.yaml has no comment above %s", line)
		}
	}
}

var topLevel = regexp.MustCompile(`^[A-Za-z]+:`)

type properties struct {
	Properties           map[string]properties `json:"properties"`
	AdditionalProperties any                   `json:"additionalProperties"`
}

func agree(t *testing.T, at string, values map[string]any, schema properties) {
	t.Helper()
	if schema.AdditionalProperties != false {
		t.Errorf("the schema lets anything into %q", at)
	}
	for name, value := range values {
		child, known := schema.Properties[name]
		if !known {
			t.Errorf("%s%s is no property of the schema", at, name)
		} else if object, ok := value.(map[string]any); ok && len(child.Properties) > 0 && len(object) > 0 && name != "resources" {
			agree(t, at+name+".", object, child)
		}
	}
	for name := range schema.Properties {
		if _, known := values[name]; !known {
			t.Errorf("%s%s is not in values.yaml", at, name)
		}
	}
}
