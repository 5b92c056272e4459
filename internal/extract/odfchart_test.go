package extract

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A chart of OpenDocument keeps its figures as numbers. Its axis and its series say how they are shown.
func TestODPCharts(t *testing.T) {
	cell := func(value string) string {
		return `<table:table-cell office:value-type="float" office:value="` + value + `"><text:p>` + value + `</text:p></table:table-cell>`
	}
	named := func(name string) string { return `<table:table-cell><text:p>` + name + `</text:p></table:table-cell>` }
	chart := func(axis, series, domain, rows string) string {
		return `<office:document-content><office:automatic-styles><number:date-style style:name="N1"/>` +
			`<number:percentage-style style:name="N2"/><style:style style:name="days" style:data-style-name="N1"/>` +
			`<style:style style:name="shares" style:data-style-name="N2"/></office:automatic-styles><office:body><office:chart>` +
			`<chart:chart><chart:plot-area><chart:axis chart:dimension="x" chart:style-name="` + axis + `"/><chart:series ` +
			`chart:style-name="` + series + `" chart:values-cell-range-address="local-table.$B$2:.$B$3">` + domain +
			`</chart:series></chart:plot-area><table:table>` + rows + `</table:table></chart:chart></office:chart></office:body>` +
			`</office:document-content>`
	}
	row := func(cells string) string { return `<table:table-row>` + cells + `</table:table-row>` }
	for _, c := range []struct{ name, chart, want string }{
		{"shares by days", chart("days", "shares", "", row(named("")+named("Share"))+row(cell("45292")+cell("0.25"))),
			"| Share\n2024-01-01 | 25%"},
		{"points", chart("", "", `<chart:domain table:cell-range-address="local-table.$C$2:.$C$3"/>`,
			row(named("")+named("Flow")+named("Speed"))+row(named("")+cell("10")+cell("0.5"))), "Speed | Flow\n0.5 | 10"},
		{"numbers", chart("", "", "", row(named("")+named("Units"))+row(cell("45292")+cell("0.25"))), "| Units\n45292 | 0.25"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parts := odfParts("presentation", "", `<draw:page><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></draw:page>`)
			parts["Object 1/content.xml"] = c.chart
			d, err := shared.Extract(t.Context(), "a.odp", zipOf(t, parts))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, textOfFirst(d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}
