package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// image is a layer and how to run it.
type image struct {
	layer        []byte // a tarball
	names        []string
	architecture string
	user         string
	entrypoint   string
	cmd          []string
}

// nameForm is a repository, with the registry's host if it has one, and a tag.
var nameForm = regexp.MustCompile(
	`^[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9][a-z0-9._-]*)*:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

func parseNames(list string) ([]string, error) {
	names := split(list)
	if len(names) == 0 {
		return nil, errors.New("-name is missing: an image needs a name, as example.com/app:dev")
	}
	for _, n := range names {
		if !nameForm.MatchString(n) {
			return nil, fmt.Errorf("%q is not a valid image name with a tag, as example.com/app:dev", n)
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

// archive returns the image with its names as one tarball.
func (i image) archive() ([]byte, error) {
	configText, err := json.Marshal(i.config())
	if err != nil {
		return nil, err
	}
	m := manifest{Config: digest(configText) + ".json", RepoTags: i.names, Layers: []string{digest(i.layer) + ".tar"}}
	manifestText, err := json.Marshal([]manifest{m})
	if err != nil {
		return nil, err
	}
	var tarball bytes.Buffer
	t := tar.NewWriter(&tarball)
	err = errors.Join(
		writeFile(t, "manifest.json", 0o644, manifestText),
		writeFile(t, m.Config, 0o644, configText),
		writeFile(t, m.Layers[0], 0o644, i.layer),
		t.Close())
	return tarball.Bytes(), err
}

func (i image) config() config {
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
		RootFS:  rootFS{Type: "layers", DiffIDs: []string{"sha256:" + digest(i.layer)}},
		History: []history{{Created: epoch, CreatedBy: "hack/image"}},
	}
}

// digest is the SHA-256 in hexadecimal.
func digest(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
