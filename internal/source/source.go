// Package source lists and reads documents of every kind of source.
//
// All kinds keep the same promises: a path is slash-separated and stable from run to run, a listing
// is in order of path, and after a listing that failed nothing may be concluded from what it left
// out.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Source is a place that documents come from.
type Source interface {
	// List calls yield for every document that the source's globs admit, in byte order of path and
	// each path once, until yield returns false. After an error the listing is incomplete: it
	// proves no removal. The documents that could be listed have been yielded all the same.
	List(ctx context.Context, yield func(Entry) bool) error
	// Open opens a listed document. The reader fails with ErrChanged, at the latest at the end,
	// when its bytes may be of two versions of the document. See Read, which bounds and retries.
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
	// Metadata is the source's own of the document, such as the user metadata of an S3 object.
	Metadata map[string]string
}

// ErrChanged means that a document changed while it was read.
var ErrChanged = errors.New("it changed while it was read")

// Resolvers give a source what its config only names.
type Resolvers struct {
	// ConfigMap returns the entries of a ConfigMap, or an error that names it. Nil means that
	// ConfigMaps are mounted as directories, as in a pod.
	ConfigMap func(name string) (map[string][]byte, error)
	// Secret returns the value of an entry of a Secret, read anew at each call, or an error that
	// names both.
	Secret func(config.SecretKey) (string, error)
	// HTTP is the client of sources on the network; nil means http.DefaultClient.
	HTTP *http.Client
}

// New makes the source that c declares. Its errors name the source. A glob that is not valid is an
// error here; a missing directory is an error of List.
func New(c config.Source, r Resolvers) (Source, error) {
	s, err := newSource(c, r)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", c.Name, err)
	}
	return s, nil
}

// newSource has a case for each kind of source.
func newSource(c config.Source, r Resolvers) (Source, error) {
	globs, err := newGlobs(c.Include, c.Exclude)
	switch {
	case err != nil:
		return nil, err
	case c.Places() != 1:
		return nil, errors.New("exactly one of directory and configMap is needed")
	case c.ConfigMap != nil:
		return openConfigMap(c.ConfigMap.Name, globs, r)
	default:
		return &directory{path: c.Directory.Path, globs: globs}, nil
	}
}

// attempts is how often a document that changes under the reader is read: a file that is replaced
// now and then is read whole at the second attempt, one that is written to without pause never is.
const attempts = 3

// Read returns the document's bytes, at most max of them.
//
// A problem of the document itself is a *config.DocumentError: TooLarge, without reading if the
// listed size is too large already; Changed if no attempt got one version whole; Unreadable
// otherwise. Any other error is ctx's.
func Read(ctx context.Context, s Source, entry Entry, max int64) ([]byte, error) {
	if entry.Size > max {
		return nil, tooLarge(entry.Size, max)
	}
	for range attempts {
		data, err := readOnce(ctx, s, entry, max)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, ErrChanged):
			continue
		case err == nil:
			return data, nil
		}
		if _, own := config.ReasonOf(err); own {
			return nil, err
		}
		return nil, config.Failf(config.Unreadable, "it cannot be read: %w", err)
	}
	return nil, config.Failf(config.Changed, "%w, %d times; it is read again at the next run", ErrChanged, attempts)
}

// readAtOnce is how many bytes are read between two looks at the context.
const readAtOnce = 1 << 20

func readOnce(ctx context.Context, s Source, entry Entry, max int64) ([]byte, error) {
	r, err := s.Open(ctx, entry)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	// One byte more than listed lets the last Read see the end without growing the slice.
	data := make([]byte, 0, entry.Size+1)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := r.Read(data[len(data):min(cap(data), len(data)+readAtOnce)])
		data = data[:len(data)+n]
		if int64(len(data)) > max {
			return nil, tooLarge(int64(len(data)), max)
		}
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return nil, err
		}
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
	}
}

func tooLarge(size, max int64) error {
	return config.Failf(config.TooLarge, "it has %d bytes or more, the limit is %d; split it, or exclude it", size, max)
}
