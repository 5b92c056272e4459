package office

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// page reads a slide of a presentation, or a page of a drawing.
func (r *odfReader) page(d *document.Document, n *node) error {
	number := len(d.Pages) + 1
	if number > maxSlides {
		return config.Failf(config.TooComplex, "the presentation shows more than %d slides: split it", maxSlides)
	}
	r.pictures = 0
	shapes := r.pageShapes(n)
	if len(shapes) == 0 && r.pictures > 0 {
		r.images = append(r.images, "slide "+strconv.Itoa(number))
	}
	out := &document.Flow{Context: r.ctx, Limit: r.limit}
	w := document.BlockWriter{Out: out}
	for _, s := range readingOrder(shapes) {
		if err := w.WriteAll(s.blocks); err != nil {
			return err
		}
	}
	notes := r.notes(n.child("notes"))
	if err := w.WriteAll(append(r.running(n), notes...)); err != nil {
		return err
	}
	var comments []document.Block
	for comment := range n.elements("annotation") {
		comments = append(comments, r.annotation(comment)...)
	}
	if err := w.WriteLast(comments); err != nil {
		return err
	}
	slide := out.Page(number)
	slide.Slide = true
	d.Pages = append(d.Pages, slide)
	return r.err
}

// notes are the speaker notes of a slide.
func (r *odfReader) notes(n *node) []document.Block {
	var notes []document.Block
	for shape := range n.orEmpty().elements("frame") {
		switch shape.attr("class") {
		case "header", "footer", "date-time", "page-number":
		default:
			notes = append(notes, r.anchored(shape)...)
		}
	}
	if len(notes) > 0 {
		notes[0].Text = "Notes: " + notes[0].Text
	}
	return notes
}

// masterShapes are the elements that a master draws text with.
var masterShapes = []string{"frame", "custom-shape", "rect", "ellipse", "g"}

// running are the lines that a slide takes from its master, and those that it shows in their places: each once.
func (r *odfReader) running(page *node) []document.Block {
	var all []document.Block
	master := page.attr("master-page-name")
	for _, shape := range r.masters[master] {
		if shape.attr("class") == "" && slices.Contains(masterShapes, shape.name) {
			all = append(all, r.anchored(shape)...)
		}
	}
	delete(r.masters, master) // the next slide would show nothing new of it
	for _, use := range []string{"use-header-name", "use-footer-name", "use-date-time-name"} {
		all = append(all, document.Block{Text: r.declared[page.attr(use)]})
	}
	return slices.DeleteFunc(all, func(b document.Block) bool {
		text := document.OneLineOf([]document.Block{b})
		shown := r.shown[text]
		r.shown[text] = true
		return shown || text == ""
	})
}

// pageShapes are the shapes of a page or a group that hold text.
func (r *odfReader) pageShapes(parent *node) []slideShape {
	var shapes []slideShape
	for _, n := range parent.children {
		switch n.name {
		case "", "notes", "annotation", "forms", "title", "desc":
			continue
		}
		var s slideShape
		if n.name == "g" {
			s = joinedShapes(area{}, r.pageShapes(n))
			s.blocks = append(s.blocks, alternativeText(n.at("title").content(), n.at("desc").content())...)
		} else {
			s = slideShape{area: odfArea(n), blocks: r.anchored(n)}
			if title := document.OneLineOf(s.blocks); title != "" && n.attr("class") == "title" {
				s.title = true
				s.blocks = []document.Block{{Kind: document.HeadingBlock, Level: 1, Text: title}}
			}
		}
		if len(s.blocks) > 0 {
			shapes = append(shapes, s)
		}
	}
	return shapes
}

var translation = regexp.MustCompile(`translate ?\(([^ ,)]+)[ ,]+([^ ,)]+)\)`)

// odfArea is the place of a shape, in hundredths of a millimetre.
func odfArea(n *node) area {
	x, okX := length(n.attr("x"))
	y, okY := length(n.attr("y"))
	if moved := translation.FindStringSubmatch(n.attr("transform")); moved != nil { // of shapes that are turned
		x, okX = length(moved[1])
		y, okY = length(moved[2])
	}
	if !okX || !okY {
		return area{}
	}
	width, _ := length(n.attr("width"))
	height, _ := length(n.attr("height"))
	return area{known: true, left: x, top: y, right: x + max(width, 0), bottom: y + max(height, 0)}
}

// length reads a length such as 2.5cm.
func length(s string) (hundredths int, ok bool) {
	for unit, size := range map[string]float64{"cm": 1000, "mm": 100, "in": 2540, "pt": 2540.0 / 72, "pc": 2540.0 / 6} {
		if value, found := strings.CutSuffix(s, unit); found {
			n, err := strconv.ParseFloat(value, 64)
			if err == nil && n > -1e6 && n < 1e6 {
				return int(n * size), true
			}
		}
	}
	return 0, false
}
