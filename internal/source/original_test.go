package source

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// A document is found again by its path and the hash of the version that was listed, with its sidecar
// and without one.
func TestOriginalIsTheVersionWithTheHash(t *testing.T) {
	dir := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a/plain.md", "plain")
	write("b.md", "paired")
	write("b.md.metadata.json", `{"metadataAttributes": {"team": "x"}}`)
	write("\u00e9.md", "named in two forms")
	write("e\u0301.md.metadata.json", `{"metadataAttributes": {"team": "x"}}`)
	c := config.Source{Name: "docs", Directory: &config.Directory{Path: dir}}
	s, err := New(c, Resolvers{})
	if err != nil || !OpensUnlisted(c) {
		t.Fatal(err)
	}
	hashes := map[string]string{}
	err = s.List(t.Context(), func(e Entry) bool {
		content, err := Read(t.Context(), s, e, 100)
		if err != nil {
			t.Fatal(err)
		}
		hashes[e.Path] = content.Hash()
		return true
	})
	if err != nil || len(hashes) != 3 {
		t.Fatal(hashes, err)
	}
	for path, want := range map[string]string{"a/plain.md": "plain", "b.md": "paired", "\u00e9.md": "named in two forms"} {
		got, err := Original(t.Context(), s, path, hashes[path], 100)
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
		if _, err := Original(t.Context(), s, path, hashes[path], 3); err == nil {
			t.Errorf("%s is larger than allowed, and was read", path)
		}
		if _, err := Original(t.Context(), s, path, strings.Repeat("0", 64), 100); !errors.Is(err, ErrOtherVersion) {
			t.Errorf("%s has another hash: %v", path, err)
		}
	}
	write("b.md.metadata.json", `{"metadataAttributes": {"team": "y"}}`)
	if _, err := Original(t.Context(), s, "b.md", hashes["b.md"], 100); !errors.Is(err, ErrOtherVersion) {
		t.Errorf("its sidecar has changed: %v", err)
	}
	if _, err := Original(t.Context(), s, "../secret", hashes["b.md"], 100); err == nil {
		t.Error("a path leads out of the source")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Original(ended, s, "b.md", hashes["b.md"], 100); !errors.Is(err, context.Canceled) {
		t.Errorf("its context has ended: %v", err)
	}
}
