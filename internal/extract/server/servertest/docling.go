// Package servertest has an extraction server for tests: a Docling that is played.
package servertest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
)

// Docling plays docling-serve, as far as its API goes: routes, key, form, refusals and the shape of its replies follow
// version 1.31 (docling_serve/app.py) and docling-core's DoclingDocument. It converts texts alone: form feeds part the
// pages, a line that begins with "# " is a heading, and every other line is a paragraph.
type Docling struct {
	// Key is DOCLING_SERVE_API_KEY; empty asks for none.
	Key string
	// Fault, if not nil, may answer a conversion itself; it reports whether it has.
	Fault func(w http.ResponseWriter, name string) bool
}

// outputFormats are the values of to_formats.
var outputFormats = []string{"md", "json", "yaml", "html", "html_split_page", "text", "doctags", "vtt"}

// maxMemory is what a form keeps in memory; the rest of it would be on disk.
const maxMemory = 32 << 20

func (d *Docling) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/health" || r.URL.Path == "/ready":
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	case r.URL.Path != "/v1/convert/file":
		answer(w, http.StatusNotFound, detail("Not Found"))
	case r.Method != http.MethodPost:
		answer(w, http.StatusMethodNotAllowed, detail("Method Not Allowed"))
	case d.Key != "" && r.Header.Get("X-Api-Key") != d.Key:
		answer(w, http.StatusUnauthorized, detail("The provided API Key is invalid."))
	default:
		d.convert(w, r)
	}
}

func (d *Docling) convert(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxMemory)
	err := r.ParseMultipartForm(maxMemory) //nolint:gosec // the body is bounded, and a test's
	if err != nil || len(r.MultipartForm.File["files"]) == 0 {
		answer(w, http.StatusUnprocessableEntity, invalid("files", "missing", "Field required"))
		return
	}
	formats := r.MultipartForm.Value["to_formats"]
	for _, f := range formats {
		if !slices.Contains(outputFormats, f) {
			answer(w, http.StatusUnprocessableEntity, invalid("to_formats", "enum", "Input should be 'md', 'json', ..."))
			return
		}
	}
	file := r.MultipartForm.File["files"][0]
	if d.Fault != nil && d.Fault(w, file.Filename) {
		return
	}
	text, err := readFile(file)
	if err != nil || strings.ContainsRune(text, 0) { // not a text: the task fails, and has no result
		answer(w, http.StatusNotFound, detail("Task result not found. Please wait for a completion status."))
		return
	}
	document := map[string]any{"filename": file.Filename, "md_content": nil, "json_content": nil, "html_content": nil,
		"text_content": nil, "doctags_content": nil}
	if len(formats) == 0 || slices.Contains(formats, "md") {
		document["md_content"] = text
	}
	if slices.Contains(formats, "json") {
		document["json_content"] = DoclingDocument(file.Filename, strings.Split(text, "\f"))
	}
	answer(w, http.StatusOK, map[string]any{"document": document, "status": "success", "errors": []any{},
		"processing_time": 0.1, "timings": map[string]any{}})
}

func readFile(header *multipart.FileHeader) (string, error) {
	f, err := header.Open()
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	return string(b), err
}

// DoclingDocument is the JSON of pages of text.
func DoclingDocument(name string, pages []string) map[string]any {
	texts, children, numbers := []any{}, []any{}, map[string]any{}
	for i, text := range pages {
		number := i + 1
		size := map[string]any{"width": 595.0, "height": 842.0}
		numbers[fmt.Sprint(number)] = map[string]any{"size": size, "page_no": number}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			ref := fmt.Sprintf("#/texts/%d", len(texts))
			item := map[string]any{
				"self_ref": ref, "parent": map[string]any{"$ref": "#/body"}, "children": []any{}, "content_layer": "body",
				"label": "text", "prov": []any{map[string]any{"page_no": number, "charspan": []int{0, len(line)},
					"bbox": map[string]any{"l": 0, "t": 0, "r": 100, "b": 10, "coord_origin": "TOPLEFT"}}},
			}
			if heading, ok := strings.CutPrefix(line, "# "); ok {
				item["label"], item["level"], line = "section_header", 1, heading
			}
			item["orig"], item["text"] = line, line
			texts, children = append(texts, item), append(children, map[string]any{"$ref": ref})
		}
	}
	root := func(ref, layer string, children []any) map[string]any {
		return map[string]any{"self_ref": ref, "children": children, "content_layer": layer, "name": "_root_",
			"label": "unspecified"}
	}
	return map[string]any{
		"schema_name": "DoclingDocument", "version": "1.10.0", "name": name,
		"furniture": root("#/furniture", "furniture", []any{}), "body": root("#/body", "body", children),
		"groups": []any{}, "texts": texts, "pictures": []any{}, "tables": []any{}, "key_value_items": []any{},
		"form_items": []any{}, "pages": numbers,
	}
}

func detail(text string) map[string]any { return map[string]any{"detail": text} }

// invalid is how FastAPI tells of a form's field.
func invalid(field, kind, message string) map[string]any {
	return map[string]any{"detail": []any{map[string]any{"type": kind, "loc": []string{"body", field}, "msg": message}}}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
