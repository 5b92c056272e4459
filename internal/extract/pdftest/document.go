// Package pdftest writes small PDFs for tests: text in columns, headings, an outline, images, a password, and
// a document that no reader gets to the end of.
package pdftest

import (
	"bytes"
	"crypto/md5" //nolint:gosec // the PDF standard's own algorithm, to make a file that needs a password
	"crypto/rc4" //nolint:gosec // likewise
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf16"
)

// Document is a PDF to be written.
type Document struct {
	Title   string // in the metadata
	Pages   []Page
	Outline []Bookmark
	// Unicode is the map of the font /F3, which has the shapes of /F1: what it says that the codes are. Nil leaves the
	// font out.
	Unicode map[byte]rune
	// Password, if not empty, is needed to open the document.
	Password string
}

// Page is one page of US letter size.
type Page struct {
	// Columns are set side by side. A line that begins with "# " is a heading, in bold and larger; the others are
	// wrapped to the column's width, and an empty line leaves a gap. Text is in windows-1252, without the
	// characters beyond ASCII.
	Columns []string
	// Image puts a grey box on the page.
	Image bool
	// Content is a content stream that replaces all of that; fonts /F1 (regular) and /F2 (bold) and the
	// form /X0, if there is one, are at hand.
	Content string
	// Crop, if not zero, is the box of the page that is shown: left, bottom, right and top.
	Crop [4]int
}

// Bookmark is an entry of the outline.
type Bookmark struct {
	Title string
	Page  int // index
}

const (
	width, height = 612, 792
	margin        = 54
	gap           = 24
	bodySize      = 10
	headingSize   = 16
	leading       = 13
)

// Bytes is the document as a file.
func (d Document) Bytes() []byte {
	w := &writer{password: d.Password}
	catalog, pages, info := w.reserve(), w.reserve(), w.reserve()
	fonts := fmt.Sprintf("<</Font<</F1 %d 0 R/F2 %d 0 R%s>>>>",
		w.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"),
		w.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold/Encoding/WinAnsiEncoding>>"), d.mapped(w))
	var kids []int
	for _, p := range d.Pages {
		content := w.stream("", p.content())
		box := fmt.Sprintf("/MediaBox[0 0 %d %d]", width, height)
		if p.Crop != [4]int{} {
			box += "/CropBox" + fmt.Sprint(p.Crop)
		}
		kids = append(kids, w.add(fmt.Sprintf("<</Type/Page/Parent %d 0 R%s/Resources %s/Contents %d 0 R>>",
			pages, box, fonts, content)))
	}
	w.set(pages, fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", len(kids), references(kids)))
	w.set(info, fmt.Sprintf("<</Title%s>>", w.text(info, d.Title)))
	w.set(catalog, fmt.Sprintf("<</Type/Catalog/Pages %d 0 R%s>>", pages, d.outline(w, kids)))
	return w.file(catalog, info)
}

// mapped writes the font /F3 and is its entry among the fonts.
func (d Document) mapped(w *writer) string {
	if d.Unicode == nil {
		return ""
	}
	var b strings.Builder
	for _, code := range slices.Sorted(maps.Keys(d.Unicode)) {
		fmt.Fprintf(&b, "1 beginbfchar\n<%02x><%s>\nendbfchar\n", code, inUTF16(d.Unicode[code]))
	}
	cmap := w.stream("", "/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CMapName/X def/CMapType 2 def\n"+
		"1 begincodespacerange<00><ff>endcodespacerange\n"+b.String()+"endcmap end end")
	return fmt.Sprintf("/F3 %d 0 R", w.add(fmt.Sprintf(
		"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding/ToUnicode %d 0 R>>", cmap)))
}

// inUTF16 is a character in hexadecimal, two bytes for each of its units.
func inUTF16(r rune) string {
	var b strings.Builder
	for _, unit := range utf16.AppendRune(nil, r) {
		fmt.Fprintf(&b, "%04x", unit)
	}
	return b.String()
}

// outline writes the bookmarks and is their entry in the catalogue.
func (d Document) outline(w *writer, pages []int) string {
	if len(d.Outline) == 0 {
		return ""
	}
	root := w.reserve()
	items := make([]int, len(d.Outline))
	for i := range items {
		items[i] = w.reserve()
	}
	for i, b := range d.Outline {
		links := ""
		if i > 0 {
			links += fmt.Sprintf("/Prev %d 0 R", items[i-1])
		}
		if i+1 < len(items) {
			links += fmt.Sprintf("/Next %d 0 R", items[i+1])
		}
		w.set(items[i], fmt.Sprintf("<</Title%s/Parent %d 0 R/Dest[%d 0 R/Fit]%s>>", w.text(items[i], b.Title),
			root, pages[b.Page], links))
	}
	w.set(root, fmt.Sprintf("<</Type/Outlines/First %d 0 R/Last %d 0 R/Count %d>>", items[0],
		items[len(items)-1], len(items)))
	return fmt.Sprintf("/Outlines %d 0 R", root)
}

func references(objects []int) string {
	var s []string
	for _, n := range objects {
		s = append(s, fmt.Sprintf("%d 0 R", n))
	}
	return strings.Join(s, " ")
}

// content is the page's content stream.
func (p Page) content() string {
	if p.Content != "" {
		return p.Content
	}
	var b strings.Builder
	if p.Image {
		fmt.Fprintf(&b, "q 400 0 0 300 %d 300 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x80 EI Q\n", margin)
	}
	n := max(len(p.Columns), 1)
	column := (width - 2*margin - gap*(n-1)) / n
	for i, text := range p.Columns {
		setColumn(&b, text, margin+i*(column+gap), column)
	}
	return b.String()
}

// setColumn sets text from the top of the page down.
func setColumn(b *strings.Builder, text string, x, width int) {
	y := height - margin
	for line := range strings.SplitSeq(text, "\n") {
		if heading, ok := strings.CutPrefix(line, "# "); ok {
			y -= leading
			setLine(b, heading, "F2", headingSize, x, y)
			y -= leading + leading/2
			continue
		}
		for _, part := range wrap(line, width) {
			setLine(b, part, "F1", bodySize, x, y)
			y -= leading
		}
	}
}

func setLine(b *strings.Builder, text, font string, size, x, y int) {
	if text != "" {
		fmt.Fprintf(b, "BT /%s %d Tf %d %d Td (%s) Tj ET\n", font, size, x, y, escape(text))
	}
}

// wrap breaks a line to the width, taking half the font's size for a character: Helvetica is narrower on average.
func wrap(line string, width int) []string {
	limit := width * 2 / bodySize
	var lines []string
	current := ""
	for word := range strings.FieldsSeq(line) {
		if current != "" && len(current)+1+len(word) > limit {
			lines = append(lines, current)
			current = ""
		}
		if current != "" {
			current += " "
		}
		current += word
	}
	return append(lines, current)
}

func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "(", `\(`, ")", `\)`).Replace(s)
}

// Endless is a document that no reader gets to the end of: forms that show forms, each eight times, twenty-five
// deep, with no circle that a reader could notice. The innermost form takes long to read and shows nothing, so
// that time runs out before memory does.
func Endless() []byte {
	w := &writer{}
	catalog, pages, info := w.reserve(), w.reserve(), w.reserve()
	inner := w.stream("/Type/XObject/Subtype/Form/BBox[0 0 612 792]", strings.Repeat("q Q ", 20_000))
	for range 25 {
		form := fmt.Sprintf("/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<</X0 %d 0 R>>>>", inner)
		inner = w.stream(form, strings.Repeat("/X0 Do ", 8))
	}
	content := w.stream("", "/X0 Do")
	page := w.add(fmt.Sprintf("<</Type/Page/Parent %d 0 R/MediaBox[0 0 %d %d]"+
		"/Resources<</XObject<</X0 %d 0 R>>>>/Contents %d 0 R>>", pages, width, height, inner, content))
	w.set(pages, fmt.Sprintf("<</Type/Pages/Count 1/Kids[%d 0 R]>>", page))
	w.set(info, "<<>>")
	w.set(catalog, fmt.Sprintf("<</Type/Catalog/Pages %d 0 R>>", pages))
	return w.file(catalog, info)
}

// writer collects numbered objects.
type writer struct {
	objects  []string
	password string
}

func (w *writer) reserve() int {
	w.objects = append(w.objects, "")
	return len(w.objects)
}

func (w *writer) set(n int, object string) { w.objects[n-1] = object }

func (w *writer) add(object string) int {
	n := w.reserve()
	w.set(n, object)
	return n
}

func (w *writer) stream(dictionary, data string) int {
	n := w.reserve()
	w.set(n, fmt.Sprintf("<<%s/Length %d>>\nstream\n%s\nendstream", dictionary, len(data), w.encrypt(n, data)))
	return n
}

// text is a string object.
func (w *writer) text(n int, s string) string {
	return "<" + hex.EncodeToString([]byte(w.encrypt(n, s))) + ">"
}

// file writes header, objects, cross-reference table and trailer.
func (w *writer) file(catalog, info int) []byte {
	trailer := fmt.Sprintf("/Root %d 0 R/Info %d 0 R", catalog, info)
	if w.password != "" {
		trailer += fmt.Sprintf("/Encrypt %d 0 R/ID[<%x><%x>]", w.add(w.encryption()), fileID, fileID)
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(w.objects))
	for i, object := range w.objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d%s>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, trailer, start)
	return b.Bytes()
}

// The standard security handler, revision 2 (ISO 32000-1, 7.6.3): RC4 with 40 bits.

const (
	fileID      = "0123456789abcdef"
	permissions = int32(-4)
	padding     = "\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08" +
		"\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a"
)

func (w *writer) encryption() string {
	return fmt.Sprintf("<</Filter/Standard/V 1/R 2/Length 40/P %d/O<%x>/U<%x>>>", permissions, w.owner(),
		rc4Of(w.key(), padding))
}

func (w *writer) padded() string { return (w.password + padding)[:32] }

// owner is the O entry (algorithm 3), the owner's password being the user's.
func (w *writer) owner() string {
	digest := md5.Sum([]byte(w.padded())) //nolint:gosec // as above
	return rc4Of(digest[:5], w.padded())
}

// key is the file's key (algorithm 2).
func (w *writer) key() []byte {
	unsigned := permissions
	data := binary.LittleEndian.AppendUint32([]byte(w.padded()+w.owner()), uint32(unsigned))
	digest := md5.Sum(append(data, fileID...)) //nolint:gosec // as above
	return digest[:5]
}

// encrypt encrypts an object's string or stream (algorithm 1).
func (w *writer) encrypt(object int, s string) string {
	if w.password == "" {
		return s
	}
	salted := append(w.key(), byte(object), byte(object>>8), byte(object>>16), 0, 0)
	digest := md5.Sum(salted) //nolint:gosec // as above
	return rc4Of(digest[:10], s)
}

func rc4Of(key []byte, s string) string {
	c, err := rc4.NewCipher(key) //nolint:gosec // as above
	if err != nil {
		panic(err) // the key's length is fixed above
	}
	out := make([]byte, len(s))
	c.XORKeyStream(out, []byte(s))
	return string(out)
}
