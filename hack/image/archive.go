package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"
)

// image is a layer and how to run it.
type image struct {
	layer        layer
	names        []string
	architecture string
	user         string
	entrypoint   string
	cmd          []string
}

// A name is a repository, with the registry's host if it has one, and a tag.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

func parseNames(list string) ([]string, error) {
	names := split(list)
	if len(names) == 0 {
		return nil, errors.New("-name is missing: an image needs a name, as example.com/app:dev")
	}
	for _, n := range names {
		if !nameForm.MatchString(n) {
			return nil, fmt.Errorf("%q is no image name with a tag, as example.com/app:dev", n)
		}
	}
	return names, nil
}

// The parts of Docker's image format, version 1.2, that are used here:
// https://github.com/moby/docker-image-spec/blob/main/spec.md
type (
	manifest struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	config struct {
		Architecture string    `json:"architecture"`
		OS           string    `json:"os"`
		Created      time.Time `json:"created"`
		Config       runConfig `json:"config"`
		RootFS       rootFS    `json:"rootfs"`
		History      []history `json:"history"`
	}
	runConfig struct {
		User       string
		Env        []string
		Entrypoint []string
		Cmd        []string `json:",omitempty"`
	}
	rootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	}
	history struct {
		Created   time.Time `json:"created"`
		CreatedBy string    `json:"created_by"`
	}
)

// write writes the archive. The layer is made twice: its digest and size stand before it.
func (i image) write(w io.Writer) error {
	digest, size, err := measure(i.layer.write)
	if err != nil {
		return err
	}
	layerName := digest + ".tar"
	configText, err := json.Marshal(i.config(digest))
	if err != nil {
		return err
	}
	configName := fmt.Sprintf("%x.json", sha256.Sum256(configText))
	manifestText, err := json.Marshal([]manifest{{Config: configName, RepoTags: i.names, Layers: []string{layerName}}})
	if err != nil {
		return err
	}
	t := tar.NewWriter(w)
	if err := writeText(t, "manifest.json", manifestText); err != nil {
		return err
	}
	if err := writeText(t, configName, configText); err != nil {
		return err
	}
	if err := t.WriteHeader(header(layerName, size)); err != nil {
		return err
	}
	again := sha256.New()
	if err := i.layer.write(io.MultiWriter(t, again)); err != nil {
		return err
	}
	if fmt.Sprintf("%x", again.Sum(nil)) != digest {
		return errors.New("a file changed while it was packed: pack it again")
	}
	return t.Close()
}

func (i image) config(digest string) config {
	epoch := time.Unix(0, 0).UTC()
	return config{
		Architecture: i.architecture,
		OS:           "linux",
		Created:      epoch,
		Config: runConfig{
			User:       i.user,
			Env:        []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			Entrypoint: []string{i.entrypoint},
			Cmd:        i.cmd,
		},
		RootFS:  rootFS{Type: "layers", DiffIDs: []string{"sha256:" + digest}},
		History: []history{{Created: epoch, CreatedBy: "hack/image"}},
	}
}

// measure returns the SHA-256 in hexadecimal, and the size, of what write writes.
func measure(write func(io.Writer) error) (digest string, size int64, err error) {
	hash := sha256.New()
	count := counter{}
	if err := write(io.MultiWriter(hash, &count)); err != nil {
		return "", 0, err
	}
	return fmt.Sprintf("%x", hash.Sum(nil)), count.n, nil
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func writeText(t *tar.Writer, name string, text []byte) error {
	if err := t.WriteHeader(header(name, int64(len(text)))); err != nil {
		return err
	}
	_, err := t.Write(text)
	return err
}

func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size, ModTime: time.Unix(0, 0)}
}
