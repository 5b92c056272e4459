package query

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// The bounds of a filter.
const (
	maxConditions   = 64   // comparisons in a filter
	maxFilterDepth  = 8    // of $and and $or in each other
	maxFilterValues = 64   // alternatives of a comparison
	maxFilterText   = 1024 // bytes of a key or a text
)

// ParseFilter reads a filter as callers write it, in MongoDB's form: an object whose fields are ANDed. The field of a
// key has a value, a list of alternatives, or an object of operators; $and and $or have lists of filters. Nothing, null
// and an empty object take all. An error is an *Invalid that names the place, as "filter.year.$gte".
func ParseFilter(raw json.RawMessage) (*index.Filter, error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if !json.Valid(raw) {
		return nil, refuse("filter", "is not valid JSON")
	}
	p := &filterParser{}
	f, err := p.object("filter", raw, 0)
	if err != nil || len(f.Filters) == 0 {
		return nil, err
	}
	return f, nil
}

type filterParser struct{ conditions int }

func refuse(place, format string, args ...any) error {
	return &Invalid{Field: place, Message: fmt.Sprintf(format, args...)}
}

// object reads a filter.
func (p *filterParser) object(place string, raw json.RawMessage, depth int) (*index.Filter, error) {
	fields, err := fieldsOf(raw)
	if err != nil {
		return nil, refuse(place, `must be an object such as {"source": "papers", "year": {"$gte": 2023}}: %v`, err)
	}
	if depth > maxFilterDepth {
		return nil, refuse(place, "is nested more than %d deep", maxFilterDepth)
	}
	all := index.All()
	for _, f := range fields {
		at := place + "." + f.name
		var one *index.Filter
		switch {
		case f.name == "$and", f.name == "$or":
			one, err = p.operands(at, f, depth)
		case strings.HasPrefix(f.name, "$"):
			err = refuse(at, "is not an operator between filters; there are $and and $or")
		case f.name == "" || len(f.name) > maxFilterText:
			err = refuse(place, "a key must have 1 to %d bytes", maxFilterText)
		default:
			one, err = p.key(at, f.name, f.value)
		}
		if err != nil {
			return nil, err
		}
		all.Filters = append(all.Filters, one)
	}
	return all, nil
}

// operands reads the filters of $and and $or.
func (p *filterParser) operands(place string, f field, depth int) (*index.Filter, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(f.value, &list); err != nil || len(list) == 0 {
		return nil, refuse(place, "must be a list of one filter or more")
	}
	joined := &index.Filter{Operator: map[string]index.Operator{"$and": index.And, "$or": index.Or}[f.name]}
	for i, raw := range list {
		one, err := p.object(place+"["+strconv.Itoa(i)+"]", raw, depth+1)
		if err != nil {
			return nil, err
		}
		joined.Filters = append(joined.Filters, one)
	}
	return joined, nil
}

// key reads what a filter demands of a key.
func (p *filterParser) key(place, key string, raw json.RawMessage) (*index.Filter, error) {
	if key == config.KeyAccess {
		return nil, refuse(place, "is reserved: the caller's groups decide it")
	}
	switch raw[0] {
	case '{':
		fields, err := fieldsOf(raw)
		if err != nil || len(fields) == 0 {
			return nil, refuse(place, `must be a value, a list of alternatives, or an object such as {"$gte": 2023}`)
		}
		all := index.All()
		for _, f := range fields {
			one, err := p.condition(place+"."+f.name, key, f)
			if err != nil {
				return nil, err
			}
			all.Filters = append(all.Filters, one)
		}
		return all, nil
	case '[':
		return p.condition(place, key, field{"$in", raw})
	}
	return p.condition(place, key, field{"$eq", raw})
}

// comparisons are the operators that order values.
var comparisons = map[string]index.Operator{
	"$lt": index.Less, "$lte": index.LessOrEqual, "$gt": index.Greater, "$gte": index.GreaterOrEqual,
}

// condition reads one operator on a key.
func (p *filterParser) condition(place, key string, f field) (*index.Filter, error) {
	if p.conditions++; p.conditions > maxConditions {
		return nil, refuse("filter", "has more than %d comparisons", maxConditions)
	}
	one := &index.Filter{Operator: index.In, Key: key}
	var err error
	switch f.name {
	case "$eq", "$ne":
		one.Values, err = scalars(f.value)
	case "$in", "$nin":
		one.Values, err = alternatives(f.value)
	case "$lt", "$lte", "$gt", "$gte":
		one.Operator = comparisons[f.name]
		if one.Values, err = scalars(f.value); err == nil && one.Values[0].Type == config.BooleanType {
			err = errors.New("must be a number or a text: booleans have no order")
		}
	case "$exists":
		one.Operator = index.Exists
		var exists *bool
		if json.Unmarshal(f.value, &exists) != nil || exists == nil {
			return nil, refuse(place, "must be true or false")
		}
		if !*exists {
			one = negated(one)
		}
	default:
		return nil, refuse(place, "is not an operator; there are $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin and $exists")
	}
	if err == nil && config.IsReserved(key) {
		err = reserved(one)
	}
	if err != nil {
		return nil, refuse(place, "%v", err)
	}
	if f.name == "$ne" || f.name == "$nin" {
		one = negated(one)
	}
	return one, nil
}

func negated(f *index.Filter) *index.Filter {
	return &index.Filter{Operator: index.Not, Filters: []*index.Filter{f}}
}

// reserved checks a condition on source or document, which every chunk has.
func reserved(f *index.Filter) error {
	isText := func(s config.Scalar) bool { return s.Type == config.TextType }
	if f.Operator != index.In || slices.ContainsFunc(f.Values, func(s config.Scalar) bool { return !isText(s) }) {
		return errors.New("source and document are texts that take $eq, $ne, $in and $nin")
	}
	return nil
}

// alternatives reads the values of $in and $nin.
func alternatives(raw json.RawMessage) ([]config.Scalar, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return nil, errors.New("must be a list")
	}
	if len(list) == 0 || len(list) > maxFilterValues {
		return nil, fmt.Errorf("must have 1 to %d values", maxFilterValues)
	}
	return scalars(list...)
}

// scalars reads values that are not lists.
func scalars(list ...json.RawMessage) ([]config.Scalar, error) {
	values := make([]config.Scalar, len(list))
	for i, raw := range list {
		var value config.Value
		if err := value.UnmarshalJSON(raw); err != nil || value.IsList() {
			return nil, errors.New("must be a text, a number or a boolean; use $exists for keys that may be absent")
		}
		if values[i] = value.Scalars()[0]; len(values[i].Text) > maxFilterText {
			return nil, fmt.Errorf("a text must have at most %d bytes", maxFilterText)
		}
	}
	return values, nil
}

// field is a field of a JSON object.
type field struct {
	name  string
	value json.RawMessage
}

// fieldsOf reads an object of valid JSON in its order. It refuses a field that occurs twice: other readers obey one.
func fieldsOf(raw json.RawMessage) ([]field, error) {
	if raw[0] != '{' {
		return nil, errors.New("it is not an object")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	_, err := d.Token()
	var fields []field
	for err == nil && d.More() {
		var name json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		f := field{name: name.(string)}
		if slices.ContainsFunc(fields, func(other field) bool { return other.name == f.name }) {
			return nil, fmt.Errorf("it has %q twice", f.name)
		}
		err = d.Decode(&f.value)
		fields = append(fields, f)
	}
	return fields, err
}

// suspects warns of conditions that no document can meet, which a slip of the pen makes: on a key that no document
// has, or with values of a type that no document has there.
func (s *Service) suspects(ctx context.Context, f *index.Filter) ([]Warning, error) {
	keys := f.Keys()
	if len(keys) == 0 {
		return nil, nil
	}
	var types map[string][]config.ScalarType
	_, err := s.searchIndex(ctx, "retrieval filter", len(keys), func(ctx context.Context) (err error) {
		types, err = s.index.Types(ctx, keys, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	var warnings []Warning
	for _, key := range keys {
		if len(types[key]) == 0 {
			warnings = append(warnings, Warning{config.StageIndex, config.FilterKeyUnknown,
				fmt.Sprintf("no document has the metadata key %q of the filter; case matters", key)})
		}
	}
	f.Each(func(f *index.Filter) {
		isKnown := func(s config.Scalar) bool { return slices.Contains(types[f.Key], s.Type) }
		if len(f.Values) == 0 || len(types[f.Key]) == 0 || slices.ContainsFunc(f.Values, isKnown) {
			return
		}
		warnings = append(warnings, Warning{config.StageIndex, config.FilterTypeMismatch,
			fmt.Sprintf("the filter compares the metadata key %q with a %s, but documents have a %s there", f.Key,
				f.Values[0].Type, joined(types[f.Key]))})
	})
	return warnings, nil
}

func joined(types []config.ScalarType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, " or a ")
}
