package office

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// maxFlat bounds a document in one XML file, in bytes: it is in memory as a whole, and once more as an archive.
const maxFlat = 64 << 20

// InArchive is a document in one XML file as the archive that it could be: the flat forms of OpenDocument and of Office
// Open XML. All other documents stay as they are.
func InArchive(ctx context.Context, data []byte) ([]byte, error) {
	if !bytes.HasPrefix(bytes.TrimLeft(data[:min(len(data), 64)], "\xef\xbb\xbf\xff\xfe\x00 \r\n"), []byte("<")) {
		return data, nil
	}
	start := charset.TextStart(data)
	isODF, isOPC := strings.Contains(start, "<office:document"), strings.Contains(start, "<pkg:package")
	if !strings.HasPrefix(start, "<?xml") || !isODF && !isOPC {
		return data, nil
	}
	if len(data) > maxFlat {
		return nil, config.Failf(config.TooLarge, "an Office document in one XML file may not have more than %d bytes: "+
			"save it as ODT or DOCX", maxFlat)
	}
	text, _ := charset.Decode(data)
	_, text, _ = strings.Cut(text, "?>") // the declaration of an encoding that it no longer has
	var b bytes.Buffer
	p := flatPackage{text: text, ctx: ctx, zip: zip.NewWriter(&b), sections: map[string]string{}}
	err := p.read()
	if isODF && err == nil {
		err = p.writeOpenDocument()
	}
	if err == nil {
		err = p.zip.Close()
	}
	return b.Bytes(), err
}

// flatPackage is a document in one XML file that becomes an archive.
type flatPackage struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one document is packed
	text     string
	zip      *zip.Writer
	mimetype string
	parts    int
	sections map[string]string // elements below the root, by name, with their tags
}

// read keeps the sections of the document, and writes the parts of a package.
func (p *flatPackage) read() error {
	d := NewXMLDecoder(strings.NewReader(p.text), "the document")
	var names []string  // of the open elements
	var starts [4]int64 // where those of each depth begin; that of the content of a part behind its tag
	part := ""
	for {
		from := d.InputOffset()
		token, err := d.Token()
		switch {
		case p.ctx.Err() != nil:
			return p.ctx.Err()
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return p.damaged(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			names = append(names, t.Name.Local)
			switch len(names) {
			case 1:
				p.mimetype = attribute(t.Attr, "mimetype")
			case 2:
				starts[2], part = from, attribute(t.Attr, "name")
			case 3:
				starts[3] = d.InputOffset()
			}
			if len(names) > maxDepth {
				return config.Failf(config.TooComplex, "the document nests elements deeper than %d: simplify it", maxDepth)
			}
		case xml.EndElement:
			if err := p.end(names, part, starts, from, d.InputOffset()); err != nil {
				return err
			}
			names = names[:len(names)-1]
		}
	}
}

// end takes the element that ends with a tag from and to an offset.
func (p *flatPackage) end(names []string, part string, starts [4]int64, from, to int64) error {
	name := names[len(names)-1]
	switch {
	case len(names) == 2 && name != "part":
		p.sections[name] = p.text[starts[2]:to]
	case len(names) == 3 && name == "xmlData":
		return p.write(part, p.text[starts[3]:from])
	case len(names) == 3 && name == "binaryData":
		encoded := strings.Join(strings.Fields(p.text[starts[3]:from]), "")
		data, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return p.damaged(err)
		}
		return p.write(part, string(data))
	}
	return nil
}

func (p *flatPackage) damaged(err error) error {
	if _, ok := config.ReasonOf(err); ok {
		return err
	}
	return config.Failf(config.Malformed, "the document is damaged: %s", plain.Quote(err.Error()))
}

// writeOpenDocument writes the parts that the readers of OpenDocument look for.
func (p *flatPackage) writeOpenDocument() error {
	s := p.sections
	for _, part := range []struct{ name, content string }{
		{"mimetype", p.mimetype},
		{"meta.xml", `<document-meta>` + s["meta"] + `</document-meta>`},
		{"styles.xml", `<document-styles>` + s["styles"] + s["automatic-styles"] + s["master-styles"] + `</document-styles>`},
		{"content.xml", `<document-content>` + s["automatic-styles"] + s["body"] + `</document-content>`},
	} {
		if err := p.write(part.name, part.content); err != nil {
			return err
		}
	}
	return nil
}

func (p *flatPackage) write(name, content string) error {
	if p.parts++; p.parts > MaxZipEntries {
		return config.Failf(config.TooLarge, "the document has more than %d parts: simplify it", MaxZipEntries)
	}
	w, err := p.zip.CreateHeader(&zip.FileHeader{Name: strings.TrimPrefix(name, "/"), Method: zip.Store})
	if err == nil {
		_, err = io.WriteString(w, content)
	}
	return err
}
