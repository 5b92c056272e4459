// Package source lists and reads documents, wherever they come from.
//
// Every kind of source keeps the same promises: a path is slash-separated and stable from run to run, a listing
// is in order of path, and an error of a listing means that nothing may be concluded from what it left out.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Source is a place that documents come from.
type Source interface {
	// List calls yield for every document that the source's globs admit, in byte order of path and each path
	// once, until yield returns false. An error means that the listing is not complete: nothing may be removed
	// on its word. What could be listed has been yielded all the same.
	List(ctx context.Context, yield func(Entry) bool) error
	// Open opens a listed document. The reader fails with ErrChanged, at the latest at the end, when its bytes
	// may be of two versions of the document. See Read, which bounds and retries.
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

// ErrChanged says that a document changed while it was read.
var ErrChanged = errors.New("it changed while it was read")

// New makes the source that c declares. configMaps gives the data of a ConfigMap by name, with an error that
// names it; it may be nil where there are none to be had. Errors name the source. A glob that cannot be understood
// is an error here, a missing directory one of List.
func New(c config.Source, configMaps func(name string) (map[string][]byte, error)) (Source, error) {
	globs, err := newGlobs(c.Include, c.Exclude)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", c.Name, err)
	}
	switch {
	case c.Directory != nil && c.ConfigMap != nil:
		return nil, fmt.Errorf("source %q: it names both a directory and a ConfigMap; keep one", c.Name)
	case c.Directory != nil:
		return &directory{path: c.Directory.Path, globs: globs}, nil
	case c.ConfigMap != nil:
		if configMaps == nil {
			return nil, fmt.Errorf("source %q: ConfigMap %q cannot be read here", c.Name, c.ConfigMap.Name)
		}
		data, err := configMaps(c.ConfigMap.Name)
		if err != nil {
			return nil, fmt.Errorf("source %q: %w", c.Name, err)
		}
		return &configMap{data: data, globs: globs}, nil
	default:
		return nil, fmt.Errorf("source %q: it names no place to read from", c.Name)
	}
}
