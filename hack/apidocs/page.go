package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

type page struct{ strings.Builder }

func (p *page) writef(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *page) section(s *section) {
	p.writef("\n## %s\n\n", s.paths[0])
	if s.Description != "" {
		p.writef("%s\n\n", prose(s.Description))
	}
	if others := s.paths[1:]; len(others) > 0 {
		p.writef("The same at %s.\n\n", codes(others))
	}
	p.writef("| field | type | default | bounds | |\n|---|---|---|---|---|\n")
	var rules []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		field := s.Properties[name]
		p.writef("| `%s` | %s | %s | %s | %s |\n", name, typeOf(&field, s.links[name]), standard(s, name), bounds(&field),
			cell(prose(field.Description)))
		if s.links[name] == "" || field.Items != nil {
			rules = append(rules, rulesOf("`"+name+"`: ", &field)...)
		}
	}
	if rules = append(rulesOf("", &s.schema), rules...); len(rules) > 0 {
		p.writef("\nRules:\n\n%s\n", strings.Join(rules, "\n"))
	}
}

// typeOf names a field's type, with a link when it has a section of its own.
func typeOf(s *schema, described string) string {
	switch {
	case s.Items != nil:
		return "list of " + typeOf(s.Items.Schema, described)
	case described != "":
		return fmt.Sprintf("[object](#%s)", anchor(described))
	case s.XIntOrString && s.Pattern != "":
		return "quantity"
	case s.XIntOrString:
		return "integer or string"
	case s.AdditionalProperties != nil:
		return "map to " + typeOf(s.AdditionalProperties.Schema, "")
	case s.Format == "date-time" || s.Type == "":
		return "time"
	}
	return s.Type
}

func standard(s *section, name string) string {
	field := s.Properties[name]
	switch {
	case slices.Contains(s.Required, name):
		return "required"
	case field.Default != nil:
		return "`" + string(field.Default.Raw) + "`"
	}
	return ""
}

func bounds(s *schema) string {
	var b []string
	add := func(format string, args ...any) { b = append(b, fmt.Sprintf(format, args...)) }
	between(add, "", s.Minimum, s.Maximum)
	between(add, " characters", s.MinLength, s.MaxLength)
	between(add, " items", s.MinItems, s.MaxItems)
	between(add, " entries", s.MinProperties, s.MaxProperties)
	if len(s.Enum) > 0 {
		values := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			values[i] = strings.Trim(string(v.Raw), `"`)
		}
		add("%s", codes(values))
	}
	if s.Pattern != "" && !s.XIntOrString {
		add("`%s`", cell(s.Pattern))
	}
	if s.Items != nil {
		if of := bounds(s.Items.Schema); of != "" {
			add("each: %s", of)
		}
	}
	if s.AdditionalProperties != nil {
		if of := bounds(s.AdditionalProperties.Schema); of != "" {
			add("each: %s", of)
		}
	}
	return strings.Join(b, "; ")
}

func between[N int64 | float64](add func(string, ...any), what string, low, high *N) {
	switch {
	case low != nil && high != nil && *low == *high:
		add("%v%s", *low, what)
	case low != nil && high != nil:
		add("%v to %v%s", *low, int64(*high), what)
	case low != nil:
		add("at least %v%s", *low, what)
	case high != nil:
		add("at most %v%s", int64(*high), what)
	}
}

// rulesOf are the CEL rules of a field, and of what a list or map holds.
func rulesOf(prefix string, s *schema) []string {
	var rules []string
	for _, r := range s.XValidations {
		rules = append(rules, fmt.Sprintf("- %s%s. `%s`", prefix, oneLine(r.Message), oneLine(r.Rule)))
	}
	if s.Items != nil && len(s.Items.Schema.Properties) == 0 {
		rules = append(rules, rulesOf(prefix+"each: ", s.Items.Schema)...)
	}
	if s.AdditionalProperties != nil {
		rules = append(rules, rulesOf(prefix+"each: ", s.AdditionalProperties.Schema)...)
	}
	return rules
}

func codes(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

func cell(text string) string { return strings.ReplaceAll(oneLine(text), "|", `\|`) }

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// prose is a description with nothing in it that Markdown takes for markup; code between backticks
// stays.
func prose(text string) string {
	parts := strings.Split(oneLine(text), "`")
	for i := 0; i < len(parts); i += 2 {
		parts[i] = strings.NewReplacer("<", `\<`, "*", `\*`, "_", `\_`).Replace(parts[i])
	}
	return strings.Join(parts, "`")
}

// anchor is a heading's, as GitHub makes it.
func anchor(heading string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(".[]", r) {
			return -1
		}
		return r
	}, strings.ToLower(heading))
}
