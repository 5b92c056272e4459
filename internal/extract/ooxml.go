package extract

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"

	"golang.org/x/net/html/charset"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Bounds against zip bombs. Office writes XML at ratios of 5 to 50; a bomb has 1000 and more.
const (
	maxZipEntries = 10_000
	maxUnpacked   = 256 << 20 // bytes of all parts that are read
	maxRatio      = 250       // unpacked to packed, for parts of more than smallPart bytes
	smallPart     = 4 << 20
)

// zipFiles opens an archive whose directory is of bearable size.
func zipFiles(data []byte) ([]*zip.File, error) {
	if n := bytes.Count(data, []byte("PK\x01\x02")); n > maxZipEntries {
		return nil, config.Failf(config.TooLarge, "the archive has %d entries, more than %d", n, maxZipEntries)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, config.Failf(config.Malformed, "it begins as a zip archive (such as DOCX or PPTX) but cannot be opened, perhaps it is cut off: %w", err)
	}
	return z.File, nil
}

// ooxml is an Office Open XML package (ECMA-376): XML parts in a zip archive.
type ooxml struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one extraction
	parts    map[string]*zip.File
	unpacked int64
}

func openOOXML(ctx context.Context, data []byte) (*ooxml, error) {
	files, err := zipFiles(data)
	if err != nil {
		return nil, err
	}
	p := &ooxml{ctx: ctx, parts: map[string]*zip.File{}}
	for _, f := range files {
		p.parts[strings.ToLower(f.Name)] = f
	}
	return p, nil
}

func (p *ooxml) has(name string) bool {
	_, ok := p.parts[strings.ToLower(name)]
	return ok
}

// each calls visit for every token of a part; visit's error ends it. A part that is absent has no tokens.
func (p *ooxml) each(name string, visit func(xml.Token) error) error {
	f, ok := p.parts[strings.ToLower(name)]
	if !ok {
		return nil
	}
	r, err := f.Open()
	if err != nil {
		return config.Failf(config.Malformed, "part %s cannot be opened: %w", quote(name), err)
	}
	defer r.Close()
	d := xml.NewDecoder(&partReader{pack: p, file: f, r: r})
	d.CharsetReader = charset.NewReaderLabel
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return p.malformed(name, err)
		}
		if err := visit(t); err != nil {
			return err
		}
	}
}

// malformed keeps the errors that say more than "bad XML".
func (p *ooxml) malformed(name string, err error) error {
	if p.ctx.Err() != nil {
		return p.ctx.Err()
	}
	if _, ok := config.ReasonOf(err); ok {
		return err
	}
	return config.Failf(config.Malformed, "part %s is damaged: %s", quote(name), quote(err.Error()))
}

// partReader counts what comes out of the archive, since the sizes that it declares may lie.
type partReader struct {
	pack *ooxml
	file *zip.File
	r    io.Reader
	read int64
}

func (r *partReader) Read(b []byte) (int, error) {
	if err := r.pack.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(b)
	r.read += int64(n)
	r.pack.unpacked += int64(n)
	if r.pack.unpacked > maxUnpacked {
		return 0, config.Failf(config.TooLarge, "the archive unpacks to more than %d bytes", maxUnpacked)
	}
	if packed := int64(r.file.CompressedSize64); r.read > smallPart && r.read > maxRatio*max(packed, 1) {
		return 0, config.Failf(config.TooLarge, "part %s unpacks to more than %d times its size: it is a zip bomb, or close to one", quote(r.file.Name), maxRatio)
	}
	return n, err
}

// relationships are the targets that a part refers to, by relationship id.
func (p *ooxml) relationships(part string) (map[string]string, error) {
	dir, base := path.Split(part)
	targets := map[string]string{}
	err := p.each(dir+"_rels/"+base+".rels", func(t xml.Token) error {
		if e, ok := t.(xml.StartElement); ok && e.Name.Local == "Relationship" {
			target := attribute(e, "Target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join(dir, target)
			}
			targets[attribute(e, "Id")] = strings.TrimPrefix(target, "/")
		}
		return nil
	})
	return targets, err
}

// title is the title among the document's properties, when it is a plausible one.
func (p *ooxml) title() (string, error) {
	var title strings.Builder
	inside := false
	err := p.each("docProps/core.xml", func(t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			inside = t.Name.Local == "title"
		case xml.EndElement:
			inside = false
		case xml.CharData:
			if inside {
				title.Write(t)
			}
		}
		return nil
	})
	return plausibleTitle(title.String()), err
}

// attribute is an attribute's value by its local name: the prefix, or the namespace of strict files, differs.
func attribute(e xml.StartElement, local string) string {
	for _, a := range e.Attr {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// skipper passes over elements whose text is not the document's: it counts how deep inside one we are.
type skipper struct {
	names map[string]bool
	depth int
}

// skips reports whether t belongs to an element that is passed over.
func (s *skipper) skips(t xml.Token) bool {
	switch t := t.(type) {
	case xml.StartElement:
		if s.depth > 0 || s.names[t.Name.Local] {
			s.depth++
			return true
		}
	case xml.EndElement:
		if s.depth > 0 {
			s.depth--
			return true
		}
	}
	return s.depth > 0
}
