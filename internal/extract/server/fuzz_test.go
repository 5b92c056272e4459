package server

import (
	"os"
	"testing"
)

// Replies are foreign bytes, and partly those of the document: whatever they are, they are read or refused.
func FuzzReplies(f *testing.F) {
	document, err := os.ReadFile("testdata/doclingdocument.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"status": "success", "document": {"json_content": ` + string(document) + `}}`))
	f.Add([]byte(`{"status": "success", "document": {"json_content": {"schema_name": "DoclingDocument", "body": {"children": [{"$ref": "#/groups/0"}]},
		"groups": [{"label": "inline", "children": [{"$ref": "#/groups/0"}]}], "pages": {"1": {"page_no": 1}}}}}`))
	f.Add([]byte(fromTika(`<div class="page"><div class="ocr">a</div></div><div class="package-entry"><h1>x</h1></div><img src="embedded:x"></div></div>`)))
	f.Fuzz(func(t *testing.T, reply []byte) {
		for _, p := range []protocol{tika{}, docling{}} {
			r, err := p.read(reply)
			if (r == nil) == (err == nil) {
				t.Errorf("%T: a reading %t, and the error %v", p, r != nil, err)
			}
		}
		for i, page := range tikaPages("<body>" + string(reply)) {
			if page.number != 0 && page.number != i+1 {
				t.Errorf("page %d has the number %d", i+1, page.number)
			}
		}
	})
}
