package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Where systems keep their CA certificates: Debian and Alpine, Fedora, macOS.
var certificateFiles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

const (
	passwd = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n"
	group  = "root:x:0:\nnonroot:x:65532:\n"
)

// layer is the image's file system. Files are read as it is written, and not kept.
type layer []entry

type entry struct {
	header tar.Header
	open   func() (io.ReadCloser, error) // nil for a directory
}

func newLayer(binaries []binary, certificates string) (layer, error) {
	var l layer
	l.directory("tmp", 0o1777)
	l.text("etc/passwd", passwd)
	l.text("etc/group", group)
	if certificates == "" {
		certificates = firstFile(certificateFiles)
	}
	if certificates == "" {
		return nil, fmt.Errorf("no CA certificates in %s: install them (ca-certificates), or name a file with -ca", strings.Join(certificateFiles, ", "))
	}
	if err := l.file(certificates, "etc/ssl/certs/ca-certificates.crt", 0o644); err != nil {
		return nil, err
	}
	for _, b := range binaries {
		if err := l.file(b.from, strings.TrimPrefix(b.to, "/"), 0o755); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func firstFile(files []string) string {
	i := slices.IndexFunc(files, func(f string) bool { _, err := os.Stat(f); return err == nil })
	if i < 0 {
		return ""
	}
	return files[i]
}

// add puts an entry behind its directories. Owner and time are root and the epoch, so that equal files make equal layers.
func (l *layer) add(h tar.Header, open func() (io.ReadCloser, error)) {
	if parent := path.Dir(strings.TrimSuffix(h.Name, "/")); parent != "." {
		l.directory(parent, 0o755)
	}
	h.ModTime = time.Unix(0, 0)
	*l = append(*l, entry{header: h, open: open})
}

func (l *layer) directory(name string, mode int64) {
	name += "/"
	if !slices.ContainsFunc(*l, func(e entry) bool { return e.header.Name == name }) {
		l.add(tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}, nil)
	}
}

func (l *layer) text(name, text string) {
	l.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(text))},
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewBufferString(text)), nil })
}

func (l *layer) file(from, name string, mode int64) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", from)
	}
	l.add(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: info.Size()}, func() (io.ReadCloser, error) { return os.Open(from) })
	return nil
}

// write writes the layer as a tarball.
func (l layer) write(w io.Writer) error {
	t := tar.NewWriter(w)
	for _, e := range l {
		if err := e.write(t); err != nil {
			return fmt.Errorf("%s: %w", e.header.Name, err)
		}
	}
	return t.Close()
}

func (e entry) write(t *tar.Writer) error {
	if err := t.WriteHeader(&e.header); err != nil || e.open == nil {
		return err
	}
	r, err := e.open()
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(t, r)
	return err
}
