package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"
)

// file reads one version of a file: at its end it looks whether the file that was opened is still what it was,
// and still what stands under the name, and fails with ErrChanged if not.
type file struct {
	file   *os.File
	root   *os.Root
	name   string
	opened fs.FileInfo
	read   int64
}

// openFile opens a regular file. It opens without blocking, since a pipe that took the file's place would wait
// for a writer.
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
