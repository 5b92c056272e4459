package extract

import (
	"bytes"
	"context"
	"net/http"
	"path"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// kind is what a document's bytes are.
type kind string

const (
	pdf       kind = "PDF"
	docx      kind = "Word document"
	pptx      kind = "PowerPoint presentation"
	xlsx      kind = "Excel workbook"
	odf       kind = "OpenDocument file"
	epub      kind = "EPUB book"
	htmlText  kind = "HTML page"
	markdown  kind = "Markdown text"
	csvText   kind = "CSV table"
	jsonText  kind = "JSON document"
	notebook  kind = "notebook"
	mail      kind = "mail"
	xmlText   kind = "XML document"
	plainText kind = "text"
)

// formatOf is the name that config.Readers has for the reader of each kind.
var formatOf = map[kind]string{
	pdf: "pdf", docx: "docx", pptx: "pptx", xlsx: "xlsx", odf: "odf", epub: "epub", htmlText: "html", markdown: "markdown",
	csvText: "csv", jsonText: "json", notebook: "notebook", mail: "mail", xmlText: "xml",
	plainText: "text",
}

var kindOfExtension = map[string]kind{
	".md": markdown, ".markdown": markdown, ".mdx": markdown,
	".html": htmlText, ".htm": htmlText, ".xhtml": htmlText,
	".csv": csvText, ".tsv": csvText,
	".json": jsonText, ".jsonl": jsonText, ".ndjson": jsonText, ".jsonc": jsonText, ".json5": jsonText,
	".jsonld":   jsonText,
	".json-seq": jsonText, ".geojson": jsonText, ".geojsonl": jsonText, ".geojsonseq": jsonText, ".ipynb": notebook,
	".xml": xmlText, ".dita": xmlText, ".ditamap": xmlText, ".bookmap": xmlText, ".dbk": xmlText, ".docbook": xmlText,
	".rss": xmlText, ".atom": xmlText, ".opml": xmlText, ".svg": xmlText, ".nxml": xmlText, ".tei": xmlText,
	".xsd": xmlText, ".xsl": xmlText, ".xslt": xmlText, ".wsdl": xmlText, ".rdf": xmlText, ".owl": xmlText,
	".xlf": xmlText, ".xliff": xmlText, ".tmx": xmlText, ".resx": xmlText, ".plist": xmlText, ".kml": xmlText,
	".gpx": xmlText, ".xmi": xmlText, ".drawio": xmlText,
	".eml": mail, ".emlx": mail, ".mbox": mail, ".mht": mail, ".mhtml": mail,
}

// kindOf looks at the bytes first; the name decides only among kinds of text, and not against what the text
// plainly is.
func kindOf(ctx context.Context, name string, data []byte) (kind, error) {
	switch {
	case isPDF(name, data):
		return pdf, nil
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return kindOfZip(ctx, data)
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return "", compoundFile(data)
	case isTNEF(data):
		return mail, nil
	case bytes.HasPrefix(data, []byte(`{\rtf`)):
		return "", config.Failf(config.Unsupported, "rich text (RTF) is not read: save it as DOCX or PDF")
	case isOfficeXML(textStart(data)):
		return "", config.Failf(config.Unsupported,
			"Office documents of 2003 as one XML file are not read: save it as DOCX or XLSX")
	case isBinary(data):
		return "", config.Failf(config.Unsupported, "its bytes are %s, which no extractor reads", binaryType(data))
	}
	return kindOfText(name, data), nil
}

// isPDF accepts what PDF readers do: a header somewhere in the first KiB. Beyond the very beginning the name
// must agree, as any text may speak of %PDF-.
func isPDF(name string, data []byte) bool {
	at := bytes.Index(data[:min(len(data), 1024)], []byte("%PDF-"))
	return at == 0 || at > 0 && (strings.EqualFold(path.Ext(name), ".pdf") || len(bytes.TrimSpace(data[:at])) == 0)
}

// binaryType names the bytes' type for a message.
func binaryType(data []byte) string {
	switch t, _, _ := strings.Cut(http.DetectContentType(data), ";"); {
	case t == "application/octet-stream" || strings.HasPrefix(t, "text/"):
		return "of an unknown binary type"
	default:
		return t
	}
}

func kindOfText(name string, data []byte) kind {
	start := textStart(data)
	named, known := kindOfExtension[strings.ToLower(path.Ext(name))]
	switch {
	case isHTML(start):
		return htmlText
	case named == xmlText && strings.HasPrefix(start, "<"), !known && strings.HasPrefix(start, "<?xml"):
		return xmlText
	case named == xmlText:
		return plainText
	case isMailbox(start) && !known, mailHeader.MatchString(start) && (named == mail || !known):
		return mail
	case named == mail && !strings.Contains(start, ":"):
		return plainText
	case named == htmlText && !strings.ContainsRune(start, '<'):
		return plainText
	case (named == jsonText || named == notebook) && !startsJSON(start):
		return plainText
	case known:
		return named
	}
	return plainText
}

// isOfficeXML recognises the formats of Office 2003 that hold a whole document in one XML file.
func isOfficeXML(start string) bool {
	if !strings.HasPrefix(start, "<?xml") {
		return false
	}
	for _, sign := range []string{"<?mso-application", "<w:wordDocument"} {
		if strings.Contains(start, sign) {
			return true
		}
	}
	return false
}

// isHTML recognises a page by its first tag.
func isHTML(start string) bool {
	start = withoutPrologue(strings.ToLower(start))
	for _, tag := range []string{"<!doctype html", "<html", "<head", "<body"} {
		if rest, ok := strings.CutPrefix(start, tag); ok && (rest == "" || strings.ContainsAny(rest[:1], " >\t\r\n")) {
			return true
		}
	}
	return false
}

// withoutPrologue is a text without the declarations and comments of XML that it begins with.
func withoutPrologue(start string) string {
	for {
		end := ""
		switch {
		case strings.HasPrefix(start, "<!--"):
			end = "-->"
		case strings.HasPrefix(start, "<?xml"):
			end = "?>"
		default:
			return start
		}
		_, rest, ended := strings.Cut(start, end)
		if !ended {
			return ""
		}
		start = strings.TrimSpace(rest)
	}
}

// textStart is the beginning of a text, without white space and byte order mark.
func textStart(data []byte) string {
	const look = 2048
	text, _ := decode(data[:min(len(data), look)])
	return strings.TrimSpace(text)
}
