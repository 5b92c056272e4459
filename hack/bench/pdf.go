package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/extract/worker"
)

// pdf measures how fast PDFs are read: text, columns, headings and outline, on all cores as
// ingestion does it.
func (b *bench) pdf(ctx context.Context) error {
	files, err := b.readPDFs()
	if err != nil {
		return err
	}
	extractor, err := b.warmExtractor(ctx, files[0])
	if err != nil {
		return err
	}
	defer extractor.Close()
	var pages int
	rates := make([]float64, 3)
	for i := range rates {
		started := time.Now()
		texts, err := extractAll(ctx, extractor, files)
		if err != nil {
			return err
		}
		pages = len(texts)
		rates[i] = float64(pages) / time.Since(started).Seconds()
	}
	b.pageRate = median(rates)
	b.report.add("PDF", row{what: fmt.Sprintf("%d pages of %d PDFs, PDFium's compilation cached", pages, len(files)),
		value: b.pageRate, unit: "pages/s"})
	return nil
}

type file struct {
	name string
	data []byte
}

func (b *bench) readPDFs() ([]file, error) {
	dir, err := b.pdfDirectory()
	if err != nil {
		return nil, err
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.pdf"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("-pdfs %s: it holds no *.pdf", dir)
	}
	files := make([]file, len(paths))
	for i, path := range paths {
		files[i].name = filepath.Base(path)
		if files[i].data, err = os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// warmExtractor is an extractor whose workers run and have compiled PDFium.
func (b *bench) warmExtractor(ctx context.Context, f file) (*worker.Pool, error) {
	if err := b.build(ctx); err != nil {
		return nil, err
	}
	extractor := worker.New(worker.Options{Command: []string{b.binary, "extract-worker", "--cache", b.path("pdfium")}})
	if _, err := extractAll(ctx, extractor, []file{f, f}); err != nil {
		extractor.Close()
		return nil, err
	}
	return extractor, nil
}

// pdfPages is the text of the PDFs' pages.
func (b *bench) pdfPages(ctx context.Context) ([]string, error) {
	files, err := b.readPDFs()
	if err != nil {
		return nil, err
	}
	extractor, err := b.warmExtractor(ctx, files[0])
	if err != nil {
		return nil, err
	}
	defer extractor.Close()
	return extractAll(ctx, extractor, files)
}

func extractAll(ctx context.Context, extractor *worker.Pool, files []file) ([]string, error) {
	documents := make([]*extract.Document, len(files))
	group, ctx := errgroup.WithContext(ctx)
	for i, f := range files {
		group.Go(func() (err error) {
			if documents[i], err = extractor.Extract(ctx, f.name, f.data); err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var pages []string
	for _, d := range documents {
		for _, p := range d.Pages {
			pages = append(pages, p.Text)
		}
	}
	return pages, nil
}
