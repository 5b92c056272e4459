package extraction

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract"
)

var update = flag.Bool("update", false, "record how documents are read, if their readers have new versions")

// recorded has a line for each document: its name, a hash of how it is read, and the readers that took part.
const recorded = "testdata/readers.txt"

// TestAReaderThatReadsOtherwiseHasANewVersion compares how documents are read with how they were read when their
// readers got their versions. An index keeps what an old reader read until the version of the reader changes.
func TestAReaderThatReadsOtherwiseHasANewVersion(t *testing.T) {
	before := readRecorded(t)
	e := extract.New(extract.Options{CacheDir: extract.UserCache()})
	defer e.Close()
	var lines []string
	for _, file := range recordedFiles(t) {
		line := recordOf(t, e, file)
		name, now, _ := strings.Cut(line, " ")
		lines = append(lines, line)
		was, known := before[name]
		hash, readers, _ := strings.Cut(now, " ")
		oldHash, oldReaders, _ := strings.Cut(was, " ")
		switch {
		case now == was:
		case known && hash != oldHash && readers == oldReaders:
			t.Errorf("%s is read otherwise than before by the same readers (%s): raise the version of the one that changed"+
				" in internal/config/readers.go, then run go test ./test/extraction -update", name, readers)
		case !*update:
			t.Errorf("%s is not recorded as it is read by %s: run go test ./test/extraction -update", name, readers)
		}
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(recorded, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// readRecorded returns the lines of the record by document.
func readRecorded(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		lines[name] = rest
	}
	return lines
}

func recordedFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, pattern := range []string{filepath.Join(documents, "*"), filepath.Join("testdata", "cases", "*")} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	slices.Sort(files)
	return files
}

// recordOf reads a document, and returns its line.
func recordOf(t *testing.T, e *extract.Extractor, file string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.Extract(t.Context(), filepath.Base(file), data)
	if err != nil {
		d = &extract.Document{Title: err.Error()}
	}
	readers := d.Readers
	if d.Readers = ""; readers == "" {
		readers = "none" // the document is refused, and read again by any other version
	}
	read, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(read)
	return fmt.Sprintf("%s %s %s", filepath.Base(file), hex.EncodeToString(sum[:8]), readers)
}
