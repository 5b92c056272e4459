package extract

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCharts(t *testing.T) {
	cache := func(element string, values ...string) string {
		s := `<c:` + element + `><c:numRef><c:numCache>`
		for i, v := range values {
			s += `<c:pt idx="` + string(rune('0'+i)) + `"><c:v>` + v + `</c:v></c:pt>`
		}
		return s + `</c:numCache></c:numRef></c:` + element + `>`
	}
	named := func(name string) string { return `<c:tx><c:v>` + name + `</c:v></c:tx>` }
	chart := func(series string) string {
		return `<c:chartSpace><c:chart><c:plotArea>` + series + `</c:plotArea></c:chart></c:chartSpace>`
	}
	for _, c := range []struct{ name, chart, want string }{
		{"points of other places than those of the series before", chart(`<c:ser>` + named("Speed") + cache("xVal", "1", "2") +
			cache("yVal", "10", "20") + `</c:ser><c:ser>` + named("Load") + cache("xVal", "5", "6") + cache("yVal", "7", "8") +
			`</c:ser>`), "| Speed\n1 | 10\n2 | 20\n\n| Load\n5 | 7\n6 | 8"},
		{"fewer categories than the series before", chart(`<c:ser>` + named("A") + cache("cat", "1", "2") + cache("val", "3",
			"4") + `</c:ser><c:ser>` + named("B") + cache("cat", "1") + cache("val", "5") + `</c:ser>`),
			"| A | B\n1 | 3 | 5\n2 | 4 |"},
		{"sizes of bubbles, and labels from cells", chart(`<c:ser>` + named("A") + cache("xVal", "1") + cache("yVal", "2") +
			cache("bubbleSize", "3") + `<c:extLst><c:ext><c15:datalabelsRange><c15:dlblRangeCache><c:pt idx="0"><c:v>Hub</c:v>` +
			`</c:pt></c15:dlblRangeCache></c15:datalabelsRange></c:ext></c:extLst></c:ser>`),
			"| A | A (size) | A (label)\n1 | 2 | 3 | Hub"},
		{"never drawn", chart(`<c:ser/>`), "S\n\nPart | Units\nHub | 7\n\nDrawn over it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts := pptxParts(`<p:graphicFrame><a:graphic><a:graphicData><c:chart xmlns:r="r" r:id="rId1"/></a:graphicData>` +
				`</a:graphic></p:graphicFrame>`)
			parts["ppt/slides/_rels/slide1.xml.rels"] = relationshipsOf("chart", "../charts/chart1.xml")
			parts["ppt/charts/chart1.xml"] = c.chart
			if c.name == "never drawn" {
				parts["ppt/charts/_rels/chart1.xml.rels"] = relationshipsOf("package", "../embeddings/book.xlsx",
					"chartUserShapes", "../drawings/drawing1.xml")
				parts["ppt/drawings/drawing1.xml"] = `<c:userShapes><cdr:sp><cdr:txBody>` + paragraphOf("Drawn over it") +
					`</cdr:txBody></cdr:sp></c:userShapes>`
				parts["ppt/embeddings/book.xlsx"] = string(zipOf(t, sheetParts(`<sheetData><row><c t="str"><v>Part</v></c>`+
					`<c t="str"><v>Units</v></c></row><row><c t="str"><v>Hub</v></c><c><v>7</v></c></row></sheetData>`)))
			}
			d, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, textOfFirst(d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The points of a diagram may be damaged, or have no text; the drawing that was made of them may be whole.
func TestDiagramsAreReadFromTheirDrawings(t *testing.T) {
	parts := pptxParts(`<p:graphicFrame><a:graphic><a:graphicData><dgm:relIds xmlns:r="r" r:dm="rId1"/></a:graphicData>` +
		`</a:graphic></p:graphicFrame>`)
	parts["ppt/slides/_rels/slide1.xml.rels"] = relationshipsOf("diagramData", "../diagrams/data1.xml")
	parts["ppt/diagrams/data1.xml"] = `<dgm:dataModel><dgm:ptLst>`
	parts["ppt/diagrams/drawing1.xml"] = `<dsp:drawing><dsp:spTree><dsp:sp><dsp:txBody>` + paragraphOf("Sign-off") +
		`</dsp:txBody></dsp:sp></dsp:spTree></dsp:drawing>`
	d, err := shared.Extract(t.Context(), "a.pptx", zipOf(t, parts))
	if err != nil || textOfFirst(d) != "Sign-off" || len(d.Warnings) > 0 {
		t.Errorf("got %+v, %v", d, err)
	}
}
