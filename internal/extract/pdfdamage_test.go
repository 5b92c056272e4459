package extract

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// deflatedPDF is a PDF of pages with these contents, which mend may change once they are deflated.
func deflatedPDF(mend func(page int, deflated []byte) []byte, contents ...string) []byte {
	objects := []string{"<</Type/Catalog/Pages 2 0 R>>", "", "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"}
	kids := ""
	for i, content := range contents {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		_, _ = w.Write([]byte(content)) // a buffer takes all
		_ = w.Close()
		stream := mend(i+1, b.Bytes())
		kids += fmt.Sprintf("%d 0 R ", len(objects)+1)
		objects = append(objects,
			fmt.Sprintf("<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents %d 0 R/Resources<</Font<</F1 3 0 R>>>>>>",
				len(objects)+2),
			fmt.Sprintf("<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream", len(stream), stream))
	}
	objects[1] = fmt.Sprintf("<</Type/Pages/Count %d/Kids[%s]>>", len(contents), kids)
	var file bytes.Buffer
	file.WriteString("%PDF-1.7\n")
	for i, object := range objects {
		fmt.Fprintf(&file, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	fmt.Fprintf(&file, "trailer\n<</Size %d/Root 1 0 R>>\n%%%%EOF\n", len(objects)+1)
	return file.Bytes()
}

func TestPagesWhoseContentIsDamagedAreNotBlank(t *testing.T) {
	const words = "BT /F1 12 Tf 72 700 Td (Words on a page that can be read) Tj ET"
	blank := "q Q " + strings.Repeat("% nothing to see\n", 20)
	whole := func(_ int, b []byte) []byte { return b }
	of := func(damaged int, damage func([]byte) []byte) func(int, []byte) []byte {
		return func(page int, b []byte) []byte {
			if page == damaged {
				return damage(b)
			}
			return b
		}
	}
	garbage := func(b []byte) []byte { return bytes.Repeat([]byte{0xa7, 0x13, 0x55}, len(b)) }
	flipped := func(b []byte) []byte { b[2] = 7; return b } // a kind of block that is not
	cut := func(b []byte) []byte { return b[:len(b)/4] }
	noChecksum := func(b []byte) []byte { return b[:len(b)-4] }
	for name, tt := range map[string]struct {
		data   []byte
		places []string // that are warned of; nil for none
	}{
		"whole, with a blank page":            {deflatedPDF(whole, words, blank, words), nil},
		"garbage":                             {deflatedPDF(of(2, garbage), words, words, words), []string{"page 2"}},
		"a flipped byte":                      {deflatedPDF(of(2, flipped), words, words, words), []string{"page 2"}},
		"cut":                                 {deflatedPDF(of(3, cut), words, words, words), []string{"page 3"}},
		"no checksum":                         {deflatedPDF(of(2, noChecksum), words, blank, words), nil},
		"a document that is cut off its end":  {bytes.TrimSuffix(deflatedPDF(whole, words, blank, words), []byte("%%EOF\n")), []string{"page 2"}},
		"an image that is damaged, and blank": {bytes.Replace(deflatedPDF(of(2, garbage), words, words, words), []byte("<</Filter"), []byte("<</Subtype/Image/Filter"), 3), nil},
	} {
		d, err := shared.Extract(t.Context(), "a.pdf", tt.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var places []string
		for _, w := range d.Warnings {
			places = append(places, w.Places...)
		}
		if diff := cmp.Diff(tt.places, places); diff != "" {
			t.Errorf("%s: places of warnings (-want +got):\n%s", name, diff)
		}
	}
	_, err := shared.Extract(t.Context(), "a.pdf", deflatedPDF(of(1, garbage), words))
	wantReason(t, err, config.Malformed, "the content of 1 of 1 pages cannot be decoded")
}

func TestPDFPagesThatAreMissingAreReported(t *testing.T) {
	const words = "BT /F1 12 Tf 72 700 Td (Words on a page that can be read) Tj ET"
	whole := string(deflatedPDF(func(_ int, b []byte) []byte { return b }, words, words, words))
	d, err := shared.Extract(t.Context(), "a.pdf", []byte(strings.Replace(whole, "Kids[4 0 R 6 0 R", "Kids[4 0 R 77 0 R", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Pages) != 3 || d.Pages[1].Text != "" || !strings.Contains(d.Pages[2].Text, "Words on a page") {
		t.Errorf("got %+v", d.Pages)
	}
	want := config.Warnings{{Reason: config.PagesWithoutText, Count: 1, Places: []string{"page 2"}}}
	if diff := cmp.Diff(want, d.Warnings); diff != "" {
		t.Error(diff)
	}
	_, err = shared.Extract(t.Context(), "a.pdf", []byte(strings.Replace(whole, "Kids[4 0 R 6 0 R", "Kids[76 0 R 77 0 R", 1)))
	wantReason(t, err, config.Malformed, "the content of 2 of 3 pages cannot be decoded")
}
