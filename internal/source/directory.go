package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// directory is a tree of files: a mounted ConfigMap or volume, or a directory on a laptop.
//
//   - Symbolic links are followed within the tree, also to directories (a mounted ConfigMap consists of
//     them). A directory is listed once, however many links lead to it: under its own path if the walk
//     gets there, else under the first path in the order of the listing. A link that leads out of the
//     tree, or nowhere, is a document that fails as Unreadable, if the globs admit its name.
//   - A name that is not UTF-8 has an identity of its own, in which its other bytes are written as %FC.
//   - Names that begin with ".." are skipped: they are the kubelet's own. So is lost+found at the top,
//     which only root can read on a new volume.
//   - Devices, sockets and pipes are skipped.
//   - A directory that cannot be read makes the listing incomplete; the others are listed all the same.
//   - If the program that fills it has failed, nothing is listed: a file may be half written.
type directory struct {
	path  string
	exit  string // file that says how the program ended; empty if there is none
	globs globs
}

// maxDepth bounds the nesting of directories. A path in Linux has at most 4,096 bytes.
const maxDepth = 1024

func (d *directory) List(ctx context.Context, yield func(Entry) bool) error {
	if err := d.filled(); err != nil {
		return err
	}
	root, err := d.open()
	if err != nil {
		return err
	}
	defer root.Close()
	w := walk{root: root, globs: d.globs, yield: yield, listed: map[fileID]bool{}}
	if err := w.directory(ctx, name{path: ".", raw: "."}, 0); err != nil && !errors.Is(err, errStop) {
		return err
	}
	return w.unlisted.err(d.path)
}

// filled returns an error unless the program that fills the directory has succeeded.
func (d *directory) filled() error {
	if d.exit == "" {
		return nil
	}
	data, err := os.ReadFile(d.exit)
	if err != nil {
		return fmt.Errorf("its program has left no word of how it ended: %w", err)
	}
	var ended config.ProgramExit
	switch err := json.Unmarshal(data, &ended); {
	case err != nil:
		return fmt.Errorf("the word that its program has left of how it ended: %w", err)
	case ended.Error != "":
		return fmt.Errorf("its program cannot be started: %s; check command and image", ended.Error)
	case ended.Code != 0:
		return fmt.Errorf("its program ended with exit code %d; see the log of its container", ended.Code)
	}
	return nil
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
	raw, err := rawPath(root, entry.Path)
	var f *file
	if err == nil {
		f, err = openFile(root, raw)
	}
	if err != nil {
		root.Close()
		return nil, unreadable(err)
	}
	return f, nil
}

func unreadable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return config.Failf(config.Unreadable, "it was removed after it was listed, or is a link that leads nowhere: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return config.Failf(config.Unreadable, "this process may not read it; check its owner and mode: %w", err)
	}
	return config.Failf(config.Unreadable, "it cannot be opened (links that leave the source are not followed): %w", err)
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
