package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Bounds on front matter.
const (
	maxMatter       = 64 << 10 // bytes; more is text
	MaxMatterFields = 100      // more than these, and it is text
	maxMatterDepth  = 10
)

// MatterField is a field of front matter, its name a path.
type MatterField struct {
	Name  string
	Text  string // is the value in the document's text
	Value config.Value
}

// FrontMatter is the fields of front matter, in order; nil for a document without any.
type FrontMatter []MatterField

// Title is the field of that name.
func (m FrontMatter) Title() string {
	for _, f := range m {
		if f.Name == "title" {
			return plain.OneLine(f.Text)
		}
	}
	return ""
}

// Tell records the other fields as the document's metadata.
func (m FrontMatter) Tell(d *Document) {
	for _, f := range m {
		if f.Name != "title" {
			d.Tell(f.Name, f.Value)
		}
	}
}

// CutFrontMatter cuts YAML between lines of ---, TOML between lines of +++ or an object of JSON at the beginning.
// Anything else is text between two rules, and so are more fields than are kept.
func CutFrontMatter(s string) (matter FrontMatter, body string) {
	if strings.HasPrefix(s, "{\n") {
		return cutJSONMatter(s)
	}
	for _, format := range []struct {
		open, end string
		parse     func(string) FrontMatter
	}{{"---", "---", yamlMatter}, {"---", "...", yamlMatter}, {"+++", "+++", tomlMatter}} {
		rest, ok := strings.CutPrefix(s, format.open+"\n")
		if !ok {
			continue
		}
		text, body, ended := strings.Cut("\n"+rest, "\n"+format.end+"\n")
		if !ended {
			text, ended = strings.CutSuffix("\n"+rest, "\n"+format.end)
			body = ""
		}
		if !ended || len(text) > maxMatter {
			continue
		}
		if strings.TrimSpace(text) == "" {
			return nil, body
		}
		if matter := format.parse(text); matter.isWhole() {
			return matter, body
		}
	}
	return nil, s
}

// isWhole reports whether no field was left out.
func (m FrontMatter) isWhole() bool { return len(m) > 0 && len(m) < MaxMatterFields }

// cutJSONMatter cuts an object that stands above a text. JSON is YAML, which keeps the order of the fields.
func cutJSONMatter(s string) (matter FrontMatter, body string) {
	d := json.NewDecoder(strings.NewReader(s[:min(len(s), maxMatter)]))
	var object json.RawMessage
	if d.Decode(&object) != nil {
		return nil, s
	}
	body, ended := strings.CutPrefix(s[d.InputOffset():], "\n")
	if matter := yamlMatter(string(object)); ended && matter.isWhole() {
		return matter, body
	}
	return nil, s
}

// yamlMatter is the fields of a mapping in YAML. Many a title holds a colon and no quotes, which is not YAML: then
// the fields are taken line by line, if all lines are fields.
func yamlMatter(text string) FrontMatter {
	var node yaml.Node
	if err := yaml.Unmarshal([]byte(text), &node); err != nil {
		return lineMatter(text)
	}
	if len(node.Content) != 1 || node.Content[0].Kind != yaml.MappingNode {
		return nil
	}
	var m FrontMatter
	m.addNode("", node.Content[0], 0)
	return m
}

func (m *FrontMatter) add(name, text string, value config.Value) {
	if text = plain.Fold(plain.Normalise(text)); text != "" && name != "" && len(*m) < MaxMatterFields {
		*m = append(*m, MatterField{plain.OneLine(name), text, value})
	}
}

// addList adds a list of texts.
func (m *FrontMatter) addList(name string, texts []string) {
	m.add(name, strings.Join(texts, ", "), ListOf(texts))
}

func (m *FrontMatter) addNode(name string, n *yaml.Node, depth int) {
	switch {
	case depth > maxMatterDepth:
	case n.Kind == yaml.ScalarNode && n.Tag != "!!null":
		m.add(name, n.Value, yamlValue(n))
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			m.addNode(joinName(name, n.Content[i].Value), n.Content[i+1], depth+1)
		}
	case n.Kind == yaml.SequenceNode:
		var values []string
		for _, item := range n.Content {
			if item.Kind == yaml.ScalarNode {
				values = append(values, item.Value)
			} else {
				m.addNode(name, item, depth+1)
			}
		}
		m.addList(name, values)
	}
}

func joinName(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

var matterLine = regexp.MustCompile(`^([A-Za-z_][\w.-]*)[ \t]*:(?:[ \t]+(.*))?$`)

func lineMatter(text string) FrontMatter {
	var m FrontMatter
	for line := range strings.Lines(text) {
		field := matterLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		switch {
		case field != nil:
			m.add(field[1], strings.Trim(field[2], `"'`), lineValue(field[2]))
		case strings.TrimSpace(line) == "", strings.HasPrefix(line, " "), strings.HasPrefix(line, "-"),
			strings.HasPrefix(line, "#"):
			if value := strings.TrimLeft(line, " -"); len(m) > 0 && !strings.HasPrefix(line, "#") {
				last := &m[len(m)-1]
				last.Text = plain.Fold(last.Text + " " + value)
				last.Value = config.Text(last.Text)
			}
		default:
			return nil
		}
	}
	return m
}

func lineValue(text string) config.Value {
	if unquoted := strings.Trim(text, `"'`); unquoted != text {
		return config.Text(plain.Fold(plain.Normalise(unquoted)))
	}
	return plainValue(plain.Fold(plain.Normalise(text)))
}

// tomlMatter is the fields of a table in TOML, in their order.
func tomlMatter(text string) FrontMatter {
	var table map[string]any
	meta, err := toml.NewDecoder(bytes.NewReader([]byte(text))).Decode(&table)
	if err != nil {
		return nil
	}
	var m FrontMatter
	seen := map[string]bool{}
	for _, key := range meta.Keys() {
		if seen[key.String()] {
			continue
		}
		seen[key.String()] = true
		var value any = table
		for _, name := range key {
			inner, ok := value.(map[string]any)
			if !ok {
				value = nil
				break
			}
			value = inner[name]
		}
		m.addTOML(key.String(), value)
	}
	return m
}

func (m *FrontMatter) addTOML(name string, value any) {
	switch value := value.(type) {
	case nil, map[string]any: // whose fields are keys of their own
	case []map[string]any:
		for _, item := range value {
			m.addTOMLFields(name, item)
		}
	case []any:
		var items []string
		for _, item := range value {
			if fields, ok := item.(map[string]any); ok {
				m.addTOMLFields(name, fields)
			} else {
				items = append(items, tomlText(item))
			}
		}
		m.addList(name, items)
	case bool:
		m.add(name, fmt.Sprint(value), config.Boolean(value))
	case int64, float64:
		m.add(name, fmt.Sprint(value), plainValue(fmt.Sprint(value)))
	default:
		text := plain.Fold(plain.Normalise(tomlText(value)))
		m.add(name, text, config.Text(text))
	}
}

// addTOMLFields adds the fields of one of several tables.
func (m *FrontMatter) addTOMLFields(name string, fields map[string]any) {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if inner, ok := fields[field].(map[string]any); ok {
			m.addTOMLFields(joinName(name, field), inner)
		} else {
			m.addTOML(joinName(name, field), fields[field])
		}
	}
}

func tomlText(value any) string {
	if t, ok := value.(time.Time); ok {
		return tomlTime(t)
	}
	return fmt.Sprint(value)
}
