package office

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Bounds against zip bombs. Office writes XML at ratios of 5 to 50; a bomb has 1000 and more.
const (
	MaxZipEntries = 10_000    // of one archive
	MaxUnpacked   = 256 << 20 // bytes of all parts that are read
	maxRatio      = 250       // unpacked to packed, for parts of more than smallPart bytes
	smallPart     = 4 << 20
)

// zipFiles opens an archive whose directory is of bearable size.
func zipFiles(data []byte) ([]*zip.File, error) {
	if n := bytes.Count(data, []byte("PK\x01\x02")); n > MaxZipEntries {
		return nil, config.Failf(config.TooLarge, "the archive has %d entries, more than %d", n, MaxZipEntries)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, config.Failf(config.Malformed,
			"it begins as a zip archive (such as DOCX or PPTX) but cannot be opened, perhaps it is cut off: %w", err)
	}
	return z.File, nil
}

// archive is a document that consists of XML parts in a zip archive: Office Open XML (ECMA-376), OpenDocument.
type archive struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one extraction
	parts    map[string]*zip.File
	unpacked *int64 // bytes, of this document and of those around it
}

func openArchive(ctx context.Context, s document.Source) (*archive, error) {
	files, err := zipFiles(s.Data)
	if err != nil {
		return nil, err
	}
	a := &archive{ctx: ctx, parts: map[string]*zip.File{}, unpacked: s.Unpacked}
	if a.unpacked == nil {
		a.unpacked = new(int64)
	}
	for _, f := range files {
		a.parts[partKey(f.Name)] = f
	}
	return a, nil
}

// partKey is a part's name as writers mean it: some write backslashes, and names do not differ by case alone.
func partKey(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

func (a *archive) has(part string) bool {
	_, ok := a.parts[partKey(part)]
	return ok
}

// bytes returns the content of a part, or nil if it is absent.
func (a *archive) bytes(part string) ([]byte, error) {
	r, err := a.open(part)
	if r == nil || err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, a.damaged(part, err)
	}
	return data, nil
}

// open returns a bounded reader of a part, or nil if it is absent.
func (a *archive) open(part string) (*partReader, error) {
	f, ok := a.parts[partKey(part)]
	if !ok {
		return nil, nil //nolint:nilnil // absent parts are usual
	}
	r, err := f.Open()
	if err != nil {
		return nil, config.Failf(config.Malformed, "part %s cannot be opened: %w", plain.Quote(part), err)
	}
	return &partReader{archive: a, file: f, r: r}, nil
}

// each calls visit for every token of a part; visit's error ends it. A part that is absent has no tokens. Names
// are resolved to namespaces, and every tag that opens is closed.
func (a *archive) each(part string, visit func(xml.Token) error) error {
	r, err := a.open(part)
	if r == nil || err != nil {
		return err
	}
	defer r.Close()
	d := NewXMLDecoder(r, part)
	for depth := 0; ; {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return a.damaged(part, err)
		}
		switch t.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return config.Failf(config.TooComplex, "part %s nests elements deeper than %d: simplify the document",
					plain.Quote(part), maxDepth)
			}
		case xml.EndElement:
			depth--
		}
		if err := visit(t); err != nil {
			return err
		}
	}
}

// damaged keeps the errors that say more than "bad XML".
func (a *archive) damaged(part string, err error) error {
	if a.ctx.Err() != nil {
		return a.ctx.Err()
	}
	if _, ok := config.ReasonOf(err); ok {
		return err
	}
	return config.Failf(config.Malformed, "part %s is damaged: %s", plain.Quote(part), plain.Quote(err.Error()))
}

// partReader counts what comes out of the archive, because a declared size may be too small.
type partReader struct {
	archive *archive
	file    *zip.File
	r       io.ReadCloser
	read    int64
}

func (r *partReader) Close() error { return r.r.Close() }

func (r *partReader) Read(b []byte) (int, error) {
	if err := r.archive.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(b)
	r.read += int64(n)
	*r.archive.unpacked += int64(n)
	if *r.archive.unpacked > MaxUnpacked {
		return 0, config.Failf(config.TooLarge, "the archive, with what it holds, unpacks to more than %d bytes: split it",
			MaxUnpacked)
	}
	size := max(r.read, int64(min(r.file.UncompressedSize64, math.MaxInt64)))
	if packed := int64(r.file.CompressedSize64); size > smallPart && size > maxRatio*max(packed, 1) {
		return 0, config.Failf(config.TooLarge,
			"part %s unpacks to more than %d times its size: it is a zip bomb, or close to one", plain.Quote(r.file.Name),
			maxRatio)
	}
	return n, err
}
