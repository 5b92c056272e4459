package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// certificateFiles is where systems keep their CA certificates: Debian and Alpine, Fedora, macOS.
var certificateFiles = []string{
	"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
}

const (
	passwd = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n"
	group  = "root:x:0:\nnonroot:x:65532:\n"
)

// makeLayer returns the image's file system as a tarball.
func makeLayer(binaries []binary, certificates string) ([]byte, error) {
	if certificates == "" {
		i := slices.IndexFunc(certificateFiles, func(f string) bool { _, err := os.Stat(f); return err == nil })
		if i < 0 {
			return nil, fmt.Errorf("no CA certificates in %s: install them (ca-certificates), or name a file with -ca",
				strings.Join(certificateFiles, ", "))
		}
		certificates = certificateFiles[i]
	}
	ca, err := os.ReadFile(certificates)
	if err != nil {
		return nil, err
	}
	var tarball bytes.Buffer
	l := layer{tar: tar.NewWriter(&tarball), directories: map[string]bool{}}
	err = errors.Join(
		l.directory("tmp", 0o1777),
		l.file("etc/passwd", 0o644, []byte(passwd)),
		l.file("etc/group", 0o644, []byte(group)),
		l.file("etc/ssl/certs/ca-certificates.crt", 0o644, ca))
	for _, b := range binaries {
		program, readErr := os.ReadFile(b.from)
		err = errors.Join(err, readErr, l.file(strings.TrimPrefix(b.to, "/"), 0o755, program))
	}
	err = errors.Join(err, l.tar.Close())
	return tarball.Bytes(), err
}

// layer writes files behind their directories. Their owner is root and their time is the epoch, so
// that equal files make equal layers.
type layer struct {
	tar         *tar.Writer
	directories map[string]bool // those written so far
}

func (l *layer) directory(name string, mode int64) error {
	if name == "." || l.directories[name] {
		return nil
	}
	l.directories[name] = true
	return errors.Join(
		l.directory(path.Dir(name), 0o755),
		l.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode, ModTime: time.Unix(0, 0)}))
}

func (l *layer) file(name string, mode int64, content []byte) error {
	return errors.Join(l.directory(path.Dir(name), 0o755), writeFile(l.tar, name, mode, content))
}

func writeFile(t *tar.Writer, name string, mode int64, content []byte) error {
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: time.Unix(0, 0),
	}
	if err := t.WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err := t.Write(content)
	return err
}
