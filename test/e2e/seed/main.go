// Command seed fills a volume for the tests: the image has no shell to do it with.
//
//	seed DIR PDFS TEXTS [CODE]   writes so many PDF and Markdown documents, removes the others that it once wrote, and
//	                             ends with that exit code
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

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
	if len(args) != 3 && len(args) != 4 {
		return 1, fmt.Errorf("want DIR PDFS TEXTS [CODE], got %q", args)
	}
	if len(args) == 4 {
		if code, err = strconv.Atoi(args[3]); err != nil {
			return 1, err
		}
	}
	for i, kind := range []struct {
		name  string
		write func(path string, n int) error
	}{{"paper-%d.pdf", writePDF}, {"note-%d.md", writeText}} {
		count, err := strconv.Atoi(args[i+1])
		if err != nil {
			return 1, err
		}
		path := func(n int) string { return filepath.Join(args[0], fmt.Sprintf(kind.name, n)) }
		for n := range count {
			if err := kind.write(path(n), n); err != nil {
				return 1, err
			}
		}
		for n := count; os.Remove(path(n)) == nil; n++ {
		}
	}
	return code, nil
}

func writePDF(path string, n int) error {
	text := fmt.Sprintf("# Paper %d\n\nThe turbine of plant %d turns %d times a minute, and is inspected in winter.", n, n, 1000+n)
	document := pdftest.Document{Title: fmt.Sprintf("Paper %d", n), Pages: []pdftest.Page{{Columns: []string{text}}}}
	return os.WriteFile(path, document.Bytes(), 0o644)
}

func writeText(path string, n int) error {
	text := fmt.Sprintf("# Note %d\n\nValve V%d is made of steel grade S%d. It opens at %d bar and is checked every %d days.\n", n, n, n*7, n%90+1, n%360+1)
	return os.WriteFile(path, []byte(text), 0o644)
}
