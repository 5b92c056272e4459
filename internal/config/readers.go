package config

import (
	"maps"
	"slices"
	"strings"
)

// Readers names readers of documents and the version of each, as "common/1 html/3", in order.
type Readers string

// readers are the readers of this build. Raise the version of each that gives another text, page, heading, table or
// warning for the same bytes: the next run then reads the documents again that it took part in. "common" takes part in
// every document: it is the choice of the reader, the decoding and normalising of text, and the splitting into chunks.
// Those of extraction servers are the readers of their replies.
// The table is one string, so that a build can have another: -ldflags "-X ...".
var readers = "common/8 csv/6 docling/1 docx/5 epub/6 html/9 json/5 " +
	"mail/13 markdown/7 notebook/5 odf/5 pdf/15 pptx/5 text/7 tika/1 xlsx/3 xml/2"

// AllReaders returns the readers of this build. The ledger records them for a document that failed: any other reader
// may be the one that can read it.
func AllReaders() Readers { return Readers(readers) }

// ReadersOf returns this build's readers of the formats. A format that has no reader is left out.
func ReadersOf(formats ...string) Readers {
	versions := map[string]string{}
	for reader := range strings.FieldsSeq(readers) {
		format, _, _ := strings.Cut(reader, "/")
		if format == "common" || slices.Contains(formats, format) {
			versions[format] = reader
		}
	}
	return Readers(strings.Join(slices.Sorted(maps.Values(versions)), " "))
}

// With returns these readers and those of more formats, as they are in this build.
func (r Readers) With(formats ...string) Readers {
	for reader := range strings.FieldsSeq(string(r)) {
		format, _, _ := strings.Cut(reader, "/")
		formats = append(formats, format)
	}
	return ReadersOf(formats...)
}

// Current reports whether this build reads as these readers do. Unknown ones are not current.
func (r Readers) Current() bool {
	today := strings.Fields(readers)
	old := func(reader string) bool { return !slices.Contains(today, reader) }
	return r != "" && !slices.ContainsFunc(strings.Fields(string(r)), old)
}

// Rules names the versions of everything in this build that decides what a run puts into an index: an operator that has
// others makes runs due.
func Rules() string {
	return "analyser/" + AnalyserVersion + " embedded/" + EmbeddedTextVersion + " " + readers
}
