package local

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// largePage is the size of a large page on most processors.
const largePage = 2 << 20

// manyPages is how large an array is for which large pages are worth asking: less than that is few enough small ones
// for the processor to remember where they are, and would be rounded up to large ones that no row fills.
const manyPages = 4 * largePage

// onLargePages asks Linux to put what is whole large pages of b on such, which it otherwise does for no Go program. b
// has not been written to yet. A system that has none leaves it as it is.
func onLargePages(b []byte) {
	if len(b) < manyPages || os.Getpagesize() >= largePage {
		return
	}
	first := int(-uintptr(unsafe.Pointer(&b[0])) % largePage)
	_ = unix.Madvise(b[first:][:(len(b)-first)/largePage*largePage], unix.MADV_HUGEPAGE)
}
