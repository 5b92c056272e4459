package local

import (
	"context"
	"maps"
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Types returns the types that the chunks' values of each key have, in order.
func (s *Store) Types(ctx context.Context, keys []string) (map[string][]config.ScalarType, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	types := make(map[string][]config.ScalarType, len(keys))
	for _, key := range keys {
		if found := s.ranking.types(key); len(found) > 0 {
			types[key] = found
		}
	}
	return types, nil
}

// types are those of the live chunks' values.
func (r *ranking) types(key string) []config.ScalarType {
	found := map[config.ScalarType]bool{}
	for scalar, ordinals := range r.values[key] {
		if !found[scalar.Type] && slices.ContainsFunc(ordinals, r.live.has) {
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
	passing.and(r.live)
	return passing
}

// passing is the set of chunks, live ones and others, that pass the filter.
func (r *ranking) passing(f *index.Filter) bitset {
	set := newBitset(len(r.entries))
	switch f.Operator {
	case index.And:
		set.invert()
		for _, operand := range f.Filters {
			set.and(r.passing(operand))
		}
	case index.Or:
		for _, operand := range f.Filters {
			set.or(r.passing(operand))
		}
	case index.Not:
		set = r.passing(f.Filters[0])
		set.invert()
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
