package git

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Kind is what an entry of a directory is.
type Kind int

// The kinds.
const (
	File Kind = iota
	Directory
	Link
	Submodule
)

// Entry is an entry of a directory.
type Entry struct {
	// Name is one segment of a path: any bytes but slash and NUL, and neither "." nor "..".
	Name string
	Kind Kind
	// ID names the content: two with the same ID are equal.
	ID string
}

// ErrNotExist means that the commit has no such path.
var ErrNotExist = errors.New("the commit has no such path")

// Root returns the commit's top directory.
func (s *Snapshot) Root() Entry { return Entry{Kind: Directory, ID: s.root.String()} }

// Lookup returns the entry at a path. It follows no links.
func (s *Snapshot) Lookup(path string) (Entry, error) {
	at := s.Root()
	for part := range strings.SplitSeq(path, "/") {
		if at.Kind != Directory {
			return Entry{}, ErrNotExist
		}
		entries, err := s.ReadDir(at.ID)
		if err != nil {
			return Entry{}, err
		}
		at = Entry{Kind: -1}
		for _, e := range entries {
			if e.Name == part {
				at = e
			}
		}
	}
	if at.Kind < 0 {
		return Entry{}, ErrNotExist
	}
	return at, nil
}

// ReadDir returns the entries of the directory with that ID, in no particular order. A name that could lead out of the
// directory, or that it has twice, makes the whole repository damaged: git makes no such tree.
func (s *Snapshot) ReadDir(id string) ([]Entry, error) {
	object, err := s.pack.read(plumbing.NewHash(id), plumbing.TreeObject)
	if err != nil {
		return nil, damaged(fmt.Errorf("directory %s: %w", id, err))
	}
	defer object.Close()
	r := bufio.NewReader(object)
	var entries []Entry
	names := map[string]bool{}
	for {
		e, err := readEntry(r)
		switch {
		case errors.Is(err, io.EOF):
			return entries, nil
		case err == nil && names[e.Name]:
			err = fmt.Errorf("it has the name %q twice", e.Name)
		}
		if err != nil {
			return nil, damaged(fmt.Errorf("directory %s: %w", id, err))
		}
		names[e.Name] = true
		entries = append(entries, e)
	}
}

// readEntry reads an entry: its mode in octal digits, a space, its name, NUL, and the 20 bytes of a hash. It returns
// io.EOF where none begins.
func readEntry(r *bufio.Reader) (Entry, error) {
	digits, err := r.ReadString(' ')
	if errors.Is(err, io.EOF) && digits == "" {
		return Entry{}, io.EOF
	}
	name, nameErr := r.ReadString(0)
	var hash plumbing.Hash
	_, hashErr := io.ReadFull(r, hash[:])
	if err != nil || nameErr != nil || hashErr != nil {
		return Entry{}, errors.New("an entry is cut off")
	}
	mode, err := filemode.New(digits[:len(digits)-1])
	if err != nil {
		return Entry{}, fmt.Errorf("the mode of an entry: %w", err)
	}
	e := Entry{Name: name[:len(name)-1], ID: hash.String()}
	if e.Name == "" || e.Name == "." || e.Name == ".." || strings.Contains(e.Name, "/") {
		return Entry{}, fmt.Errorf("the name %q could lead out of the repository", e.Name)
	}
	switch mode {
	case filemode.Dir:
		e.Kind = Directory
	case filemode.Symlink:
		e.Kind = Link
	case filemode.Submodule:
		e.Kind = Submodule
	default:
		e.Kind = File
	}
	return e, nil
}

// Size returns the bytes of the file with that ID. One that the server left out has more than any document may.
func (s *Snapshot) Size(id string) (int64, error) {
	size, err := s.pack.stat(plumbing.NewHash(id))
	if errors.Is(err, errMissing) {
		return s.pack.limits.Object + 1, nil
	}
	return size, err
}

// Open returns the content of the file or link with that ID.
func (s *Snapshot) Open(id string) (io.ReadCloser, error) {
	return s.pack.read(plumbing.NewHash(id), plumbing.BlobObject)
}

// MaxFiles is how many files the commit may have; a directory counts at each place where it is.
func (s *Snapshot) MaxFiles() int { return s.pack.limits.Files }

// Close frees the space on disk.
func (s *Snapshot) Close() error { return s.pack.Close() }
