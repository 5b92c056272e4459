package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/extract/pdftest"
)

// BenchmarkPDF reads PDFs in this process, from the directory given as -samples or, without it, one of 50 pages in two
// columns.
func BenchmarkPDF(b *testing.B) {
	var documents [][]byte
	if *samples == "" {
		documents = append(documents, fiftyPages())
	} else {
		for _, file := range samplePDFs(b) {
			data, err := os.ReadFile(filepath.Clean(file))
			if err != nil {
				b.Fatal(err)
			}
			documents = append(documents, data)
		}
	}
	pages := 0
	for _, d := range documents { // starts PDFium, so that starting is not measured
		got, err := shared.Extract(b.Context(), "a.pdf", d)
		if err != nil {
			b.Fatal(err)
		}
		pages += len(got.Pages)
	}
	for b.Loop() {
		for _, d := range documents {
			if _, err := shared.Extract(b.Context(), "a.pdf", d); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(pages*b.N)/b.Elapsed().Seconds(), "pages/s")
}

func fiftyPages() []byte {
	column := strings.Repeat(prose, 15)
	d := pdftest.Document{Pages: make([]pdftest.Page, 50)}
	for i := range d.Pages {
		d.Pages[i].Columns = []string{"# A heading\n" + column, column}
	}
	return d.Bytes()
}

// BenchmarkMarkdown reads 10,000 sections.
func BenchmarkMarkdown(b *testing.B) {
	data := []byte(strings.Repeat("## A heading, *emphasised*\n\n"+prose+"\n\n", 10_000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := shared.Extract(b.Context(), "a.md", data); err != nil {
			b.Fatal(err)
		}
	}
}
