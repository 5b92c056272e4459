package document

// HeadingPath is the headings that hold at a place, outermost first: the page by its index in Pages, the
// offset in code points into that page's text. A heading holds until one of its level or higher follows, on
// later pages too, but the title of a slide is that of no other. A page index past the end, like one below zero, has no
// headings.
func (d *Document) HeadingPath(page, offset int) []string {
	if page < 0 || page >= len(d.Pages) {
		return nil
	}
	var open []Heading
	for i := range d.Pages[:page+1] {
		if d.Pages[i].Slide {
			open = nil
		}
		for _, h := range d.Pages[i].Headings {
			if i == page && h.Offset > offset {
				break
			}
			open = append(closeAt(open, h.Level), h)
		}
	}
	path := make([]string, len(open))
	for i, h := range open {
		path[i] = h.Text
	}
	return path
}

// closeAt drops the headings that end where one of this level begins.
func closeAt(open []Heading, level int) []Heading {
	for len(open) > 0 && open[len(open)-1].Level >= level {
		open = open[:len(open)-1]
	}
	return open
}
