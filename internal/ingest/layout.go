package ingest

import (
	"slices"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/split"
)

// The most that a chunk's layout keeps. A chunk with more is so large that its first places will do.
const (
	maxHeadings = 32
	maxBoxes    = 128
)

// layout is what a citation tells of places within a chunk. The outline has reached the chunk's first
// character, and first is the path there. The text of a chunk of a table is not that of its place, so
// its headings stay out.
func layout(
	headings *outline, p int, page extract.Page, piece split.Chunk, first, title string,
) index.Layout {
	l := index.Layout{Slide: page.Slide}
	if utf8.RuneCountInString(piece.Text) == piece.End-piece.Start {
		if within := headings.within(p, piece.Start, piece.End, title); len(within) > 0 {
			l.Headings = append([]index.Heading{{Path: first}}, within...)
		}
	}
	l.Boxes = boxes(page.Lines, piece)
	return l
}

// boxes are the places of the lines that a chunk is of.
func boxes(lines []extract.Line, piece split.Chunk) (boxes []index.Box) {
	first, _ := slices.BinarySearchFunc(lines, piece.Start, func(l extract.Line, start int) int {
		return l.End - start - 1
	})
	for _, line := range lines[first:] {
		if line.Start >= piece.End || len(boxes) >= maxBoxes {
			break
		}
		for _, b := range line.Boxes[:min(len(line.Boxes), maxBoxes-len(boxes))] {
			boxes = append(boxes, b)
		}
	}
	return boxes
}

// within returns the headings that begin behind start and before end, relative to start, without going
// on to them: the next chunk may begin before them.
func (o *outline) within(page, start, end int, title string) []index.Heading {
	var found []index.Heading
	ahead := *o
	ahead.open = slices.Clone(o.open)
	for _, h := range o.pages[page].Headings[o.next:] {
		if h.Offset >= end || len(found) == maxHeadings {
			break
		}
		path := heading(ahead.at(page, h.Offset), title)
		if n := len(found); n > 0 && found[n-1].Offset == h.Offset-start {
			found[n-1].Path = path
			continue
		}
		found = append(found, index.Heading{Offset: h.Offset - start, Path: path})
	}
	return found
}
