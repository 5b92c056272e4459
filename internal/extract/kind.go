package extract

import (
	"bytes"
	"context"
	"net/http"
	"path"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/mail"
	"github.com/ragpipeline/ragpipeline/internal/extract/office"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

var kindOfExtension = map[string]document.Kind{
	".md": document.Markdown, ".markdown": document.Markdown, ".mdx": document.Markdown,
	".html": document.HTML, ".htm": document.HTML, ".xhtml": document.HTML,
	".csv": document.CSV, ".tsv": document.CSV, ".psv": document.CSV,
	".json": document.JSON, ".jsonl": document.JSON, ".ndjson": document.JSON, ".jsonc": document.JSON,
	".json5":    document.JSON,
	".jsonld":   document.JSON,
	".json-seq": document.JSON, ".geojson": document.JSON, ".geojsonl": document.JSON, ".geojsonseq": document.JSON,
	".ipynb": document.Notebook,
	".xml":   document.XML, ".dita": document.XML, ".ditamap": document.XML, ".bookmap": document.XML,
	".dbk": document.XML, ".docbook": document.XML,
	".rss": document.XML, ".atom": document.XML, ".opml": document.XML, ".svg": document.XML, ".nxml": document.XML,
	".tei": document.XML,
	".xsd": document.XML, ".xsl": document.XML, ".xslt": document.XML, ".wsdl": document.XML, ".rdf": document.XML,
	".owl": document.XML,
	".xlf": document.XML, ".xliff": document.XML, ".tmx": document.XML, ".resx": document.XML, ".plist": document.XML,
	".kml": document.XML,
	".gpx": document.XML, ".xmi": document.XML, ".drawio": document.XML,
	".eml": document.Mail, ".emlx": document.Mail, ".mbox": document.Mail, ".mht": document.Mail, ".mhtml": document.Mail,
}

// kindOf looks at the bytes first; the name decides only among kinds of text, and not against what the text
// plainly is.
func kindOf(ctx context.Context, name string, data []byte) (document.Kind, error) {
	switch {
	case isPDF(name, data):
		return document.PDF, nil
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return office.KindOfZip(ctx, data)
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
		return "", office.CompoundFile(data)
	case mail.IsTNEF(data):
		return document.Mail, nil
	case bytes.HasPrefix(data, []byte(`{\rtf`)):
		return "", config.Failf(config.Unsupported, "rich text (RTF) is not read: save it as DOCX or PDF")
	case isOfficeXML(charset.TextStart(data)):
		return "", config.Failf(config.Unsupported,
			"Office documents of 2003 as one XML file are not read: save it as DOCX or XLSX")
	case charset.IsBinary(data):
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

func kindOfText(name string, data []byte) document.Kind {
	start := charset.TextStart(data)
	named, known := kindOfExtension[strings.ToLower(path.Ext(name))]
	switch {
	case isHTML(start):
		return document.HTML
	case named == document.XML && strings.HasPrefix(start, "<"), !known && strings.HasPrefix(start, "<?xml"):
		return document.XML
	case named == document.XML:
		return document.Text
	case mail.IsMailbox(start) && !known, mail.Header.MatchString(start) && (named == document.Mail || !known):
		return document.Mail
	case named == document.Mail && !strings.Contains(start, ":"):
		return document.Text
	case named == document.HTML && !strings.ContainsRune(start, '<'):
		return document.Text
	case (named == document.JSON || named == document.Notebook) && !records.StartsJSON(start):
		return document.Text
	case known:
		return named
	}
	return document.Text
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
