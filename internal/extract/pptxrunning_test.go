package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Lines at the edge of slides are read once, and numbers of slides not at all. What stands elsewhere, or is not the
// slide's own number, is the slide's.
func TestPPTXRunningLines(t *testing.T) {
	edges := func(number string) string {
		return box10(5, 70, 30, 3, "ACME 2026") + box10(90, 70, 5, 3, number) + box10(5, 1, 5, 3, "Page 4") +
			box10(5, 30, 30, 6, "Repeated on purpose") + `<p:grpSp><p:grpSpPr>` + transform(50, 40, 5, 5) + `</p:grpSpPr>` +
			box10(0, 0, 5, 3, number) + `</p:grpSp>`
	}
	parts := pptxParts(edges("2 / 2"), edges("1"))
	parts["ppt/presentation.xml"] = strings.Replace(parts["ppt/presentation.xml"], `</p:presentation>`,
		`<p:sldSz cx="9144000" cy="6858000"/></p:presentation>`, 1)
	d, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Page 4 Repeated on purpose ACME 2026 1", "Repeated on purpose 2 / 2"}
	for i, page := range d.Pages {
		if diff := cmp.Diff(want[i], strings.Join(strings.Fields(page.Text), " ")); diff != "" {
			t.Errorf("slide %d: %s", i+1, diff)
		}
	}
}

// A slide without a title must not be told under that of the slide before. The name of a section stands with the
// slide that begins it.
func TestPPTXTitlesAndSections(t *testing.T) {
	parts := pptxParts(box10(10, 10, 30, 6, "untitled"), shape("title", "First"))
	parts["ppt/presentation.xml"] = strings.Replace(parts["ppt/presentation.xml"], `</p:presentation>`,
		`<p:extLst><p:ext><p14:sectionLst><p14:section name="Annex"><p14:sldIdLst><p14:sldId id="251"/></p14:sldIdLst>`+
			`</p14:section></p14:sectionLst></p:ext></p:extLst></p:presentation>`, 1)
	d, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"First"}, d.HeadingPath(0, 2)); diff != "" {
		t.Error(diff)
	}
	if path := d.HeadingPath(1, 0); len(path) > 0 || d.Pages[1].Text != "untitled\n\nSection: Annex" {
		t.Errorf("got %q under %q", d.Pages[1].Text, path)
	}
}
