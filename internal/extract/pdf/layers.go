package pdf

import (
	"bytes"
	"math"
	"slices"

	"github.com/klippa-app/go-pdfium/enums"
)

// PDFium reads the text of layers that are switched off, and text that is clipped away. It tells that an object belongs
// to a layer, and how it is clipped, but of neither whether it is seen. Such text is a doubt, therefore, which the page
// as PDFium paints it decides.

// Bounds on what is asked for of one object. An object that has more is taken for one that is seen.
const (
	maxMarks        = 8
	maxClips        = 8   // paths
	maxClipSegments = 100 // of a path
)

// manner is how an object of text is drawn, apart from its colour.
type manner struct {
	object    address
	unpainted bool // reports whether it leaves no trace on the page
	layered   bool // reports whether it belongs to a layer, which may be off
	clip      rect // is the part of the page outside of which it is not seen
}

// manner is how a character is drawn. Those of one object are asked for one after the other.
func (t *pdfText) manner(char int) manner {
	object, ok := t.direct.call(charObject, t.text, uint64(char))
	if !ok || object == 0 {
		return manner{clip: everywhere}
	}
	if t.drawn.object != object {
		t.drawn = manner{object: object, layered: t.direct.isLayered(object), clip: t.direct.clip(object)}
		mode, ok := t.direct.call(objectRenderMode, object)
		switch enums.FPDF_TEXT_RENDERMODE(int32(mode)) {
		case enums.FPDF_TEXTRENDERMODE_INVISIBLE, enums.FPDF_TEXTRENDERMODE_CLIP:
			t.drawn.unpainted = ok
		}
	}
	return t.drawn
}

// mayBeLeftOut reports whether a word is of a layer, or outside of what its clip lets through.
func (t *pdfText) mayBeLeftOut(w *pdfWord) bool {
	m := t.manner(w.first)
	isIn := func(form rect) bool { return form.holds(w.box) }
	w.covered = m.layered || !m.clip.meets(w.box) || slices.ContainsFunc(t.layered, isIn)
	return w.covered
}

// findLayeredForms finds the forms of a page that may belong to layers. The text in them does not tell.
func (t *pdfText) findLayeredForms() {
	for i := range min(t.direct.count(pageObjects, t.shown), maxPictures) {
		object, kind, ok := t.direct.object(pageObject, t.shown, i)
		if !ok || kind != enums.FPDF_PAGEOBJ_FORM || !t.formLayers && !t.direct.isLayered(object) {
			continue
		}
		if box, known := t.direct.bounds(object); known {
			t.layered = append(t.layered, box)
		}
	}
}

// holdsFormLayers reports whether a form or an image of the document may belong to a layer as a whole. PDFium does not
// tell, but the dictionaries of streams are never compressed.
func holdsFormLayers(data []byte) bool {
	for _, entry := range []string{"/OC ", "/OC<<"} {
		if bytes.Contains(data, []byte(entry)) {
			return true
		}
	}
	return false
}

// isLayered reports whether an object is marked as content of a layer (ISO 32000-1, 8.11.3.2).
func (d *direct) isLayered(object address) bool {
	const buffer = resultsSize - 8 // bytes; the length of the name follows
	layer := []byte{'O', 0, 'C', 0, 0, 0}
	for i := range min(d.count(objectMarks, object), maxMarks) {
		mark, ok := d.call(objectMark, object, uint64(i))
		if !ok || mark == 0 {
			continue
		}
		done, ok := d.call(markName, mark, d.results, buffer, d.results+buffer)
		if ok && uint32(done) != 0 && bytes.HasPrefix(d.bytes(), layer) {
			return true
		}
	}
	return false
}

// everywhere is the clip of an object that has none.
var everywhere = rect{left: math.Inf(-1), bottom: math.Inf(-1), right: math.Inf(1), top: math.Inf(1)}

// clip is the box outside of which nothing of an object is painted.
func (d *direct) clip(object address) rect {
	box := everywhere
	path, ok := d.call(objectClip, object)
	if !ok || path == 0 {
		return box
	}
	count := d.count(clipPaths, path)
	if count > maxClips {
		return box
	}
	for i := range count {
		b := d.clipBounds(path, i)
		box = rect{
			left: max(box.left, b.left), bottom: max(box.bottom, b.bottom),
			right: min(box.right, b.right), top: min(box.top, b.top),
		}
	}
	return box
}

// clipBounds is the box around one of the paths of a clip.
func (d *direct) clipBounds(clip address, path int) rect {
	n, ok := d.call(clipSegments, clip, uint64(path))
	if count := int(int32(n)); !ok || count <= 0 || count > maxClipSegments {
		return everywhere
	}
	box := rect{left: math.Inf(1), bottom: math.Inf(1), right: math.Inf(-1), top: math.Inf(-1)}
	for i := range int(int32(n)) {
		segment, ok := d.call(clipSegment, clip, uint64(path), uint64(i))
		if !ok || segment == 0 || !d.fills(segmentPoint, segment, whole, 2, 4) {
			return everywhere
		}
		x, y := d.float32(0), d.float32(1)
		box = rect{left: min(box.left, x), bottom: min(box.bottom, y), right: max(box.right, x), top: max(box.top, y)}
	}
	return box
}
