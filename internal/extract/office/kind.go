package office

import (
	"bytes"
	"context"
	"path"
	"strings"
	"unicode/utf16"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// KindOfZip finds the formats that are zip archives by what is in them, since their names may be any: templates,
// files with macros, exports.
func KindOfZip(ctx context.Context, data []byte) (document.Kind, error) {
	pack, err := openOOXML(ctx, document.Source{Data: data})
	if err != nil {
		return "", err
	}
	if pack.has("META-INF/container.xml") {
		return document.EPUB, nil
	}
	if pack.has("mimetype") {
		return kindOfMimetype(pack)
	}
	if pack.main == "" {
		return "", config.Failf(config.Unsupported, "it is a zip archive without an Office document in it: unpack it")
	}
	if path.Ext(pack.main) == ".bin" {
		return "", config.Failf(config.Unsupported, "binary Excel workbooks (XLSB) are not read: save it as XLSX")
	}
	root, err := pack.mainElement()
	if err != nil {
		return "", err
	}
	switch root {
	case "document":
		return document.DOCX, nil
	case "presentation":
		return document.PPTX, nil
	case "workbook":
		return document.XLSX, nil
	case "VisioDocument":
		return "", config.Failf(config.Unsupported, "Visio drawings are not read: save it as PDF")
	}
	return "", config.Failf(config.Unsupported,
		"it is an Office package whose main part is a %s, which is not read: save it as PDF", plain.Quote(root))
}

// kindOfMimetype recognises the formats that begin with a part that names them.
func kindOfMimetype(pack *ooxml) (document.Kind, error) {
	data, err := pack.bytes("mimetype")
	if err != nil {
		return "", err
	}
	const openDocument = "application/vnd.oasis.opendocument."
	mimetype := strings.TrimSpace(string(data))
	name, isODF := strings.CutPrefix(mimetype, openDocument)
	switch strings.TrimSuffix(name, "-template") {
	case "text", "text-master", "text-web", "spreadsheet", "presentation", "graphics":
		if isODF {
			return document.ODF, nil
		}
	}
	return "", config.Failf(config.Unsupported, "it is a file of the type %s, which is not read: save it as PDF or HTML",
		plain.Quote(mimetype))
}

// CompoundFile names the kinds of file that share the compound format: encrypted OOXML, Outlook's messages, and
// Office before 2007.
func CompoundFile(data []byte) error {
	holds := func(stream string) bool { return bytes.Contains(data, UTF16LE(stream)) }
	format, instead := "Office format from before 2007", "DOCX, PPTX, XLSX or PDF"
	switch {
	case holds("EncryptedPackage"):
		return config.Failf(config.Encrypted, "the Office document needs a password: save it without one")
	case holds("__substg1.0") || holds("__properties_version1.0"):
		return config.Failf(config.Unsupported, "Outlook messages (MSG) are not read: save it as EML or PDF")
	case holds("WordDocument"):
		format, instead = "Word format from before 2007 (DOC)", "DOCX or PDF"
	case holds("PowerPoint Document"):
		format, instead = "PowerPoint format from before 2007 (PPT)", "PPTX or PDF"
	case holds("Workbook") || holds("Book"):
		format, instead = "Excel format from before 2007 (XLS)", "XLSX or CSV"
	case holds("VisioDocument"):
		format, instead = "Visio format", "PDF"
	}
	return config.Failf(config.Unsupported, "the %s is not read: save it as %s", format, instead)
}

// UTF16LE is s in UTF-16 of little endian, without a byte order mark, as compound files name their streams.
func UTF16LE(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}
