package ingest

import "github.com/ragpipeline/ragpipeline/internal/extract"

// outline tells the heading path of ascending places in a document, as extract.Document's HeadingPath does for
// any place. It passes each heading once: a document of a hundred thousand headings has as many chunks.
type outline struct {
	pages []extract.Page
	page  int // of the next heading
	next  int // heading in that page
	open  []extract.Heading
}

// at returns the headings that hold at an offset of a page, outermost first. Neither may be before the last.
func (o *outline) at(page, offset int) []string {
	for ; o.page < page; o.page, o.next = o.page+1, 0 {
		o.enter(len(o.pages[o.page].Headings))
		if o.pages[o.page+1].Slide {
			o.open = nil
		}
	}
	headings, n := o.pages[page].Headings, o.next
	for n < len(headings) && headings[n].Offset <= offset {
		n++
	}
	o.enter(n)
	path := make([]string, len(o.open))
	for i, h := range o.open {
		path[i] = h.Text
	}
	return path
}

// enter passes the page's headings up to n. A heading ends those of its level and lower.
func (o *outline) enter(n int) {
	for ; o.next < n; o.next++ {
		h := o.pages[o.page].Headings[o.next]
		for len(o.open) > 0 && o.open[len(o.open)-1].Level >= h.Level {
			o.open = o.open[:len(o.open)-1]
		}
		o.open = append(o.open, h)
	}
}
