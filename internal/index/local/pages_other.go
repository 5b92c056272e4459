//go:build !linux

package local

// onLargePages does nothing: only Linux is asked for large pages.
func onLargePages([]byte) {}
