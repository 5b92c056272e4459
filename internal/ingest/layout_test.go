package ingest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

// A chunk over several headings knows where each begins, though the next chunk begins before some of them.
func TestChunksKnowThePlacesWithinThem(t *testing.T) {
	splitter, err := split.New(config.Chunking{Size: 40, Overlap: 20, Unit: config.Characters})
	if err != nil {
		t.Fatal(err)
	}
	r := &run{Options: Options{Splitter: splitter}, ids: newIDs(config.Pipeline{Name: "p"})}
	r.Config.Limits.Chunks = config.DefaultChunks
	d := &document{job: job{id: "docs/a.pdf", origin: &origin{name: "docs"}}}
	box := func(y float64) [][4]float64 { return [][4]float64{{72, y, 300, y + 10}} }
	text := &extract.Document{Pages: []extract.Page{{
		Number: 1, Text: "é leave\n\nTaxi\n\nAt night\n\nTrain\n\nSecond\n\nHotel\n\nThree stars", Slide: true,
		Headings: []extract.Heading{
			{Offset: 9, Level: 1, Text: "Taxi"}, {Offset: 25, Level: 1, Text: "Train"}, {Offset: 40, Level: 2, Text: "Hotel"}},
		Lines: []extract.Line{
			{Start: 0, End: 7, Boxes: box(700)}, {Start: 9, End: 13, Boxes: box(680)}, {Start: 47, End: 58, Boxes: box(600)}},
	}}}
	chunks, err := r.chunks(t.Context(), d, text)
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Text, Heading string
		Layout        index.Layout
	}
	var got []seen
	for _, c := range chunks {
		got = append(got, seen{c.Text, c.Heading, c.Layout})
	}
	want := []seen{
		{"é leave\n\nTaxi\n\nAt night\n\nTrain\n\nSecond", "", index.Layout{Slide: true,
			Headings: []index.Heading{{}, {Offset: 9, Path: "Taxi"}, {Offset: 25, Path: "Train"}},
			Boxes:    []index.Box{{72, 700, 300, 710}, {72, 680, 300, 690}}}},
		{"Train\n\nSecond\n\nHotel\n\nThree stars", "Train", index.Layout{Slide: true,
			Headings: []index.Heading{{Path: "Train"}, {Offset: 15, Path: "Train > Hotel"}},
			Boxes:    []index.Box{{72, 600, 300, 610}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("chunks (-want +got):\n%s", diff)
	}
}
