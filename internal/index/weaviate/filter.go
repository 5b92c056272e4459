package weaviate

import (
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// A chunk is filtered by two kinds of properties, all of them texts, so that documents may give one key values of
// different types. propFilters has a term for each key and value, by which equality is decided, and one for each key
// and type. Each key has a property of its own, see orderProperty, with its values in a form that sorts as they do:
// in propFilters, a bound would be met by the values of other keys.

// escapeKey escapes what follows a key in a term, so that no two terms are equal, and the white space.
var escapeKey = strings.NewReplacer("%", "%25", "=", "%3D", " ", "%20")

// textTerm is the term of a key and a text. The semicolon at its end protects the text's white space, which Weaviate
// would trim.
func textTerm(key, text string) string { return escapeKey.Replace(key) + "=" + text + ";" }

// term is the term of a key and a value.
func term(key string, s config.Scalar) string {
	if s.Type == config.TextType {
		return textTerm(key, s.Text)
	}
	return typeTerm(key, s.Type) + ordered(s)
}

// typeTerm is the term of a key whose values have the type. Unlike that of a text it has no equals sign.
func typeTerm(key string, t config.ScalarType) string {
	return escapeKey.Replace(key) + "#" + string(t) + ";"
}

// ordered is a text that sorts as the scalars of its type do, and is never empty.
func ordered(s config.Scalar) string {
	if s.Type == config.TextType {
		return "t" + hex.EncodeToString([]byte(s.Text))
	}
	bits := math.Float64bits(s.Number)
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return fmt.Sprintf("n%016x", bits)
}

// orderProperty is the property of a key's values in order.
func orderProperty(key string) string { return "order_" + hex.EncodeToString([]byte(key)) }

// filterTerms are the terms of a chunk.
func filterTerms(c *index.Chunk) []string {
	terms := []string{textTerm(config.KeySource, c.Source), textTerm(config.KeyDocument, c.Document)}
	for key, value := range c.Metadata {
		if config.IsReserved(key) {
			continue
		}
		terms = append(terms, typeTerm(key, value.Type()))
		for _, s := range value.Scalars() {
			terms = append(terms, term(key, s))
		}
	}
	terms = append(terms, accessTerms(c.Metadata)...)
	slices.Sort(terms)
	return slices.Compact(terms)
}

// accessTerms are those of the groups that may see a document, and one that says that there is such a list. The type of
// a key that is reserved is never asked for otherwise.
func accessTerms(m config.Metadata) []string {
	access := m.Access()
	if access == nil {
		return nil
	}
	terms := []string{typeTerm(config.KeyAccess, config.TextType)}
	for _, group := range access {
		terms = append(terms, textTerm(config.KeyAccess, group))
	}
	return terms
}

// filterProperties are the properties that a chunk is filtered by.
func filterProperties(c *index.Chunk) []*pb.TextArrayProperties {
	properties := []*pb.TextArrayProperties{{PropName: propFilters, Values: filterTerms(c)}}
	for _, key := range slices.Sorted(maps.Keys(c.Metadata)) {
		if config.IsReserved(key) {
			continue
		}
		scalars := c.Metadata[key].Scalars()
		values := make([]string, len(scalars))
		for i, s := range scalars {
			values[i] = ordered(s)
		}
		properties = append(properties, &pb.TextArrayProperties{PropName: orderProperty(key), Values: values})
	}
	return properties
}

// addKeys adds to the collection the properties of keys that it does not have yet.
func (s *Store) addKeys(ctx context.Context, chunks []index.Vectored) error {
	s.keys.Lock()
	defer s.keys.Unlock()
	for i := range chunks {
		if i > 0 && maps.EqualFunc(chunks[i].Metadata, chunks[i-1].Metadata, config.Value.Equal) {
			continue
		}
		for key := range chunks[i].Metadata {
			if s.keys.has[key] || config.IsReserved(key) {
				continue
			}
			if err := s.admin.addProperty(ctx, s.names.chunks, filterable("text[]", orderProperty(key))); err != nil {
				return fmt.Errorf("add the metadata key %q to %s: %w", key, s.names.chunks, err)
			}
			s.keys.has[key] = true
		}
	}
	return nil
}

// hasOrder reports whether the collection has the property of a key's values. No property is ever removed.
func (s *Store) hasOrder(ctx context.Context, key string) (bool, error) {
	s.keys.Lock()
	defer s.keys.Unlock()
	if s.keys.has[key] {
		return true, nil
	}
	n, err := s.find(ctx, hasKey(key))
	if n {
		s.keys.has[key] = true
	}
	return n, err
}

// find reports whether a chunk passes the filter.
func (s *Store) find(ctx context.Context, f *pb.Filters) (bool, error) {
	results, err := s.search(ctx, &pb.SearchRequest{Collection: s.names.chunks, Limit: 1, Filters: f,
		Properties: &pb.PropertiesRequest{}, Metadata: &pb.MetadataRequest{Uuid: true}})
	return len(results) > 0, err
}

// scalarTypes are the types, in order.
var scalarTypes = []config.ScalarType{config.BooleanType, config.NumberType, config.TextType}

func hasKey(key string) *pb.Filters {
	terms := make([]string, len(scalarTypes))
	for i, t := range scalarTypes {
		terms[i] = typeTerm(key, t)
	}
	return anyOf(propFilters, terms...)
}

// Types returns the types that the values of each key have in the chunks that pass the filter, in order.
func (s *Store) Types(
	ctx context.Context, keys []string, filter *index.Filter,
) (map[string][]config.ScalarType, error) {
	within, err := s.filterOf(ctx, filter)
	if err != nil {
		return nil, s.fail(ctx, "read the types of metadata", err)
	}
	types := make(map[string][]config.ScalarType, len(keys))
	for _, key := range keys {
		for _, t := range scalarTypes {
			found, err := s.find(ctx, and(anyOf(propFilters, typeTerm(key, t)), within))
			if err != nil {
				return nil, s.fail(ctx, "read the types of metadata", err)
			}
			if found {
				types[key] = append(types[key], t)
			}
		}
	}
	return types, nil
}

// filterOf converts a filter on chunks.
func (s *Store) filterOf(ctx context.Context, f *index.Filter) (*pb.Filters, error) {
	if f == nil {
		return everything(), nil
	}
	switch f.Operator {
	case index.And, index.Or, index.Not:
		return s.combined(ctx, f)
	case index.In:
		if len(f.Values) == 0 {
			return not(everything()), nil
		}
		terms := make([]string, len(f.Values))
		for i, value := range f.Values {
			terms[i] = term(f.Key, value)
		}
		return anyOf(propFilters, terms...), nil
	case index.Exists:
		return hasKey(f.Key), nil
	}
	if has, err := s.hasOrder(ctx, f.Key); err != nil || !has {
		return not(everything()), err
	}
	bound := f.Values[0]
	return and(anyOf(propFilters, typeTerm(f.Key, bound.Type)),
		compare(orderProperty(f.Key), orders[f.Operator], ordered(bound))), nil
}

// orders are Weaviate's operators of those that have one bound.
var orders = map[index.Operator]pb.Filters_Operator{
	index.Less:           pb.Filters_OPERATOR_LESS_THAN,
	index.LessOrEqual:    pb.Filters_OPERATOR_LESS_THAN_EQUAL,
	index.Greater:        pb.Filters_OPERATOR_GREATER_THAN,
	index.GreaterOrEqual: pb.Filters_OPERATOR_GREATER_THAN_EQUAL,
}

func (s *Store) combined(ctx context.Context, f *index.Filter) (*pb.Filters, error) {
	operands := make([]*pb.Filters, len(f.Filters))
	for i, operand := range f.Filters {
		var err error
		if operands[i], err = s.filterOf(ctx, operand); err != nil {
			return nil, err
		}
	}
	switch {
	case f.Operator == index.Not:
		return not(operands[0]), nil
	case len(operands) == 1:
		return operands[0], nil
	case len(operands) == 0 && f.Operator == index.Or:
		return not(everything()), nil
	case len(operands) == 0:
		return everything(), nil
	case f.Operator == index.Or:
		return &pb.Filters{Operator: pb.Filters_OPERATOR_OR, Filters: operands}, nil
	}
	return and(operands...), nil
}

// everything is the filter that every chunk passes.
func everything() *pb.Filters { return isTrue(propPresent) }

func not(f *pb.Filters) *pb.Filters {
	return &pb.Filters{Operator: pb.Filters_OPERATOR_NOT, Filters: []*pb.Filters{f}}
}

func on(property string) *pb.FilterTarget {
	return &pb.FilterTarget{Target: &pb.FilterTarget_Property{Property: property}}
}

func compare(property string, operator pb.Filters_Operator, value string) *pb.Filters {
	return &pb.Filters{Operator: operator, Target: on(property), TestValue: &pb.Filters_ValueText{ValueText: value}}
}

func equal(property, value string) *pb.Filters {
	return compare(property, pb.Filters_OPERATOR_EQUAL, value)
}

func notEqual(property, value string) *pb.Filters {
	return compare(property, pb.Filters_OPERATOR_NOT_EQUAL, value)
}

func after(property, value string) *pb.Filters {
	return compare(property, pb.Filters_OPERATOR_GREATER_THAN, value)
}

func isTrue(property string) *pb.Filters {
	return &pb.Filters{
		Operator: pb.Filters_OPERATOR_EQUAL, Target: on(property),
		TestValue: &pb.Filters_ValueBoolean{ValueBoolean: true},
	}
}

func anyOf(property string, values ...string) *pb.Filters {
	return &pb.Filters{
		Operator: pb.Filters_OPERATOR_CONTAINS_ANY, Target: on(property),
		TestValue: &pb.Filters_ValueTextArray{ValueTextArray: &pb.TextArray{Values: values}},
	}
}

func and(filters ...*pb.Filters) *pb.Filters {
	if len(filters) == 1 {
		return filters[0]
	}
	return &pb.Filters{Operator: pb.Filters_OPERATOR_AND, Filters: filters}
}
