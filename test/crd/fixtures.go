// Package crd holds the fixtures of the CRD's rules and bounds: manifests under testdata that are
// accepted, refused, or accepted or refused as an update. Two readers must agree on each:
// internal/manifest, and a real API server.
package crd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Fixture is a file of testdata.
type Fixture struct {
	Name string // of the file, without its directory
	File string
	// Objects are the file's YAML documents: one, or for an update the object before and after.
	Objects [][]byte
	// Error is what the error of a refused fixture must hold: the file begins with "# error: " and
	// these words.
	Error string
}

// Fixtures reads the directory testdata/kind, where testdata is the path to this package's. It
// fails the test when there are none, or when a refused one does not say its error.
func Fixtures(t testing.TB, testdata, kind string) []Fixture {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testdata, kind, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures in %s/%s: %v", testdata, kind, err)
	}
	fixtures := make([]Fixture, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fixtures[i] = Fixture{Name: filepath.Base(file), File: file, Objects: bytes.Split(text, []byte("\n---\n"))}
		if strings.HasSuffix(kind, "refused") {
			first, _, _ := strings.Cut(string(text), "\n")
			words, ok := strings.CutPrefix(first, "# error: ")
			if !ok || words == "" {
				t.Fatalf("%s does not begin with # error: and the words", file)
			}
			fixtures[i].Error = words
		}
	}
	return fixtures
}
