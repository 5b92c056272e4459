package index

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Filter is a condition on chunks: both retrievers rank only those that meet it. Nil admits all of them.
//
// A comparison holds for a list if it holds for one of its elements. It never holds for a value of another type, nor
// for a chunk that has no such key; Not of it then does.
type Filter struct {
	Operator Operator
	// Filters are the operands of And and Or, and the one of Not.
	Filters []*Filter
	// Key is what the other operators look at: the chunk's own field if it is config.KeySource or config.KeyDocument,
	// for which there is only In; the groups that may see it if it is config.KeyAccess, for which there is Exists, too;
	// and else its metadata.
	Key string
	// Values are the alternatives of In, or the one bound of an order.
	Values []config.Scalar
}

// Operator is what a Filter demands.
type Operator string

// The operators. An empty And admits every chunk, an empty Or none. Texts are ordered by their bytes.
const (
	And            Operator = "and"
	Or             Operator = "or"
	Not            Operator = "not"
	In             Operator = "in"
	Exists         Operator = "exists"
	Less           Operator = "less"
	LessOrEqual    Operator = "lessOrEqual"
	Greater        Operator = "greater"
	GreaterOrEqual Operator = "greaterOrEqual"
)

// AnyOf returns a filter that admits the chunks that have one of the texts under the key.
func AnyOf(key string, texts ...string) *Filter {
	return &Filter{Operator: In, Key: key, Values: config.List(texts...).Scalars()}
}

// All returns a filter that admits what all of the filters do.
func All(filters ...*Filter) *Filter { return &Filter{Operator: And, Filters: filters} }

// Keys returns the keys of metadata that the filter looks at, in order.
func (f *Filter) Keys() []string {
	var keys []string
	f.Each(func(f *Filter) {
		if f.Key != "" && !config.IsReserved(f.Key) {
			keys = append(keys, f.Key)
		}
	})
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Each calls do with the filter and all below it; for nil with none.
func (f *Filter) Each(do func(*Filter)) {
	if f == nil {
		return
	}
	do(f)
	for _, operand := range f.Filters {
		operand.Each(do)
	}
}

// Admits reports whether a scalar under the filter's key meets it. The filter is not an And, Or or Not.
func (f *Filter) Admits(s config.Scalar) bool {
	switch f.Operator {
	case Exists:
		return true
	case In:
		return slices.Contains(f.Values, s)
	}
	bound := f.Values[0]
	if s.Type != bound.Type {
		return false
	}
	order := cmp.Or(cmp.Compare(s.Number, bound.Number), strings.Compare(s.Text, bound.Text))
	switch f.Operator {
	case Less:
		return order < 0
	case LessOrEqual:
		return order <= 0
	case Greater:
		return order > 0
	default:
		return order >= 0
	}
}
