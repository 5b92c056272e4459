package pdf

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"regexp"
	"strings"
)

// PDFium takes a page whose content cannot be decoded for a blank one, and so does a program that writes a page anew.
// The bytes of the document tell whether any of its streams is damaged.

// Bounds on the search for damage, in bytes.
const (
	maxInflated   = 128 << 20 // of all streams together; what comes behind is taken for whole
	maxStreamDict = 2 << 10   // in front of a stream
	maxTrailer    = 4 << 10   // at the end of the document
)

// findLost marks the pages that may have lost all that was on them: nothing is, and the document is damaged.
func findLost(pages []pdfPage, data []byte) {
	var empty []*pdfPage
	for i := range pages {
		if p := &pages[i]; p.text == "" && p.beside == "" && !p.pictured && !p.hidden && p.undecodable == 0 {
			empty = append(empty, p)
		}
	}
	if len(empty) == 0 || !isDamagedPDF(data) && !lacksContent(data) {
		return
	}
	for _, p := range empty {
		p.lost = true
	}
}

// isDamagedPDF reports whether a document is cut off, or has a stream that may be the content of a page and cannot be
// inflated. Of a locked document only the former is known.
func isDamagedPDF(data []byte) bool {
	if !bytes.Contains(data[max(0, len(data)-maxTrailer):], []byte("%%EOF")) {
		return true
	}
	if bytes.Contains(data, []byte("/Encrypt")) {
		return false
	}
	left := int64(maxInflated)
	for at := 0; left > 0; {
		begin, end, found := nextStream(data, at)
		if !found {
			return false
		}
		if mayBeContent(data[max(at, begin-maxStreamDict):begin]) && !inflates(streamBytes(data[begin:end]), &left) {
			return true
		}
		at = end
	}
	return false
}

// contentsOf finds what a page names as its content: a reference, or several in brackets.
var contentsOf = regexp.MustCompile(`/Contents\s*(?:(\d+)\s+\d+\s+R|\[([\d\sR]*)\])`)

// lacksContent reports whether a page names content that the document does not have. Content is a stream, which always
// stands by itself. Pages that are compressed are not looked at.
func lacksContent(data []byte) bool {
	const most = 10_000 // pages
	pages := contentsOf.FindAllSubmatch(data, most)
	if len(pages) == 0 {
		return false
	}
	known := objectNumbers(data)
	for _, found := range pages {
		for _, named := range append(strings.Split(string(found[2]), "R"), string(found[1])) {
			if number := strings.Fields(named); len(number) > 0 && !known[number[0]] {
				return true
			}
		}
	}
	return false
}

// objectNumbers are the numbers of the objects that stand by themselves.
func objectNumbers(data []byte) map[string]bool {
	const longest = 24 // bytes of the two numbers before the keyword
	found := map[string]bool{}
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte("obj"))
		if i < 0 {
			return found
		}
		end := at + i
		if numbers := beforeKeyword.FindSubmatch(data[max(at, end-longest):end]); numbers != nil {
			found[string(numbers[1])] = true
		}
		at = end + len("obj")
	}
}

// beforeKeyword are the number of an object and that of its generation.
var beforeKeyword = regexp.MustCompile(`(\d+)\s+\d+\s+$`)

// nextStream finds the next stream from a place on: it begins with its keyword.
func nextStream(data []byte, at int) (begin, end int, found bool) {
	i := bytes.Index(data[at:], []byte("stream"))
	if i < 0 {
		return 0, 0, false
	}
	begin = at + i
	end = len(data)
	if j := bytes.Index(data[begin:], []byte("endstream")); j >= 0 {
		end = begin + j + len("endstream")
	}
	return begin, end, true
}

// streamBytes are what stands between a stream's keywords.
func streamBytes(stream []byte) []byte {
	stream = bytes.TrimSuffix(bytes.TrimPrefix(stream, []byte("stream")), []byte("endstream"))
	return bytes.TrimPrefix(bytes.TrimPrefix(stream, []byte("\r")), []byte("\n"))
}

// notContent lists dictionary entries that mark a stream as something other than page content: an image, a font, a
// colour profile, a table of objects, metadata or a file.
var notContent = [][]byte{
	[]byte("/Image"), []byte("/Length1"), []byte("/Type1C"), []byte("/CIDFontType0C"), []byte("/OpenType"), []byte("/N "),
	[]byte("/XRef"), []byte("/ObjStm"), []byte("/Metadata"), []byte("/EmbeddedFile"),
}

// mayBeContent goes by what stands in front of a stream. Only streams that are deflated and nothing else are judged.
func mayBeContent(before []byte) bool {
	dictionary := before[max(0, bytes.LastIndex(before, []byte(" obj"))):]
	if bytes.Count(dictionary, []byte("Decode")) > 1 || !bytes.Contains(dictionary, []byte("/FlateDecode")) {
		return false
	}
	for _, entry := range notContent {
		if bytes.Contains(dictionary, entry) {
			return false
		}
	}
	return true
}

// inflates reports whether a stream can be inflated to its end, and takes what it gives from what is left. A checksum
// that is wrong or absent does not count, as many programs write it so.
func inflates(stream []byte, left *int64) bool {
	const header, deflated = 2, 8
	if len(bytes.TrimSpace(stream)) == 0 {
		return true
	}
	if len(stream) <= header || stream[0]&0xf != deflated || (int(stream[0])<<8|int(stream[1]))%31 != 0 {
		return false
	}
	n, err := io.CopyN(io.Discard, flate.NewReader(bytes.NewReader(stream[header:])), *left)
	*left -= n
	return err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF)
}
