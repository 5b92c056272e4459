package pdf

import (
	"image"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/requests"
)

// What a page paints decides whether its text is seen: boxes and pictures over or under it.

// Bounds on what is looked at of a page's objects, each of which costs calls into PDFium.
const (
	maxCovers   = 60  // from the end: what covers text comes after it
	maxPictures = 500 // a scan is one image, or many strips of it
)

// cover is a box or a picture that leaves nothing to be seen of what was drawn before it.
type cover struct {
	box     rect
	paint   colour // of a box
	painted bool   // reports whether it is a box
	later   []rect // what text was drawn after it
}

// isOver reports whether text in a box was drawn before the cover.
func (c cover) isOver(box rect) bool {
	for _, text := range c.later {
		if text.holds(box) {
			return false
		}
	}
	return true
}

// covers finds the opaque shapes among the last objects of a page. Lines and dots cover nothing. A picture of half of
// the page is a scan, under which some programs put its text.
func (t *pdfText) covers(paper rect) []cover {
	count := t.direct.count(pageObjects, t.shown)
	var covers []cover
	var texts []address
	var later []rect
	for i := count - 1; i >= max(count-maxCovers, 0); i-- {
		object, kind, ok := t.direct.object(pageObject, t.shown, i)
		if !ok {
			continue
		}
		if kind == enums.FPDF_PAGEOBJ_TEXT {
			texts = append(texts, object)
			continue
		}
		c, ok := t.coverOf(object, kind)
		if !ok || !c.painted && c.box.area() > paper.area()/2 {
			continue
		}
		for _, text := range texts[len(later):] {
			box, _ := t.direct.bounds(text)
			later = append(later, box)
		}
		c.later = later
		covers = append(covers, c)
	}
	return covers
}

// coverOf is the object as a cover, if it is one.
func (t *pdfText) coverOf(object address, kind enums.FPDF_PAGEOBJ) (c cover, ok bool) {
	const least = 4 // points, of a box that hides a character
	if kind != enums.FPDF_PAGEOBJ_PATH && kind != enums.FPDF_PAGEOBJ_IMAGE {
		return c, false
	}
	if c.box, ok = t.direct.bounds(object); !ok || min(c.box.width(), c.box.height()) < least {
		return c, false
	}
	if kind == enums.FPDF_PAGEOBJ_PATH {
		fill, ok := t.direct.fill(objectFillColour, object, whole)
		if !ok || fill.a != 255 || !t.direct.isFilled(object) {
			return c, false
		}
		c.painted, c.paint = true, fill
	}
	return c, t.direct.isOpaque(object)
}

// notOnPictures are the words that no picture shows.
func (t *pdfText) notOnPictures(words []pdfWord, paper rect) []pdfWord {
	pictures := t.pictures()
	covered := 0.0
	for _, p := range pictures {
		covered += p.area()
	}
	if covered > paper.area()/2 {
		return nil // the page is a scan
	}
	const stamp = 20 // a picture of less than a twentieth of the page is a logo
	var hidden []pdfWord
	for _, w := range words {
		shown := false
		for _, p := range pictures {
			shown = shown || p.area() > paper.area()/stamp && p.holds(w.box)
		}
		if !shown {
			hidden = append(hidden, w)
		}
	}
	return hidden
}

// pictures are the places of a page's images, and of the forms that hold one.
func (t *pdfText) pictures() []rect {
	var found []rect
	for i := range min(t.direct.count(pageObjects, t.shown), maxPictures) {
		object, kind, ok := t.direct.object(pageObject, t.shown, i)
		isPicture := kind == enums.FPDF_PAGEOBJ_IMAGE || kind == enums.FPDF_PAGEOBJ_FORM && t.holdsImage(object)
		if !ok || !isPicture {
			continue
		}
		if box, known := t.direct.bounds(object); known {
			found = append(found, box)
		}
	}
	return found
}

// holdsImage reports whether one of the first objects of a form is an image.
func (t *pdfText) holdsImage(form address) bool {
	const most = 20
	for i := range min(t.direct.count(formObjects, form), most) {
		if _, kind, ok := t.direct.object(formObject, form, i); ok && kind == enums.FPDF_PAGEOBJ_IMAGE {
			return true
		}
	}
	return false
}

// canvas is the part of a page that some words stand on, as it is painted.
type canvas struct {
	*pdfText
	page   image.Point // how many pixels the whole page has
	part   image.Rectangle
	places []image.Rectangle // of the words, in pixels of the page; empty where they are too small
	pixels *image.RGBA       // of the part
}

// unseen paints the page where words stand, and are those of which nothing stands out.
func (t *pdfText) unseen(words []pdfWord) (unseen []pdfWord, err error) {
	const longest = 1600 // pixels of a side; a point is one pixel on most pages
	width, err := t.FPDF_GetPageWidth(&requests.FPDF_GetPageWidth{Page: t.on})
	if err != nil {
		return nil, err
	}
	height, err := t.FPDF_GetPageHeight(&requests.FPDF_GetPageHeight{Page: t.on})
	if err != nil {
		return nil, err
	}
	scale := min(1, longest/max(width.Width, height.Height, 1))
	c := canvas{pdfText: t, page: image.Pt(int(width.Width*scale), int(height.Height*scale))}
	for _, w := range words {
		place := c.placeOf(w)
		c.places, c.part = append(c.places, place), c.part.Union(place)
	}
	if c.part.Empty() {
		return nil, nil
	}
	painted, err := t.RenderPageInPixels(&requests.RenderPageInPixels{
		Page: t.on, Width: c.part.Dx(), Height: c.part.Dy(), Crop: &requests.RenderPageCrop{
			X: float64(c.part.Min.X) / scale, Y: float64(c.part.Min.Y) / scale,
			Width: float64(c.part.Dx()) / scale, Height: float64(c.part.Dy()) / scale,
		},
	})
	if err != nil {
		return nil, err
	}
	defer painted.Cleanup()
	var ok bool
	if c.pixels, ok = painted.Result.RenderedImage.(*image.RGBA); !ok {
		return nil, nil
	}
	for i, w := range words {
		if c.isBlank(w, c.places[i]) {
			unseen = append(unseen, w)
		}
	}
	return unseen, nil
}

// placeOf is where a word's letters are painted, without the edges of their boxes, which rules may touch.
func (c canvas) placeOf(w pdfWord) (place image.Rectangle) {
	const smallest = 2 // pixels of a side, below which nothing can be told
	box := w.box
	last, ok := c.looseBox(c.place(c.lines[w.line], w.end-1))
	if !ok {
		return place
	}
	box.left, box.right = min(box.left, last.left), max(box.right, last.right)
	box.bottom, box.top = min(box.bottom, last.bottom), max(box.top, last.top)
	const edge = 0.15
	box.bottom, box.top = box.bottom+edge*box.height(), box.top-edge*box.height()
	place.Min, place.Max = c.device(box.left, box.bottom), c.device(box.right, box.top)
	place = place.Canon().Intersect(image.Rectangle{Max: c.page})
	if place.Dx() < smallest || place.Dy() < smallest {
		return image.Rectangle{}
	}
	return place
}

// device is the pixel of a point of the page.
func (c canvas) device(x, y float64) image.Point {
	got, err := c.FPDF_PageToDevice(&requests.FPDF_PageToDevice{
		Page: c.on, SizeX: c.page.X, SizeY: c.page.Y, PageX: x, PageY: y,
	})
	if err != nil {
		return image.Point{}
	}
	return image.Pt(got.DeviceX, got.DeviceY)
}

// IsBlank reports whether the place of a word has one colour: the word's own, or any if the word is not painted, or
// under a cover.
func (c canvas) isBlank(w pdfWord, at image.Rectangle) bool {
	if at.Empty() {
		return false
	}
	const specks = 40 // one pixel of so many may differ
	ground, differ := w.ink, 0
	if w.covered || w.ink.a <= seeThrough {
		ground = c.at(at.Min.X+at.Dx()/2, at.Min.Y+at.Dy()/2)
	}
	for y := at.Min.Y; y < at.Max.Y; y++ {
		for x := at.Min.X; x < at.Max.X; x++ {
			if !c.at(x, y).isLike(ground) {
				differ++
			}
		}
	}
	return differ*specks <= at.Dx()*at.Dy()
}

// at is the colour of a pixel on white paper: PDFium leaves the paper out of pages with transparency.
func (c canvas) at(x, y int) colour {
	at := image.Pt(x, y).Sub(c.part.Min)
	if !at.In(c.pixels.Bounds()) {
		return colour{255, 255, 255, 255}
	}
	p := c.pixels.Pix[c.pixels.PixOffset(at.X, at.Y):]
	a := uint(p[3])
	on := func(v uint8) uint { return (uint(v)*a + 255*(255-a)) / 255 }
	return colour{on(p[0]), on(p[1]), on(p[2]), 255}
}
