package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// docling is the API of docling-serve: https://github.com/docling-project/docling-serve, docs/usage.md. A document is
// posted as a form; the reply holds it as a DoclingDocument, in which each item tells its page. Its Markdown does not:
// a page break stands there only between pages that have text, so that blank pages would shift the numbers.
type docling struct{}

func (docling) url(base string) string { return base + "/v1/convert/file" }

func (docling) keyHeader() string { return "X-Api-Key" }

// request leaves OCR to Docling, which by default reads the images of each page.
func (docling) request(name string, data []byte, _ bool) (model.Request, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for _, field := range [][2]string{{"to_formats", "json"}, {"image_export_mode", "placeholder"}} {
		if err := form.WriteField(field[0], field[1]); err != nil {
			return model.Request{}, err
		}
	}
	file, err := form.CreateFormFile("files", fileName(name))
	if err == nil {
		_, err = file.Write(data)
	}
	if err == nil {
		err = form.Close()
	}
	header := http.Header{"Content-Type": {form.FormDataContentType()}}
	return model.Request{Method: http.MethodPost, Header: header, Body: body.Bytes()}, err
}

// refuses reports the reply to a conversion that failed: 404 with the words that the task has no result, which the
// client tells from a wrong path.
func (docling) refuses(err *model.Error) bool {
	return err.Status == http.StatusNotFound && err.Failure == config.ModelRejected
}

// doclingReply is what of docling-serve's reply is read.
type doclingReply struct {
	Status string `json:"status"`
	Errors []struct {
		Message string `json:"error_message"`
	} `json:"errors"`
	Document *struct {
		JSON *doclingDocument `json:"json_content"`
	} `json:"document"`
}

func (docling) read(body []byte) (*reading, error) {
	var reply doclingReply
	if err := json.Unmarshal(body, &reply); err != nil {
		return nil, errors.New("it is not a conversion's JSON object")
	}
	why := "it tells no reason"
	if len(reply.Errors) > 0 {
		why = printable(reply.Errors[0].Message)
	}
	switch {
	case reply.Status == "failure" || reply.Status == "skipped":
		return nil, config.Failf(config.Malformed, "status %s, %s", reply.Status, why)
	case reply.Status != "success" && reply.Status != "partial_success":
		return nil, fmt.Errorf("its status is %q", printable(reply.Status))
	case reply.Document == nil || reply.Document.JSON == nil || reply.Document.JSON.Schema != "DoclingDocument":
		return nil, errors.New("it holds no DoclingDocument")
	}
	r := reply.Document.JSON.reading()
	if reply.Status == "partial_success" {
		r.warnings.Add(config.PartsIgnored, max(len(reply.Errors), 1), "a part that Docling cannot read: "+why)
	}
	return r, nil
}

// maxMessage bounds, in bytes, what of the server's words gets into a message.
const maxMessage = 200

func printable(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "..."
	}
	return s
}
