package local

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

// any says whether one of the n members from a multiple of 64 on is in the set.
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
