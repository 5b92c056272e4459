package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"
)

// errStop ends a walk after yield has returned false.
var errStop = errors.New("stop")

// walk is one listing.
type walk struct {
	root     *os.Root
	globs    globs
	yield    func(Entry) bool
	listed   map[fileID]bool // the directories that were listed
	own      map[fileID]bool // those that are listed under their own paths; nil until a link leads to a directory
	unlisted unlisted
}

// fileID tells a directory from others, whatever path leads to it.
type fileID struct{ device, inode uint64 }

func idOf(info fs.FileInfo) fileID {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}
	}
	return fileID{uint64(stat.Dev), stat.Ino} //nolint:unconvert // its type differs between systems
}

// name is an entry of a directory that may be a document or hold some.
type name struct {
	path      string // is what it is listed as
	raw       string // is its path in the file system
	directory bool
	link      bool        // reports whether it is a link to a directory
	info      fs.FileInfo // is that of the file or of the directory; nil if it is not available
}

// key sorts a directory as "name/": then depth first is byte order of the whole paths.
func (n name) key() string {
	if n.directory {
		return n.path + "/"
	}
	return n.path
}

// directory lists the directory dir, if it is not listed yet.
func (w *walk) directory(ctx context.Context, dir name, depth int) error {
	names, err := w.read(dir, depth)
	if err != nil {
		w.unlisted.add(dir.path, err)
	}
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case !n.directory:
			err = w.file(n)
		case n.link && w.hasOwnPlace(ctx, n):
			continue
		default:
			err = w.directory(ctx, n, depth+1)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// read returns the names in dir, in the order of their paths. With an error it returns the names that it could read.
func (w *walk) read(dir name, depth int) ([]name, error) {
	if depth == maxDepth {
		return nil, fmt.Errorf("directories are nested more than %d deep", maxDepth)
	}
	f, err := w.root.OpenFile(dir.raw, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	self, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if w.listed[idOf(self)] {
		return nil, nil
	}
	w.listed[idOf(self)] = true
	entries, err := f.ReadDir(-1)
	written := writtenNames(rawNames(entries))
	names := make([]name, 0, len(entries))
	for i, e := range entries {
		n := name{path: path.Join(dir.path, written[i]), raw: path.Join(dir.raw, e.Name()), directory: e.IsDir()}
		if w.matters(&n, e) {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, func(a, b name) int { return strings.Compare(a.key(), b.key()) })
	return names, err
}

// matters reports whether a directory entry may be a document or hold some. It follows links.
func (w *walk) matters(n *name, e fs.DirEntry) bool {
	if isSkipped(n.raw) {
		return false
	}
	if n.directory {
		return w.globs.descends(n.path)
	}
	if e.Type()&^fs.ModeSymlink != 0 || !w.globs.admits(n.path) && !w.globs.descends(n.path) {
		return false
	}
	info, err := w.root.Stat(n.raw)
	switch {
	case err == nil && info.IsDir():
		n.directory, n.link, n.info = true, true, info
		return w.globs.descends(n.path)
	case err == nil:
		n.info = info
		return info.Mode().IsRegular() && w.globs.admits(n.path)
	}
	if _, gone := w.root.Lstat(n.raw); errors.Is(gone, fs.ErrNotExist) {
		return false // deleted since the directory was read
	}
	return w.globs.admits(n.path)
}

// isSkipped reports whether a path is one of the kubelet's, or of what only root can read on a new volume.
func isSkipped(raw string) bool {
	return raw == "lost+found" || strings.HasPrefix(path.Base(raw), "..")
}

// hasOwnPlace reports whether the directory that a link leads to is listed under its own path.
func (w *walk) hasOwnPlace(ctx context.Context, link name) bool {
	if w.own == nil {
		w.own = map[fileID]bool{}
		w.findOwn(ctx, name{path: ".", raw: "."}, 0)
	}
	return w.own[idOf(link.info)]
}

// findOwn finds the directories that the walk reaches without a link. Those that cannot be read are not among them.
func (w *walk) findOwn(ctx context.Context, dir name, depth int) {
	f, err := w.root.OpenFile(dir.raw, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	self, err := f.Stat()
	entries, _ := f.ReadDir(-1)
	f.Close()
	if err != nil || w.own[idOf(self)] {
		return
	}
	w.own[idOf(self)] = true
	written := writtenNames(rawNames(entries))
	for i, e := range entries {
		n := name{path: path.Join(dir.path, written[i]), raw: path.Join(dir.raw, e.Name())}
		if e.IsDir() && !isSkipped(n.raw) && w.globs.descends(n.path) && depth+1 < maxDepth && ctx.Err() == nil {
			w.findOwn(ctx, n, depth+1)
		}
	}
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

// writtenNames are the names of a directory's entries as they are listed: in one that is not UTF-8, the other bytes and
// the percent sign are written as %FC. Where that is the name of another entry, it begins with %%.
func writtenNames(raw []string) []string {
	written := slices.Clone(raw)
	var taken map[string]bool
	for i, name := range raw {
		if utf8.ValidString(name) {
			continue
		}
		if taken == nil {
			taken = make(map[string]bool, len(raw))
			for _, name := range raw {
				taken[name] = true
			}
		}
		for written[i] = writtenName(name); taken[written[i]]; {
			written[i] = "%%" + written[i]
		}
	}
	return written
}

func rawNames(entries []fs.DirEntry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}

func writtenName(raw string) string {
	var b strings.Builder
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRuneInString(raw[i:])
		if r == '%' || r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, "%%%02X", raw[i])
		} else {
			b.WriteString(raw[i : i+size])
		}
		i += size
	}
	return b.String()
}

// rawPath finds the path in the file system of what is listed under a path.
func rawPath(root *os.Root, listed string) (string, error) {
	raw := ""
	for part := range strings.SplitSeq(listed, "/") {
		next := path.Join(raw, part)
		if strings.Contains(part, "%") {
			if _, err := root.Lstat(next); errors.Is(err, fs.ErrNotExist) {
				name, err := rawName(root, raw, part)
				if err != nil {
					return "", err
				}
				next = path.Join(raw, name)
			}
		}
		raw = next
	}
	return raw, nil
}

// rawName finds an entry of a directory by the name under which it is listed.
func rawName(root *os.Root, dir, listed string) (string, error) {
	f, err := root.OpenFile(path.Join(".", dir), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return "", err
	}
	if i := slices.Index(writtenNames(rawNames(entries)), listed); i >= 0 {
		return entries[i].Name(), nil
	}
	return "", &fs.PathError{Op: "open", Path: path.Join(dir, listed), Err: fs.ErrNotExist}
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
	return unlistedError{fmt.Errorf("directory %s is listed in part, since %d of its directories cannot be read "+
		"(make them readable, or exclude them); the first: %w",
		root, u.count, u.first)}
}

// unlistedError means that a listing went to its end, but for the directories that it names.
type unlistedError struct{ error }

func (e unlistedError) Unwrap() error { return e.error }
