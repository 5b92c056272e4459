package main

import (
	"context"
	"errors"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/split"
)

// splitInput is one of the three shapes of text that splitting is measured on.
type splitInput struct {
	Name  string   `json:"name"`
	Texts []string `json:"texts"`
}

// splitInputs are the pages of the PDFs, prose, and one long paragraph.
func (b *bench) splitInputs(ctx context.Context) ([]splitInput, error) {
	if b.inputs != nil {
		return b.inputs, nil
	}
	pages, err := b.pdfPages(ctx)
	if err != nil {
		return nil, err
	}
	b.inputs = []splitInput{
		{"PDF text", pages},
		{"prose", []string{prose(4 * megabyte)}},
		{"one long paragraph", []string{paragraph(1 * megabyte)}},
	}
	return b.inputs, nil
}

// splitting measures how fast text is cut, in MB of UTF-8 a second, on one core.
func (b *bench) splitting(ctx context.Context) error {
	inputs, err := b.splitInputs(ctx)
	if err != nil {
		return err
	}
	splitter, err := split.New(generation.Chunking)
	if err != nil {
		return err
	}
	b.splitRates = map[string]float64{}
	for _, input := range inputs {
		size := 0
		for _, text := range input.Texts {
			size += len(text)
		}
		if size == 0 {
			return errors.New("the PDFs have no text: name others with -pdfs")
		}
		rates := make([]float64, 5)
		for i := range rates {
			started := time.Now()
			for _, text := range input.Texts {
				splitter.Split(text)
			}
			rates[i] = float64(size) / megabyte / time.Since(started).Seconds()
		}
		b.splitRates[input.Name] = median(rates)
		b.report.add("Splitting", row{what: input.Name, value: median(rates), unit: "MB/s"})
	}
	return nil
}
