package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// program builds a static Linux binary, the smallest there is here.
func program(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pause")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", file, "../cluster/pause")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func certificates(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(file, []byte("certificates"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// pack runs the command and returns the archive.
func pack(t *testing.T, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out.tar")
	if err := run(append([]string{"-o", out}, args...), io.Discard); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type file struct {
	tar.Header
	content []byte
}

func read(t *testing.T, archive []byte) map[string]file {
	t.Helper()
	if !bytes.HasSuffix(archive, make([]byte, 1024)) {
		t.Fatal("the archive lacks the two blocks that end a tarball")
	}
	files := map[string]file{}
	r := tar.NewReader(bytes.NewReader(archive))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = file{*h, content}
	}
}

func TestAnArchiveHoldsManifestConfigAndLayer(t *testing.T) {
	files := read(t, pack(t, "-name", "example.com/a:1,example.com/b:2", "-cmd", "--port,8080", "-ca", certificates(t), program(t)+"=/bin/pause"))
	var manifests []manifest
	if err := json.Unmarshal(files["manifest.json"].content, &manifests); err != nil || len(manifests) != 1 {
		t.Fatalf("%d manifests, %v", len(manifests), err)
	}
	m := manifests[0]
	if diff := cmp.Diff([]string{"example.com/a:1", "example.com/b:2"}, m.RepoTags); diff != "" {
		t.Error(diff)
	}
	var c config
	if err := json.Unmarshal(files[m.Config].content, &c); err != nil {
		t.Fatal(err)
	}
	if c.Architecture != "arm64" || c.OS != "linux" {
		t.Errorf("for %s/%s", c.OS, c.Architecture)
	}
	if diff := cmp.Diff(runConfig{User: "65532:65532", Env: c.Config.Env, Entrypoint: []string{"/bin/pause"}, Cmd: []string{"--port", "8080"}}, c.Config); diff != "" {
		t.Error(diff)
	}
	layer := files[m.Layers[0]]
	if want := fmt.Sprintf("sha256:%x", sha256.Sum256(layer.content)); len(c.RootFS.DiffIDs) != 1 || c.RootFS.DiffIDs[0] != want {
		t.Errorf("layers %s, want %s", c.RootFS.DiffIDs, want)
	}
}

func TestALayerHoldsWhatAProgramWithoutABaseNeeds(t *testing.T) {
	files := read(t, pack(t, "-layer", "-ca", certificates(t), program(t)+"=/bin/pause"))
	got := map[string]string{}
	for name, f := range files {
		got[name] = fmt.Sprintf("%04o %d", f.Mode, f.Uid)
		if f.ModTime.Unix() != 0 {
			t.Errorf("%s carries the time %s", name, f.ModTime)
		}
	}
	want := map[string]string{
		"tmp/": "1777 0", "etc/": "0755 0", "etc/passwd": "0644 0", "etc/group": "0644 0", "etc/ssl/": "0755 0", "etc/ssl/certs/": "0755 0",
		"etc/ssl/certs/ca-certificates.crt": "0644 0", "bin/": "0755 0", "bin/pause": "0755 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if string(files["etc/ssl/certs/ca-certificates.crt"].content) != "certificates" {
		t.Error("other certificates than those named")
	}
}

func TestTheSameInputsMakeTheSameBytes(t *testing.T) {
	args := []string{"-name", "example.com/a:1", "-ca", certificates(t), program(t) + "=/pause"}
	if !bytes.Equal(pack(t, args...), pack(t, args...)) {
		t.Error("two archives differ")
	}
}

func TestWhatCannotRunOrBeNamedIsRefused(t *testing.T) {
	static := program(t)
	text := certificates(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"nothing to pack":                 {[]string{"-name", "a:1"}, "nothing to pack"},
		"no place":                        {[]string{"-name", "a:1", static}, "not FILE=PATH"},
		"a relative place":                {[]string{"-name", "a:1", static + "=bin/app"}, "not FILE=PATH"},
		"a place outside":                 {[]string{"-name", "a:1", static + "=/../app"}, "not FILE=PATH"},
		"no name":                         {[]string{static + "=/app"}, "-name is missing"},
		"a name without a tag":            {[]string{"-name", "example.com:5000/a", static + "=/app"}, "not a valid image name"},
		"a name in upper case":            {[]string{"-name", "Example:1", static + "=/app"}, "not a valid image name"},
		"a file that is no binary":        {[]string{"-name", "a:1", text + "=/app"}, "not a Linux binary"},
		"certificates that are not there": {[]string{"-name", "a:1", "-ca", text + ".missing", static + "=/app"}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.tar")
			err := run(append([]string{"-o", out, "-ca", text}, test.args...), io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v does not hold %q", err, test.want)
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(out), "*")); len(left) > 0 {
				t.Errorf("left behind: %s", left)
			}
		})
	}
}
