package index

import (
	"encoding/json"
	"math"
)

// Layout is what is known of places within a chunk's text, for citations. It decides nothing else: a
// chunk whose layout changes is the same. The zero value knows nothing, as of chunks that an earlier
// version wrote.
type Layout struct {
	// Headings are those of the parts of a text that has several, in order. The first is at 0, and each
	// holds until the next.
	Headings []Heading `json:"headings,omitempty"`
	// Slide reports whether Page counts slides.
	Slide bool `json:"slide,omitempty"`
	// Boxes are where the lines of the text stand on their page of a PDF, in their order in the text. A
	// line that the chunk has a part of is among them whole.
	Boxes []Box `json:"boxes,omitempty"`
}

// Heading is a heading path that holds from a place of a chunk's text.
type Heading struct {
	Offset int    `json:"at"`   // counts code points of the text
	Path   string `json:"path"` // is joined by " > "
}

// Box is a rectangle on a page of a PDF, in the page's own coordinates: points of 1/72 inch, x to the
// right and y up from the origin of the page's space, before the page is rotated for display.
type Box [4]float64 // left, bottom, right, top

// MarshalJSON writes tenths of points, which is as exact as anybody marks a passage.
func (b Box) MarshalJSON() ([]byte, error) {
	var tenths [4]float64
	for i, v := range b {
		tenths[i] = math.Round(v*10) / 10
	}
	return json.Marshal(tenths)
}

// Encode returns the layout as stores keep it; empty for the zero value.
func (l Layout) Encode() (string, error) {
	if len(l.Headings) == 0 && len(l.Boxes) == 0 && !l.Slide {
		return "", nil
	}
	b, err := json.Marshal(l)
	return string(b), err
}

// DecodeLayout reads what Encode returned.
func DecodeLayout(stored string) (l Layout, err error) {
	if stored != "" {
		err = json.Unmarshal([]byte(stored), &l)
	}
	return l, err
}
