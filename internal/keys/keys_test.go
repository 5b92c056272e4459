package keys

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestManifestKeys(t *testing.T) {
	secrets := map[string]map[string][]byte{
		"nvidia": {"token": []byte("  from-secret\n"), "NVIDIA_API_KEY": []byte("from-secret")},
	}
	environment := map[string]string{
		"NVIDIA_API_KEY": "from-environment", "HOME": "/home/me", "AWS_SECRET_ACCESS_KEY": "private", "EMPTY_API_KEY": "",
	}
	for _, c := range []struct {
		name      string
		ref       config.SecretKey
		want, err string
	}{
		{"a Secret of the files, trimmed", config.SecretKey{Name: "nvidia", Key: "token"}, "from-secret", ""},
		{"a Secret of the files wins over the environment",
			config.SecretKey{Name: "nvidia", Key: "NVIDIA_API_KEY"}, "from-secret", ""},
		{"a Secret of the files without the key is not replaced",
			config.SecretKey{Name: "nvidia", Key: "EMPTY_API_KEY"}, "", `Secret "nvidia" has no key "EMPTY_API_KEY"`},
		{"the environment for a Secret that no file has",
			config.SecretKey{Name: "other", Key: "NVIDIA_API_KEY"}, "from-environment", ""},
		{"no other variable of the environment",
			config.SecretKey{Name: "other", Key: "AWS_SECRET_ACCESS_KEY"}, "", `no file has Secret "other"`},
		{"no variable without the suffix", config.SecretKey{Name: "other", Key: "HOME"}, "", `no file has Secret "other"`},
		{"an empty variable",
			config.SecretKey{Name: "other", Key: "EMPTY_API_KEY"}, "", "EMPTY_API_KEY is not set in the environment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := ""
			keys := FromManifest(secrets, func(name string) string { asked += name + " "; return environment[name] })
			got, err := keys(&c.ref)()
			if got != c.want || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %q, error %v", got, err)
			}
			if asked != "" && !strings.HasSuffix(asked, "_API_KEY ") {
				t.Errorf("%s was looked up in the environment", asked)
			}
		})
	}
	if FromManifest(secrets, os.Getenv)(nil) != nil {
		t.Error("got a key for no reference")
	}
}

func TestMountedKeysAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "nvidia", "token")
	write := func(content string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keys := Mounted(dir)
	if keys(nil) != nil {
		t.Error("got a key for no reference")
	}
	key := keys(&config.SecretKey{Name: "nvidia", Key: "token"})
	if _, err := key(); err == nil || !strings.Contains(err.Error(), `key "token" of Secret "nvidia"`) {
		t.Errorf("a key that is not mounted: %v", err)
	}
	for _, content := range []string{"first", "second\n"} {
		write(content)
		if got, err := key(); err != nil || got != strings.TrimSpace(content) {
			t.Errorf("got %q, %v, want %q", got, err, content)
		}
	}
	write(strings.Repeat("x", maxBytes+1))
	if _, err := key(); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
		t.Errorf("a key without bound: %v", err)
	}
}

func TestClientKeysOfAFile(t *testing.T) {
	for _, c := range []struct {
		name, file string
		want       Clients
		err        string
	}{
		{"a line is a client", "alice=s3cret\nbob=two\n", Clients{"alice": {Token: "s3cret"}, "bob": {Token: "two"}}, ""},
		{"comments, empty lines and white space are ignored",
			"# who\n\n  alice=s3cret  \r\n", Clients{"alice": {Token: "s3cret"}}, ""},
		{"a token may hold an equals sign", "alice=b25l==", Clients{"alice": {Token: "b25l=="}}, ""},
		{"a line without a token", "alice=s3cret\nbob\n", nil, "line 2 is not name=token"},
		{"an empty token", "alice=\n", nil, "line 1 is not name=token"},
		{"an empty name", "=s3cret\n", nil, "line 1 is not name=token"},
		{"no client at all", "# nobody yet\n", nil, "has none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(path, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ClientsFile(path)()
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error shows a token: %v", err)
			}
		})
	}
	if _, err := ClientsFile("nowhere")(); err == nil {
		t.Error("a file that does not exist has keys")
	}
}

// The kubelet mounts a Secret as links into a directory whose name begins with dots, so that all
// entries change at once.
func TestClientKeysOfAMountedSecret(t *testing.T) {
	dir := t.TempDir()
	mount := func(version string, clients Clients) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, version), 0o700); err != nil {
			t.Fatal(err)
		}
		for name, client := range clients {
			if err := os.WriteFile(filepath.Join(dir, version, name), []byte(client.Token), 0o600); err != nil {
				t.Fatal(err)
			}
			_ = os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name)) // the link exists the second time
		}
		if err := os.Symlink(version, filepath.Join(dir, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	keys := MountedClients(dir)
	for version, want := range []Clients{{"alice": {Token: "one"}, "bob": {Token: "two"}}, {"alice": {Token: "three"}, "bob": {Token: "two"}}} {
		mount("..v"+string(rune('1'+version)), want)
		got, err := keys()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if _, err := MountedClients(filepath.Join(dir, "none"))(); err == nil {
		t.Error("a directory that does not exist has keys")
	}
}
