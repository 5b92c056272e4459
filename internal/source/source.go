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
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Source is a place that documents come from.
type Source interface {
	// List calls yield for every document that the source's globs admit, in byte order of path and
	// each path once, until yield returns false. After an error the listing is incomplete: it
	// proves no removal. The documents that could be listed have been yielded all the same.
	List(ctx context.Context, yield func(Entry) bool) error
	// Open opens a listed document. The reader fails with ErrChanged, at the latest at the end,
	// when its bytes may be of two versions of the document. It may be a Describer. See Read, which
	// bounds and retries.
	Open(ctx context.Context, entry Entry) (io.ReadCloser, error)
}

// Entry is a listed document.
type Entry struct {
	// Path is slash-separated, within the source; stable from run to run.
	Path string
	// Size is in bytes; UnknownSize where only reading tells it.
	Size int64
	// Version changes when the content may have: size and modification time of a file, an ETag. It
	// is empty where only reading tells it.
	Version string
	// Metadata is the source's own of the document, if the listing tells it; else see Description.
	Metadata map[string]string
	// Exact reports whether the content is the same as long as Version is, so that the document need
	// not be opened. A file's version is not exact: clocks are coarse, and copying restores times.
	Exact bool
	// Known is for Open, not for List: the version that the index has. A source whose listing has no
	// versions then fails with ErrUnchanged if the document still has it.
	Known string
	// Sidecar is the listed file that has the document's metadata; nil where there is none. Version
	// and Exact are then of both.
	Sidecar *Entry
}

// UnknownSize is the size of a document that the listing does not tell.
const UnknownSize = -1

// Description is what Open learns of a document beside its bytes.
type Description struct {
	// Version is that of the bytes; empty means the listed one.
	Version string
	// Extension, such as ".html", is that of the document's type; empty means that of its path.
	Extension string
	// Charset is the encoding that the server declares of a text; Read decodes it. It is empty if it
	// declares none.
	Charset string
	// Metadata is the source's own of the document, such as the user metadata of an S3 object; nil
	// means the listed one.
	Metadata map[string]string
}

// Describer is a reader of Open that knows more of the document than the listing.
type Describer interface{ Describe() Description }

// Content is one version of a document.
type Content struct {
	Description
	Data []byte
	// Sidecar has the bytes of the document's sidecar; nil where there is none.
	Sidecar []byte
}

var (
	// ErrChanged means that a document changed while it was read.
	ErrChanged = errors.New("it changed while it was read")
	// ErrUnchanged means that the document still has the version Entry.Known.
	ErrUnchanged = errors.New("it has not changed")
	// ErrGone means that the source answers that it has the listed document no more.
	ErrGone = errors.New("it is gone")
	// ErrUnavailable means that the source failed, whichever document was asked for: its host is down
	// or not to be trusted, or the credentials are refused.
	ErrUnavailable = errors.New("the source is unavailable")
)

// Resolvers give a source what its config only names.
type Resolvers struct {
	// ConfigMap returns the entries of a ConfigMap, or an error that names it. Nil means that
	// ConfigMaps are mounted as directories, as in a pod.
	ConfigMap func(name string) (map[string][]byte, error)
	// Secret returns the value of an entry of a Secret, read anew at each call, or an error that
	// names both.
	Secret func(config.SecretKey) (string, error)
	// CABundle returns the certificates, as PEM, in an entry of a ConfigMap, or an error that names
	// both.
	CABundle func(config.ConfigMapKey) ([]byte, error)
}

// New makes the source that c declares. Its errors name the source. A glob that is not valid is an
// error here; a missing directory is an error of List.
func New(c config.Source, r Resolvers) (Source, error) {
	p := &paired{}
	if read := r.Secret; read != nil {
		r.Secret = func(key config.SecretKey) (string, error) {
			value, err := read(key)
			if hides(key.Key, value) {
				p.secrets.Use(value)
			}
			return value, err
		}
	}
	s, err := newSource(c, r)
	if err != nil {
		return nil, fmt.Errorf("source %q: %w", c.Name, err)
	}
	p.Source = s
	return p, nil
}

// leastToken is the length, in bytes, from which a user's name may be a token, as some Git servers take it.
const leastToken = 16

// hides reports whether errors must not have the entry of a Secret. The name of a user, such as git, is in too many
// words, and known hosts are public.
func hides(entry, value string) bool {
	switch entry {
	case config.GitKnownHosts:
		return false
	case config.GitUsername: // which is HTTP's too
		return len(value) >= leastToken
	}
	return true
}

// newSource has a case for each kind of source.
func newSource(c config.Source, r Resolvers) (Source, error) {
	globs, err := newGlobs(c.Include, c.Exclude)
	switch {
	case err != nil:
		return nil, err
	case c.Places() != 1:
		return nil, errors.New("exactly one of directory, configMap, s3, http and git is needed")
	case c.ConfigMap != nil:
		return openConfigMap(c.ConfigMap.Name, globs, r)
	case c.S3 != nil:
		return openS3(*c.S3, globs, r)
	case c.HTTP != nil:
		return openWeb(*c.HTTP, globs, r)
	case c.Git != nil:
		return openGit(*c.Git, globs, r)
	default:
		return &directory{path: c.Directory.Path, exit: c.Directory.Exit, globs: globs}, nil
	}
}

// Revised is a source that can tell whether its listing has changed without listing.
type Revised interface {
	// Revision names the state of everything that List lists. While it is the same, so is the listing, whose versions
	// are exact. Once the source was listed, it is the revision of that listing.
	Revision(ctx context.Context) (string, error)
}

// Revision returns the revision of a source; it is empty for a source that has none.
func Revision(ctx context.Context, s Source) (string, error) {
	p, ok := s.(*paired)
	if ok {
		s = p.Source
	}
	r, revised := s.(Revised)
	if !revised {
		return "", nil
	}
	revision, err := r.Revision(ctx)
	if ok {
		err = p.secrets.Error(err)
	}
	return revision, err
}

// attempts is how often a document that changes under the reader is read: a file that is replaced
// now and then is read whole at the second attempt, one that is written to without pause never is.
const attempts = 3

// Read returns the document, of at most max bytes.
//
// The content has the sidecar, if that could be read, also of a document that could not.
//
// A problem of the document itself is a *config.DocumentError: TooLarge, without reading if the
// listed size is too large already; Changed if no attempt got one version whole; Unreadable
// otherwise, which may be ErrGone or ErrUnavailable. Any other error is ErrUnchanged or ctx's.
func Read(ctx context.Context, s Source, entry Entry, max int64) (Content, error) {
	if entry.Size > max {
		return Content{}, tooLarge(entry.Size, max)
	}
	if entry.Sidecar != nil {
		return readWithSidecar(ctx, s, entry, max)
	}
	for range attempts {
		content, err := readOnce(ctx, s, entry, max)
		switch {
		case ctx.Err() != nil:
			return Content{}, ctx.Err()
		case errors.Is(err, ErrChanged):
			continue
		case err == nil, errors.Is(err, ErrUnchanged):
			return content, err
		}
		if _, own := config.ReasonOf(err); own {
			return Content{}, err
		}
		return Content{}, config.Failf(config.Unreadable, "it cannot be read: %w", err)
	}
	return Content{}, config.Failf(config.Changed, "%w, %d times; it is read again at the next run", ErrChanged, attempts)
}

// readWithSidecar reads the sidecar first, so that a later version of it is another one than that which is returned.
func readWithSidecar(ctx context.Context, s Source, entry Entry, max int64) (Content, error) {
	path, listed := entry.Sidecar.Path, entry.Sidecar.Version
	sidecar, err := Read(ctx, s, *entry.Sidecar, maxSidecar)
	reason, own := config.ReasonOf(err)
	switch {
	case errors.Is(err, ErrGone): // its document may be there
		return Content{}, config.Failf(config.Changed, "its sidecar %s was removed after it was listed", path)
	case own:
		return Content{}, config.Failf(reason, "its sidecar %s: %w", path, errors.Unwrap(err))
	case err != nil:
		return Content{}, err
	}
	entry.Sidecar, entry.Known = nil, "" // the index has versions of both together
	entry.Version = strings.TrimSuffix(entry.Version, joined+listed)
	content, err := Read(ctx, s, entry, max)
	content.Version, content.Sidecar = joinVersions(content.Version, sidecar.Version), sidecar.Data
	return content, err
}

// readAtOnce is how many bytes are read between two looks at the context.
const readAtOnce = 1 << 20

func readOnce(ctx context.Context, s Source, entry Entry, max int64) (Content, error) {
	r, err := s.Open(ctx, entry)
	if err != nil {
		return Content{}, err
	}
	defer r.Close()
	var content Content
	if d, ok := r.(Describer); ok {
		content.Description = d.Describe()
	}
	if content.Version == "" {
		content.Version = entry.Version
	}
	if content.Metadata == nil {
		content.Metadata = entry.Metadata
	}
	content.Data, err = readAll(ctx, r, entry.Size, max)
	content.Data = decoded(content.Data, content.Charset)
	return content, err
}

// readAll reads about size bytes, at most max.
func readAll(ctx context.Context, r io.Reader, size, max int64) ([]byte, error) {
	// One byte more than listed lets the last Read see the end without growing the slice.
	data := make([]byte, 0, size+1)
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
