package pdf

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/tetratelabs/wazero/api"
)

// go-pdfium allocates, frees and registers something in each call, which takes longer than what PDFium does about a
// single character. A page needs thousands of such calls, so direct makes them without go-pdfium.

// function is one that direct calls, by its place in functionNames.
type function int

const (
	charLooseBox function = iota
	charTightBox
	charOrigin
	charFontSize
	charMatrix
	charFillColour
	charObject
	charIsUnmapped
	charIsAdded
	charIsHyphen
	pageObjects
	pageObject
	objectKind
	objectBounds
	objectFillColour
	objectDrawMode
	objectIsTransparent
	objectRenderMode
	objectMarks
	objectMark
	markName
	objectClip
	clipPaths
	clipSegments
	clipSegment
	formObjects
	formObject
	objectMatrix
	pathSegments
	pathSegment
	segmentPoint
	segmentKind
	segmentCloses
	functionCount
)

var functionNames = [functionCount]string{
	charLooseBox:        "FPDFText_GetLooseCharBox",
	charTightBox:        "FPDFText_GetCharBox",
	charOrigin:          "FPDFText_GetCharOrigin",
	charFontSize:        "FPDFText_GetFontSize",
	charMatrix:          "FPDFText_GetMatrix",
	charFillColour:      "FPDFText_GetFillColor",
	charObject:          "FPDFText_GetTextObject",
	charIsUnmapped:      "FPDFText_HasUnicodeMapError",
	charIsAdded:         "FPDFText_IsGenerated",
	charIsHyphen:        "FPDFText_IsHyphen",
	pageObjects:         "FPDFPage_CountObjects",
	pageObject:          "FPDFPage_GetObject",
	objectKind:          "FPDFPageObj_GetType",
	objectBounds:        "FPDFPageObj_GetBounds",
	objectFillColour:    "FPDFPageObj_GetFillColor",
	objectDrawMode:      "FPDFPath_GetDrawMode",
	objectIsTransparent: "FPDFPageObj_HasTransparency",
	objectRenderMode:    "FPDFTextObj_GetTextRenderMode",
	objectMarks:         "FPDFPageObj_CountMarks",
	objectMark:          "FPDFPageObj_GetMark",
	markName:            "FPDFPageObjMark_GetName",
	objectClip:          "FPDFPageObj_GetClipPath",
	clipPaths:           "FPDFClipPath_CountPaths",
	clipSegments:        "FPDFClipPath_CountPathSegments",
	clipSegment:         "FPDFClipPath_GetPathSegment",
	formObjects:         "FPDFFormObj_CountObjects",
	formObject:          "FPDFFormObj_GetObject",
	objectMatrix:        "FPDFPageObj_GetMatrix",
	pathSegments:        "FPDFPath_CountSegments",
	pathSegment:         "FPDFPath_GetPathSegment",
	segmentPoint:        "FPDFPathSegment_GetPoint",
	segmentKind:         "FPDFPathSegment_GetType",
	segmentCloses:       "FPDFPathSegment_GetClose",
}

// address is where PDFium keeps a page, its text or an object.
type address = uint64

// direct calls functions of one PDFium. They leave their results in a piece of PDFium's memory until the next call.
type direct struct {
	instance  reflect.Value // is go-pdfium's, whose tables hold the addresses of pages
	functions [functionCount]api.Function
	memory    api.Memory
	results   address   // is where that piece begins
	stack     [8]uint64 // holds the arguments of a call, then what it returns
}

const resultsSize = 64 // bytes

// newDirect fails if go-pdfium is not laid out as it is in the version that direct was written for.
func newDirect(implementation any) (*direct, error) {
	instance, ok := implementation.(interface {
		Fn(name string) api.Function
		Malloc(size uint64) (uint64, error)
	})
	if !ok {
		return nil, errors.New("go-pdfium does not hand out PDFium's functions")
	}
	d := &direct{instance: reflect.Indirect(reflect.ValueOf(implementation))}
	module, ok := reflect.TypeAssert[api.Module](d.instance.FieldByName("Module"))
	if !ok {
		return nil, errors.New("go-pdfium does not hand out PDFium's memory")
	}
	d.memory = module.Memory()
	for f, name := range functionNames {
		if d.functions[f] = instance.Fn(name); d.functions[f] == nil {
			return nil, fmt.Errorf("PDFium has no function %s", name)
		}
	}
	var err error
	d.results, err = instance.Malloc(resultsSize)
	return d, err
}

// addressOf returns the address of a page or of its text.
func (d *direct) addressOf(reference any) address {
	table := "pageRefs"
	if _, isText := reference.(references.FPDF_TEXTPAGE); isText {
		table = "textPageRefs"
	}
	handle := d.instance.FieldByName(table).MapIndex(reflect.ValueOf(reference))
	return handle.Elem().FieldByName("handle").Elem().Uint()
}

// call returns what a function returns, and false if PDFium broke down in it.
func (d *direct) call(f function, arguments ...uint64) (uint64, bool) {
	copy(d.stack[:], arguments)
	err := d.functions[f].CallWithStack(context.Background(), d.stack[:])
	return d.stack[0], err == nil
}

// fills reports whether a function filled the results, the places of which are its arguments from another on: so many
// of so many bytes each.
func (d *direct) fills(f function, on address, index, count, size int) bool {
	arguments := [6]uint64{on, uint64(index)}
	n := 2
	if index < 0 { // the function is about the whole object
		n = 1
	}
	for i := range count {
		arguments[n] = d.results + uint64(i*size)
		n++
	}
	done, ok := d.call(f, arguments[:n]...)
	return ok && uint32(done) != 0
}

// whole stands for the index where a function has none.
const whole = -1

// The results are read as they are laid out in WebAssembly.
func (d *direct) bytes() []byte {
	b, _ := d.memory.Read(uint32(d.results), resultsSize)
	return b
}

func (d *direct) float32(i int) float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(d.bytes()[4*i:])))
}

func (d *direct) float64(i int) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(d.bytes()[8*i:]))
}

func (d *direct) uint(i int) uint { return uint(binary.LittleEndian.Uint32(d.bytes()[4*i:])) }

// looseBox returns the place of a character, as high as its font.
func (d *direct) looseBox(text address, char int) (rect, bool) {
	if !d.fills(charLooseBox, text, char, 1, 0) {
		return rect{}, false
	}
	return rect{left: d.float32(0), top: d.float32(1), right: d.float32(2), bottom: d.float32(3)}, true
}

// tightBox returns the place of a character's shape.
func (d *direct) tightBox(text address, char int) (rect, bool) {
	if !d.fills(charTightBox, text, char, 4, 8) {
		return rect{}, false
	}
	return rect{left: d.float64(0), right: d.float64(1), bottom: d.float64(2), top: d.float64(3)}, true
}

// origin returns where a character stands on its line.
func (d *direct) origin(text address, char int) (x, y float64, ok bool) {
	if !d.fills(charOrigin, text, char, 2, 8) {
		return 0, 0, false
	}
	return d.float64(0), d.float64(1), true
}

// direction returns the vector along which a character's line runs.
func (d *direct) direction(text address, char int) (x, y float64, ok bool) {
	if !d.fills(charMatrix, text, char, 1, 0) {
		return 0, 0, false
	}
	return d.float32(0), d.float32(1), true
}

// fontSize returns the size of a character's font, and how much the text matrix scales it.
func (d *direct) fontSize(text address, char int) (size, scale float64, ok bool) {
	bits, ok := d.call(charFontSize, text, uint64(char))
	if !ok {
		return 0, 0, false
	}
	scale = 1
	if d.fills(charMatrix, text, char, 1, 0) {
		scale = math.Hypot(d.float32(2), d.float32(3))
	}
	return math.Float64frombits(bits), scale, true
}

func (d *direct) isUnmapped(text address, char int) bool {
	is, ok := d.call(charIsUnmapped, text, uint64(char))
	return ok && int32(is) == 1
}

// isAdded reports whether a character is not the document's: PDFium put it there, as a blank in a gap.
func (d *direct) isAdded(text address, char int) bool {
	is, ok := d.call(charIsAdded, text, uint64(char))
	return ok && int32(is) == 1
}

// isHyphen reports whether a character is a hyphen that divides a word at a line's end.
func (d *direct) isHyphen(text address, char int) bool {
	is, ok := d.call(charIsHyphen, text, uint64(char))
	return ok && int32(is) == 1
}

// fill returns the colour that fills a character of a text, or an object as a whole. It reports false for a pattern.
func (d *direct) fill(f function, on address, index int) (colour, bool) {
	if !d.fills(f, on, index, 4, 4) {
		return colour{}, false
	}
	return colour{d.uint(0), d.uint(1), d.uint(2), d.uint(3)}, true
}

// count returns how many objects a page or a form has.
func (d *direct) count(f function, on address) int {
	n, ok := d.call(f, on)
	if !ok {
		return 0
	}
	return max(0, int(int32(n)))
}

// object returns an object of a page or a form, and what it is.
func (d *direct) object(f function, on address, index int) (object address, kind enums.FPDF_PAGEOBJ, ok bool) {
	if object, ok = d.call(f, on, uint64(index)); !ok || object == 0 {
		return 0, 0, false
	}
	k, ok := d.call(objectKind, object)
	return object, enums.FPDF_PAGEOBJ(k), ok
}

func (d *direct) bounds(object address) (rect, bool) {
	if !d.fills(objectBounds, object, whole, 4, 4) {
		return rect{}, false
	}
	return rect{left: d.float32(0), bottom: d.float32(1), right: d.float32(2), top: d.float32(3)}, true
}

// isFilled reports whether a path is more than an outline.
func (d *direct) isFilled(path address) bool {
	return d.fills(objectDrawMode, path, whole, 2, 4) && enums.FPDF_FILLMODE(d.uint(0)) != enums.FPDF_FILLMODE_NONE
}

// isOutlined reports whether the line of a path is drawn.
func (d *direct) isOutlined(path address) bool {
	return d.fills(objectDrawMode, path, whole, 2, 4) && d.uint(1) != 0
}

// isOpaque reports whether nothing shows through an object.
func (d *direct) isOpaque(object address) bool {
	transparent, ok := d.call(objectIsTransparent, object)
	return ok && uint32(transparent) == 0
}
