//go:build unix

package pdf

import "syscall"

// commit makes the first bytes of the reserved addresses usable.
func (m *memory) commit(size uint64) bool {
	if m.reserved == nil {
		addresses, err := syscall.Mmap(-1, 0, int(m.limit), syscall.PROT_NONE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
		if err != nil {
			return false
		}
		m.reserved = addresses
	}
	// Both ends are multiples of WebAssembly's pages, 64 KiB.
	return size <= m.size ||
		syscall.Mprotect(m.reserved[m.size:size], syscall.PROT_READ|syscall.PROT_WRITE) == nil
}

// Free gives the memory back to the system.
func (m *memory) Free() {
	_ = syscall.Munmap(m.reserved) // fails for nil only
	m.reserved = nil
}
