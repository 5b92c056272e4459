package local

import (
	"context"
	"maps"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Types returns the types that the values of each key have in the chunks that pass the filter, in order.
func (s *Store) Types(
	ctx context.Context, keys []string, filter *index.Filter,
) (map[string][]config.ScalarType, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	types := make(map[string][]config.ScalarType, len(keys))
	allowed := s.ranking.allowed(filter)
	for _, key := range keys {
		if found := s.ranking.types(key, allowed); len(found) > 0 {
			types[key] = found
		}
	}
	return types, nil
}

// types are those of the values of the allowed chunks.
func (r *ranking) types(key string, allowed bitset) []config.ScalarType {
	has := func(i uint32) bool { return allowed == nil || allowed.has(i) }
	found := map[config.ScalarType]bool{}
	for scalar, ordinals := range r.values[key] {
		if !found[scalar.Type] && slices.ContainsFunc(ordinals, has) {
			found[scalar.Type] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// liveSet is the set of live chunks; nil when that is all ordinals.
func (r *ranking) liveSet() bitset {
	if r.deleted == 0 {
		return nil
	}
	return r.live
}

// allowed is the set of live chunks that pass the filter; nil when that is all ordinals.
func (r *ranking) allowed(filter *index.Filter) bitset {
	if filter == nil {
		return r.liveSet()
	}
	passing := r.passing(filter)
	if passing == nil {
		return r.liveSet()
	}
	passing.and(r.live)
	return passing
}

// passing is the set of chunks, live ones and others, that pass the filter; nil when that is all ordinals. The caller
// may change it.
func (r *ranking) passing(f *index.Filter) bitset {
	switch f.Operator {
	case index.And:
		var set bitset
		for _, operand := range f.Filters {
			if next := r.passing(operand); set == nil {
				set = next
			} else if next != nil {
				set.and(next)
			}
		}
		return set
	case index.Or:
		set := newBitset(len(r.entries))
		for _, operand := range f.Filters {
			next := r.passing(operand)
			if next == nil {
				return nil
			}
			set.or(next)
		}
		return set
	case index.Not:
		set := r.passing(f.Filters[0])
		if set == nil {
			return newBitset(len(r.entries))
		}
		if !set.any(0, len(r.entries)) {
			return nil
		}
		set.invert()
		return set
	}
	set := newBitset(len(r.entries))
	switch f.Operator {
	case index.In:
		for _, value := range f.Values {
			set.add(r.having(f.Key, value))
		}
	default:
		for value, ordinals := range r.values[f.Key] {
			if f.Admits(value) {
				set.add(ordinals)
			}
		}
	}
	return set
}

// having are the chunks that have the value under the key.
func (r *ranking) having(key string, value config.Scalar) []uint32 {
	if key == config.KeyDocument {
		return r.documents[value.Text]
	}
	return r.values[key][value]
}

// bitset is a set of ordinals. A nil bitset stands for all of them.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i uint32) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bitset) set(i uint32)      { b[i/64] |= 1 << (i % 64) }
func (b bitset) clear(i uint32)    { b[i/64] &^= 1 << (i % 64) }

// and keeps what is in both.
func (b bitset) and(other bitset) {
	for i := range b {
		b[i] &= other[i]
	}
}

// or adds what is in the other.
func (b bitset) or(other bitset) {
	for i := range b {
		b[i] |= other[i]
	}
}

// invert keeps what is not in it.
func (b bitset) invert() {
	for i := range b {
		b[i] = ^b[i]
	}
}

func (b bitset) add(ordinals []uint32) {
	for _, i := range ordinals {
		b.set(i)
	}
}

// any reports whether one of the n ordinals from a multiple of 64 on is in the set.
func (b bitset) any(from, n int) bool {
	if b == nil {
		return true
	}
	for _, word := range b[from/64 : (from+n+63)/64] {
		if word != 0 {
			return true
		}
	}
	return false
}
