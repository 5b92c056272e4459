package dataplane

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// compiledReader is a directory with the compiled PDF reader. To compile it takes the binary seconds, and most of a
// minute under the race detector, so it is made by one run for all tests, while others go on.
var compiledReader = sync.OnceValues(func() (cache string, err error) {
	path, err := binary()
	if err != nil {
		return "", err
	}
	home := filepath.Join(filepath.Dir(path), "reader")
	documents := filepath.Join(home, "documents")
	if err := os.MkdirAll(documents, 0o755); err != nil {
		return "", err
	}
	page := pdftest.Document{Pages: []pdftest.Page{{Columns: []string{"A page."}}}}.Bytes()
	if err := os.WriteFile(filepath.Join(documents, "page.pdf"), page, 0o600); err != nil {
		return "", err
	}
	spec := filepath.Join(home, "pipeline.yaml")
	if err := os.WriteFile(spec, []byte(pipeline(volume, standIns)), 0o600); err != nil {
		return "", err
	}
	data := filepath.Join(home, "data")
	if out, err := exec.Command(path, "run", "-f", spec, "--documents", documents, "--data", data, "--ask", "?").CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the PDF reader: %w\n%s", err, out)
	}
	return filepath.Join(data, "cache"), nil
})

// withReader is an empty data directory with the compiled PDF reader of all tests.
func withReader(t *testing.T) string {
	t.Helper()
	cache, err := compiledReader()
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	if err := os.Symlink(cache, filepath.Join(data, "cache")); err != nil {
		t.Fatal(err)
	}
	return data
}
