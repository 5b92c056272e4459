package worker

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// The bounds of a hostile document, in bytes of resident memory. The process that reads it has its limit, code and
// shared pages beside that, and what it takes until it is looked at.
const (
	mostOfTheRun    = 300 << 20
	mostOfAProcess  = DefaultMemory + 32<<20
	readWell        = config.Reason("")
	hostileDeadline = 20 * time.Second
)

// hostile are shapes of documents that were made to take all memory or all time. Each is read, or fails with one of the
// reasons; on a busy machine any of them may be TimedOut.
var hostile = map[string]struct {
	bytes   func() []byte
	reasons []config.Reason
}{
	"colspan-6.html": {spans("colspan", 1e6), []config.Reason{readWell, config.TooComplex}},
	"colspan-7.html": {spans("colspan", 1e7), []config.Reason{readWell, config.TooComplex}},
	"colspan-8.html": {spans("colspan", 1e8), []config.Reason{readWell, config.TooComplex}},
	"rowspan-6.html": {spans("rowspan", 1e6), []config.Reason{readWell, config.TooComplex}},
	"rowspan-7.html": {spans("rowspan", 1e7), []config.Reason{readWell, config.TooComplex}},
	"rowspan-8.html": {spans("rowspan", 1e8), []config.Reason{readWell, config.TooComplex}},
	"wide-5000.html": {wide(5_000), []config.Reason{readWell, config.TooComplex, config.TooLarge}},
	"wide-20000.html": {wide(20_000),
		[]config.Reason{readWell, config.TooComplex, config.TooLarge}},
	"quotes.html": {repeated("<blockquote>", 3_000, "words"), []config.Reason{readWell, config.TooComplex}},
	"lists.html":  {repeated("<ul><li>", 75_000, "words"), []config.Reason{readWell, config.TooComplex}},
	"commas.csv":  {func() []byte { return bytes.Repeat([]byte{','}, 120<<20) }, []config.Reason{config.TooComplex, config.TooLarge, config.NoTextLayer}},
	"lines.csv":   {func() []byte { return bytes.Repeat([]byte("a,b\n"), 30<<20) }, []config.Reason{config.TooComplex, config.TooLarge}},
	"words.txt":   {func() []byte { return bytes.Repeat([]byte("some words \n"), 10<<20) }, []config.Reason{config.TooLarge}},
	"lines.md":    {func() []byte { return bytes.Repeat([]byte("# a\n"), 10<<20) }, []config.Reason{readWell, config.TooLarge, config.TooComplex}},
	"deep.json":   {func() []byte { return bytes.Repeat([]byte{'['}, 32<<20) }, []config.Reason{config.TooComplex, config.TooLarge, config.Malformed}},
	"attributes.docx": {docx("<w:p", 48_000_000, ` a=""`, "/>"),
		[]config.Reason{readWell, config.TooComplex, config.TooLarge, config.Malformed, config.NoTextLayer}},
	"tables.docx": {docx("", 5_000, nested, strings.Repeat(`</w:tc></w:tr></w:tbl>`, 5_000)),
		[]config.Reason{readWell, config.TooComplex, config.TooLarge}},
	"one-slide.pptx":  {slides(60_000), []config.Reason{config.TooComplex, config.TooLarge, readWell}},
	"one-page.pdf":    {pagesOf(100_000, 1), []config.Reason{config.TooLarge}},
	"slow-pages.pdf":  {pagesOf(20_000, 50_000), []config.Reason{config.TimedOut, config.TooLarge}},
	"bomb.pdf":        {bombPDF(480<<20, 1), []config.Reason{config.TooLarge}},
	"double-bomb.pdf": {bombPDF(480<<20, 2), []config.Reason{config.TooLarge}},
	"picture.pdf":     {picturePDF, []config.Reason{config.NoTextLayer, config.TooLarge}},
	"bomb.docx":       {docx("", 8<<20, "<w:p><w:r><w:t>some words</w:t></w:r></w:p>", ""), []config.Reason{config.TooLarge}},
}

// outcome is what the process that reads a hostile document tells of it.
type outcome struct {
	Reason  config.Reason
	Message string
	Run     int64 // the most resident memory of the process that started the worker, in bytes
	Worker  int64 // that of the worker
}

// TestHostileDocumentsFailAlone reads each in a process of its own, whose memory is that of a run.
func TestHostileDocumentsFailAlone(t *testing.T) {
	if detectorsShare() > 1 {
		t.Skip("the race detector takes memory of its own")
	}
	for name, shape := range hostile {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], workerArgument, "caller", name, "")
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			var got outcome
			if err := json.Unmarshal(out, &got); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			t.Logf("%s %s: run %d MiB, worker %d MiB", got.Reason, got.Message, got.Run>>20, got.Worker>>20)
			if got.Reason != config.TimedOut && !slices.Contains(shape.reasons, got.Reason) {
				t.Errorf("got %s: %s; want one of %q", got.Reason, got.Message, shape.reasons)
			}
			if got.Run > mostOfTheRun || got.Worker > mostOfAProcess {
				t.Errorf("the run took %d MiB, at most %d are allowed; the worker %d MiB of %d",
					got.Run>>20, mostOfTheRun>>20, got.Worker>>20, mostOfAProcess>>20)
			}
		})
	}
}

// callHostile reads the document of that name through a Pool, and then another one.
func callHostile(name string) error {
	p := newPool(Options{Workers: 1, Time: Time{Base: hostileDeadline, Longest: hostileDeadline}}, "well")
	var got outcome
	_, err := p.Extract(context.Background(), name, hostile[name].bytes())
	if err != nil {
		reason, own := config.ReasonOf(err)
		if !own {
			return err
		}
		got.Reason, got.Message = reason, err.Error()
	}
	if _, err := p.Extract(context.Background(), "next.txt", []byte("the next document")); err != nil {
		return fmt.Errorf("the next document fails: %w", err)
	}
	p.Close()
	got.Run, got.Worker = peakOf(syscall.RUSAGE_SELF), peakOf(syscall.RUSAGE_CHILDREN)
	return json.NewEncoder(os.Stdout).Encode(got)
}

func peakOf(who int) int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(who, &usage); err != nil {
		return 0
	}
	return usage.Maxrss << 10
}

func spans(attribute string, n int) func() []byte {
	return func() []byte {
		return fmt.Appendf(nil, "<table><tr><td %s=%d>words<td>more</tr><tr><td>words</tr></table>", attribute, n)
	}
}

func wide(n int) func() []byte {
	return func() []byte {
		return []byte("<table><tr>" + strings.Repeat("<td>a", n) + strings.Repeat("<tr><td>b", n) + "</table>")
	}
}

func repeated(open string, n int, text string) func() []byte {
	return func() []byte { return []byte(strings.Repeat(open, n) + text) }
}

// part is a part of an archive: a text, which holds another one so many times.
type part struct {
	name, head, repeated string
	times                int
	tail                 string
}

func zipOf(parts ...part) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.Create(p.name)
		if err != nil {
			panic(err)
		}
		text := bufio.NewWriter(w) // its errors come at the end
		text.WriteString(p.head)
		for range p.times {
			text.WriteString(p.repeated)
		}
		text.WriteString(p.tail)
		if err := text.Flush(); err != nil {
			panic(err)
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// The parts of Office documents.
const (
	contentTypes = `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/%s" ` +
		`ContentType="application/vnd.openxmlformats-officedocument.%s+xml"/></Types>`
	relationships = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" ` +
		`Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/slide" Target="slides/slide1.xml"/></Relationships>`
	presentation = `<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" ` +
		`xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><p:sldIdLst>`
	opened = `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>`
	nested = `<w:tbl><w:tr><w:tc><w:p><w:r><w:t>words</w:t></w:r></w:p>`
	slide  = `<p:sld xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" ` +
		`xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r>` +
		`<a:t>words</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>`
)

// docx returns a Word document whose body holds a text n times between two others.
func docx(head string, n int, repeated, tail string) func() []byte {
	return func() []byte {
		return zipOf(part{name: "[Content_Types].xml",
			head: fmt.Sprintf(contentTypes, "word/document.xml", "wordprocessingml.document.main")},
			part{"word/document.xml", opened + head, repeated, n, tail + `</w:body></w:document>`})
	}
}

// slides returns a presentation that shows one slide n times.
func slides(n int) func() []byte {
	return func() []byte {
		return zipOf(part{name: "[Content_Types].xml",
			head: fmt.Sprintf(contentTypes, "ppt/presentation.xml", "presentationml.presentation.main")},
			part{"ppt/presentation.xml", presentation, `<p:sldId id="256" r:id="r1"/>`, n, `</p:sldIdLst></p:presentation>`},
			part{name: "ppt/_rels/presentation.xml.rels", head: relationships},
			part{name: "ppt/slides/slide1.xml", head: slide})
	}
}

// fileOf returns a PDF of the objects, the first of which is the catalog.
func fileOf(objects ...string) []byte {
	var b bytes.Buffer
	b.WriteString("%PDF-1.7\n")
	places := make([]int, len(objects))
	for i, object := range objects {
		places[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, place := range places {
		fmt.Fprintf(&b, "%010d 00000 n \n", place)
	}
	fmt.Fprintf(&b, "trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, start)
	return b.Bytes()
}

// shown returns a PDF with a page of that content stream, which the pages object names n times.
func shown(n int, stream string) []byte {
	return fileOf("<</Type/Catalog/Pages 2 0 R>>",
		fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", n, strings.Repeat("3 0 R ", n)),
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>/XObject<</X0 4 0 R>>>>>>",
		stream, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
}

// pagesOf returns a PDF that shows one page n times, with so many words on it.
func pagesOf(n, words int) func() []byte {
	return func() []byte {
		const word = "BT /F1 12 Tf 50 700 Td (words) Tj ET\n"
		packed := deflated(endless(word), int64(words*len(word)))
		return shown(n, fmt.Sprintf("<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream", len(packed), packed))
	}
}

// bombPDF shows a page of so many bytes of content, deflated once or several times.
func bombPDF(size int64, times int) func() []byte {
	return func() []byte {
		packed := deflated(endless("BT /F1 12 Tf (words) Tj ET\n"), size)
		for range times - 1 {
			packed = deflated(bytes.NewReader(packed), int64(len(packed)))
		}
		return shown(1, fmt.Sprintf("<</Length %d/Filter[%s]>>stream\n%s\nendstream", len(packed),
			strings.Repeat("/FlateDecode", times), packed))
	}
}

// picturePDF shows a picture of a trillion points.
func picturePDF() []byte {
	packed := deflated(endless("\x00"), 64<<20)
	return fileOf("<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R/Resources<</XObject<</X0 4 0 R>>>>>>",
		fmt.Sprintf("<</Type/XObject/Subtype/Image/Width 1000000/Height 1000000/ColorSpace/DeviceRGB/BitsPerComponent 8"+
			"/Length %d/Filter/FlateDecode>>stream\n%s\nendstream", len(packed), packed),
		"<</Length 30>>stream\n612 0 0 792 0 0 cm /X0 Do    \nendstream")
}

func deflated(r io.Reader, n int64) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := io.CopyN(w, r, n); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// endless is a text that repeats itself without end.
type endless string

func (e endless) Read(b []byte) (n int, err error) {
	for n < len(b) {
		n += copy(b[n:], e)
	}
	return n, nil
}
