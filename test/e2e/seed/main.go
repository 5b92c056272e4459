// Command seed fills a volume for the tests: the image has no shell to do it with.
//
//	seed DIR PDFS TEXTS [CODE [NOTES]]   writes so many PDF and Markdown documents, the latter of so many notes (1),
//	                                     removes the others that it once wrote, and ends with that exit code
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "seed:", err)
	}
	os.Exit(code)
}

func run(args []string) (code int, err error) {
	if len(args) < 3 || len(args) > 5 {
		return 1, fmt.Errorf("want DIR PDFS TEXTS [CODE [NOTES]], got %q", args)
	}
	numbers := []int{0, 0, 0, 1} // PDFs, texts, the exit code, notes a text
	for i, arg := range args[1:] {
		if numbers[i], err = strconv.Atoi(arg); err != nil {
			return 1, err
		}
	}
	writeText := func(path string, n int) error { return writeNotes(path, n, numbers[3]) }
	for i, kind := range []struct {
		name  string
		write func(path string, n int) error
	}{{"paper-%d.pdf", writePDF}, {"note-%d.md", writeText}} {
		path := func(n int) string { return filepath.Join(args[0], fmt.Sprintf(kind.name, n)) }
		for n := range numbers[i] {
			if err := kind.write(path(n), n); err != nil {
				return 1, err
			}
		}
		for n := numbers[i]; os.Remove(path(n)) == nil; n++ {
		}
	}
	return numbers[2], nil
}

func writePDF(path string, n int) error {
	text := fmt.Sprintf("# Paper %d\n\nThe turbine of plant %d turns %d times a minute, and is inspected in winter.", n, n, 1000+n)
	document := pdftest.Document{Title: fmt.Sprintf("Paper %d", n), Pages: []pdftest.Page{{Columns: []string{text}}}}
	return os.WriteFile(path, document.Bytes(), 0o644)
}

// writeNotes writes document n, whose notes are numbered on from those of the documents before.
func writeNotes(path string, n, notes int) error {
	var text strings.Builder
	for i := n * notes; i < (n+1)*notes; i++ {
		if i == n*notes {
			fmt.Fprintf(&text, "# Note %d\n\n", n)
		}
		fmt.Fprintf(&text, "Valve V%d is made of steel grade S%d. It opens at %d bar and is checked every %d days.\n",
			i, i*7, i%90+1, i%360+1)
	}
	return os.WriteFile(path, []byte(text.String()), 0o644)
}
