package pdf

import "github.com/tetratelabs/wazero/experimental"

// memory is the linear memory of one PDFium. wazero asks it to grow, so it keeps the bound, and records whether PDFium
// failed at that bound. Its addresses are reserved once and become memory as PDFium grows: to grow by copying would
// take several times the bound until the garbage is collected.
type memory struct {
	limit    uint64
	reserved []byte
	size     uint64
	refused  bool
}

// Allocate is called once, as a pdfium has one instance.
func (m *memory) Allocate(_, _ uint64) experimental.LinearMemory { return m }

// Reallocate returns nil if there is no more memory.
func (m *memory) Reallocate(size uint64) []byte {
	if size > m.limit || !m.commit(size) {
		m.refused = true
		return nil
	}
	m.size = size
	return m.reserved[:size:size]
}
