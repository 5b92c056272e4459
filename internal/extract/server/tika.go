package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// tika is the API of Apache Tika's server: https://cwiki.apache.org/confluence/display/TIKA/TikaServer. A document is
// PUT; the reply is an object of the document's metadata, with the text as XHTML under X-TIKA:content.
type tika struct{}

func (tika) url(base string) string { return base + "/tika/html" }

func (tika) keyHeader() string { return "" } // Tika takes none, but a proxy before it may

func (tika) request(name string, data []byte, scanned bool) (model.Request, error) {
	header := http.Header{
		"Accept":              {"application/json"},
		"Content-Type":        {"application/octet-stream"}, // which lets Tika find out
		"Content-Disposition": {"attachment; filename*=UTF-8''" + url.PathEscape(fileName(name))},
	}
	if scanned {
		// By default, Tika leaves a page with ten characters of text as it is, though they are a stamp on a scan.
		header[ocrStrategy] = []string{"ocr_and_text_extraction"}
	}
	return model.Request{Method: http.MethodPut, Header: header, Body: data}, nil
}

// refuses reports the statuses by which Tika refuses a document: 422 for one that it cannot parse, 415 for a type that
// it does not know.
func (tika) refuses(err *model.Error) bool {
	return err.Status == http.StatusUnprocessableEntity || err.Status == http.StatusUnsupportedMediaType
}

// ocrStrategy is a header that Tika takes in this spelling.
const ocrStrategy = "X-Tika-PDFOcrStrategy"

// Keys of Tika's metadata.
const (
	tikaContent   = "X-TIKA:content"
	tikaParsedBy  = "X-TIKA:Parsed-By"
	tikaException = "X-TIKA:EXCEPTION:" // is a prefix
	tikaTitle     = "dc:title"
)

func (tika) read(reply []byte) (*reading, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(reply, &fields); err != nil {
		return nil, errors.New("it is not a JSON object")
	}
	content, ok := tikaText(fields[tikaContent])
	if _, parsed := fields[tikaParsedBy]; !ok || !parsed {
		return nil, fmt.Errorf("its fields %s and %s are missing", tikaContent, tikaParsedBy)
	}
	r := &reading{pages: tikaPages(content)}
	r.title, _ = tikaText(fields[tikaTitle])
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if what, found := strings.CutPrefix(name, tikaException); found {
			r.warnings.Add(config.PartsIgnored, 1, "a part that Tika cannot read ("+what+")")
		}
	}
	return r, nil
}

// tikaText is a field of the metadata: a text, or the first of several.
func tikaText(field json.RawMessage) (text string, ok bool) {
	var texts []string
	if json.Unmarshal(field, &text) == nil {
		return text, true
	}
	if json.Unmarshal(field, &texts) == nil && len(texts) > 0 {
		return texts[0], true
	}
	return "", false
}
