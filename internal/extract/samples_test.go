package extract

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
)

// The benchmark and the survey read PDFs from outside the repository: go test -run Samples -v -args -samples DIR.
var samples = flag.String("samples", "", "directory of PDFs for BenchmarkSamples and TestSamples")

func samplePDFs(tb testing.TB) []string {
	if *samples == "" {
		tb.Skip("no -samples directory given")
	}
	files, err := filepath.Glob(filepath.Join(*samples, "*.pdf"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no PDFs in %s: %v", *samples, err)
	}
	return files
}

// TestSamples shows what becomes of real PDFs; each is text or a named failure.
func TestSamples(t *testing.T) {
	e := New(Options{CacheDir: UserCache()})
	defer e.Close()
	for _, file := range samplePDFs(t) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := e.Extract(t.Context(), filepath.Base(file), data)
		if err != nil {
			t.Logf("%s: %v", filepath.Base(file), err)
			continue
		}
		t.Logf("%s: title %q, %d pages", filepath.Base(file), d.Title, len(d.Pages))
		for _, p := range d.Pages {
			for _, h := range p.Headings {
				t.Logf("  %3d %5d %d %s", p.Number, h.Offset, h.Level, h.Text)
			}
			if os.Getenv("SHOWTEXT") != "" {
				t.Logf("%s", p.Text)
			}
		}
	}
}
