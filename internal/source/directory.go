package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// directory is a tree of files: a mounted ConfigMap or volume, or a directory on a laptop.
//
//   - Symbolic links are followed within the tree, also to directories (a mounted ConfigMap consists of
//     them), unless they lead to a directory that they are in. A link that leads out of the tree, or
//     nowhere, is a document that fails as Unreadable, if the globs admit its name.
//   - Names that begin with ".." are skipped: they are the kubelet's own. So is lost+found at the top,
//     which only root can read on a new volume.
//   - Devices, sockets and pipes are skipped.
//   - A directory that cannot be read makes the listing incomplete; the others are listed all the same.
type directory struct {
	path  string
	globs globs
}

// maxDepth bounds the nesting of directories. A path in Linux has at most 4,096 bytes.
const maxDepth = 1024

func (d *directory) List(ctx context.Context, yield func(Entry) bool) error {
	root, err := d.open()
	if err != nil {
		return err
	}
	defer root.Close()
	w := walk{root: root, globs: d.globs, yield: yield}
	if err := w.directory(ctx, ".", nil); err != nil && !errors.Is(err, errStop) {
		return err
	}
	return w.unlisted.err(d.path)
}

func (d *directory) open() (*os.Root, error) {
	root, err := os.OpenRoot(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("directory %s does not exist; check the path", d.path)
	case errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%s is not a directory; name the directory that holds the documents", d.path)
	case err != nil:
		return nil, fmt.Errorf("directory %s cannot be opened: %w", d.path, err)
	}
	return root, nil
}

// Open opens the file, of which it reads one version: see file.
func (d *directory) Open(_ context.Context, entry Entry) (io.ReadCloser, error) {
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	f, err := openFile(root, entry.Path)
	if err != nil {
		root.Close()
		return nil, unreadable(entry.Path, err)
	}
	return f, nil
}

func unreadable(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsRune(name, utf8.RuneError):
		return config.Failf(config.Unreadable, "its name is not valid UTF-8; rename it")
	case errors.Is(err, fs.ErrNotExist):
		return config.Failf(config.Unreadable, "it was removed after it was listed, or is a link that leads nowhere: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return config.Failf(config.Unreadable, "this process may not read it; check its owner and mode: %w", err)
	}
	return config.Failf(config.Unreadable, "it cannot be opened (links that leave the source are not followed): %w", err)
}

// errStop ends a walk after yield has returned false.
var errStop = errors.New("stop")

// walk is one listing.
type walk struct {
	root     *os.Root
	globs    globs
	yield    func(Entry) bool
	unlisted unlisted
}

// directory lists the directory dir. The ancestors are there to recognise a link that leads back to
// one of them.
func (w *walk) directory(ctx context.Context, dir string, ancestors []fs.FileInfo) error {
	names, err := w.read(dir, &ancestors)
	if err != nil {
		w.unlisted.add(dir, err)
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if name.directory {
			err = w.directory(ctx, name.path, ancestors)
		} else {
			err = w.file(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// name is an entry of a directory that may be a document or hold some.
type name struct {
	path      string
	directory bool
	info      fs.FileInfo // of the file; nil if it is not available
}

// read returns the names in dir, in the order of their paths, and adds dir to its ancestors. With
// an error it returns the names that it could read.
func (w *walk) read(dir string, ancestors *[]fs.FileInfo) ([]name, error) {
	f, err := w.root.OpenFile(dir, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	self, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if len(*ancestors) == maxDepth {
		return nil, fmt.Errorf("directories are nested more than %d deep", maxDepth)
	}
	if slices.ContainsFunc(*ancestors, func(a fs.FileInfo) bool { return os.SameFile(a, self) }) {
		return nil, nil // a link back to an ancestor
	}
	*ancestors = append(slices.Clip(*ancestors), self)

	entries, err := f.ReadDir(-1)
	names := make([]name, 0, len(entries))
	for _, e := range entries {
		if n, ok := w.name(dir, e); ok {
			names = append(names, n)
		}
	}
	// A directory sorts as "name/": then depth first is byte order of the whole paths.
	slices.SortFunc(names, func(a, b name) int { return strings.Compare(a.key(), b.key()) })
	return names, err
}

func (n name) key() string {
	if n.directory {
		return n.path + "/"
	}
	return n.path
}

// name returns what a directory entry is, following links, and reports whether it matters.
func (w *walk) name(dir string, e fs.DirEntry) (name, bool) {
	if strings.HasPrefix(e.Name(), "..") || dir == "." && e.Name() == "lost+found" {
		return name{}, false
	}
	n := name{path: path.Join(dir, e.Name()), directory: e.IsDir()}
	if !utf8.ValidString(e.Name()) {
		n.path = path.Join(dir, strings.ToValidUTF8(e.Name(), string(utf8.RuneError)))
		if n.directory {
			w.unlisted.add(n.path, errors.New("its name is not valid UTF-8; rename it"))
		}
		return n, !n.directory && w.globs.admits(n.path)
	}
	if n.directory {
		return n, w.globs.descends(n.path)
	}
	if e.Type()&^fs.ModeSymlink != 0 || !w.globs.admits(n.path) && !w.globs.descends(n.path) {
		return name{}, false
	}
	info, err := w.root.Stat(n.path)
	switch {
	case err == nil && info.IsDir():
		n.directory = true
		return n, w.globs.descends(n.path)
	case err == nil:
		n.info = info
		return n, info.Mode().IsRegular() && w.globs.admits(n.path)
	}
	if _, gone := w.root.Lstat(n.path); errors.Is(gone, fs.ErrNotExist) {
		return name{}, false // deleted since the directory was read
	}
	return n, w.globs.admits(n.path)
}

func (w *walk) file(n name) error {
	entry := Entry{Path: n.path}
	if n.info != nil {
		entry.Size, entry.Version = n.info.Size(), version(n.info)
	}
	if !w.yield(entry) {
		return errStop
	}
	return nil
}

// unlisted records the first directory that could not be listed, and their number.
type unlisted struct {
	first error
	count int
}

func (u *unlisted) add(dir string, err error) {
	if u.count++; u.first == nil {
		u.first = fmt.Errorf("%s: %w", dir, err)
	}
}

func (u *unlisted) err(root string) error {
	if u.count == 0 {
		return nil
	}
	return fmt.Errorf("directory %s is listed in part, since %d of its directories cannot be read "+
		"(make them readable, or exclude them); the first: %w",
		root, u.count, u.first)
}

// file reads one version of a file. At the end it fails with ErrChanged if the file has changed
// since it was opened, or another file has taken its name.
type file struct {
	file   *os.File
	root   *os.Root
	name   string
	opened fs.FileInfo
	read   int64
}

// openFile opens a regular file. It does not block, because a pipe that has taken the file's place
// would wait for a writer.
func openFile(root *os.Root, name string) (*file, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file any more", name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{file: f, root: root, name: name, opened: info}, nil
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.file.Read(p)
	f.read += int64(n)
	if errors.Is(err, io.EOF) && !f.same() {
		err = ErrChanged
	}
	return n, err
}

func (f *file) same() bool {
	now, err := f.file.Stat()
	if err != nil || version(now) != version(f.opened) || f.read != now.Size() {
		return false
	}
	named, err := f.root.Stat(f.name)
	return err == nil && os.SameFile(named, now)
}

// Close closes the file and its root.
func (f *file) Close() error { return errors.Join(f.file.Close(), f.root.Close()) }

// version is a file's size and modification time.
func version(info fs.FileInfo) string {
	return strconv.FormatInt(info.Size(), 10) + "-" + strconv.FormatInt(info.ModTime().UnixNano(), 10)
}
