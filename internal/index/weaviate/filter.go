package weaviate

import (
	"slices"
	"strings"

	pb "github.com/weaviate/weaviate/grpc/generated/protocol/v1"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

// propID is Weaviate's name for an object's id in a filter.
const propID = "_id"

// filterTerm is a key and its value as one text. Its last letter guards the value's white space, which Weaviate
// trims; the key's equals signs are escaped, so that no two pairs make the same text.
func filterTerm(key, value string) string { return escapeKey.Replace(key) + "=" + value + ";" }

var escapeKey = strings.NewReplacer("%", "%25", "=", "%3D", " ", "%20")

// filterTerms are the texts by which a chunk can be filtered.
func filterTerms(c *index.Chunk) []string {
	terms := []string{filterTerm(index.FilterSource, c.Source), filterTerm(index.FilterDocument, c.Document)}
	for key, value := range c.Metadata {
		if key != index.FilterSource && key != index.FilterDocument {
			terms = append(terms, filterTerm(key, value))
		}
	}
	slices.Sort(terms)
	return terms
}

// filterOf is a filter on chunks; nil when nothing can pass. Without keys, everything passes.
func filterOf(f index.Filter) *pb.Filters {
	if len(f) == 0 {
		return isTrue(propPresent)
	}
	var all []*pb.Filters
	for key, values := range f {
		if len(values) == 0 {
			return nil
		}
		terms := make([]string, len(values))
		for i, value := range values {
			terms[i] = filterTerm(key, value)
		}
		all = append(all, anyOf(propFilters, terms...))
	}
	return and(all...)
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
	return &pb.Filters{Operator: pb.Filters_OPERATOR_EQUAL, Target: on(property), TestValue: &pb.Filters_ValueBoolean{ValueBoolean: true}}
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
