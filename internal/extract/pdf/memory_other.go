//go:build !unix

package pdf

// commit leaves it to the system not to back memory that was not written yet.
func (m *memory) commit(uint64) bool {
	if m.reserved == nil {
		m.reserved = make([]byte, m.limit)
	}
	return true
}

// Free lets go of the memory.
func (m *memory) Free() { m.reserved = nil }
