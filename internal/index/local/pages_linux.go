package local

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// largePage is the size of a large page on most processors.
const largePage = 2 << 20

// onLargePages asks Linux to put what is whole large pages of b on such, which it otherwise does for no Go program. b
// has not been written to yet. A system that has none leaves it as it is.
func onLargePages(b []byte) {
	first := -uintptr(unsafe.Pointer(&b[0])) % largePage
	if n := len(b) - int(first); n >= largePage && os.Getpagesize() < largePage {
		_ = unix.Madvise(b[first:][:n/largePage*largePage], unix.MADV_HUGEPAGE)
	}
}
