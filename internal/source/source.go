// Package source lists and reads documents, wherever they come from.
package source

import (
	"context"
	"io"
)

// Source is a place that documents come from.
type Source interface {
	// List calls yield for every document that the source's globs admit, in order of path, until yield
	// returns false. An error means that the listing is not complete: nothing may be removed on its word.
	List(ctx context.Context, yield func(Entry) bool) error
	// Open opens a listed document. Reading more than the entry's size, or a file that changed since it was
	// listed, is found by the reader: see Read.
	Open(ctx context.Context, entry Entry) (io.ReadCloser, error)
}

// Entry is a listed document.
type Entry struct {
	// Path is slash-separated, within the source; stable from run to run.
	Path string
	// Size is in bytes.
	Size int64
	// Version changes when the content may have: size and modification time of a file, an ETag.
	Version string
}
