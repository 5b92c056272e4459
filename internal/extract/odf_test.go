package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func odfParts(kind, styles, body string) map[string]string {
	return map[string]string{
		"mimetype": "application/vnd.oasis.opendocument." + kind,
		"content.xml": `<office:document-content xmlns:office="o" xmlns:text="t" xmlns:table="b"><office:automatic-styles>` +
			styles +
			`</office:automatic-styles><office:body><office:` + kind + `>` + body + `</office:` + kind +
			`></office:body></office:document-content>`,
		"styles.xml": `<office:document-styles><office:styles><style:style style:name="Title" style:family="paragraph"/>` +
			`<style:style style:name="Table" style:parent-style-name="Caption"/><style:style style:name="Caption"/>` +
			`<text:outline-style><text:outline-level-style text:level="1" style:num-format="1"/>` +
			`<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/></text:outline-style>` +
			`</office:styles><office:master-styles><style:master-page><style:header><text:p>QP-4471</text:p></style:header>` +
			`<style:header-left><text:p>QP-4471, left</text:p></style:header-left>` +
			`<style:footer><text:p>- -</text:p></style:footer></style:master-page></office:master-styles>` +
			`</office:document-styles>`,
	}
}

const odfTextStyles = `<style:style style:name="T1"><style:text-properties style:text-position="super 58%"/>` +
	`</style:style>` +
	`<style:style style:name="T2"><style:text-properties text:display="none"/></style:style>` +
	`<text:list-style style:name="L1">` +
	`<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>` +
	`<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")"/></text:list-style>` +
	`<text:list-style style:name="L2"><text:list-level-style-bullet text:level="1"/></text:list-style>`

func TestODT(t *testing.T) {
	item := func(s string) string { return `<text:list-item><text:p>` + s + `</text:p></text:list-item>` }
	cell := func(attributes, s string) string {
		return `<table:table-cell ` + attributes + `><text:p>` + s + `</text:p></table:table-cell>`
	}
	parts := odfParts("text", odfTextStyles, `<text:sequence-decls/><text:tracked-changes><text:changed-region>`+
		`<text:deletion><text:p>gone</text:p></text:deletion></text:changed-region></text:tracked-changes>
<text:p text:style-name="Title">The Report</text:p>
<text:h text:outline-level="1">Scope</text:h><text:h text:outline-level="2">Terms</text:h>
<text:p>Load is 10<text:span text:style-name="T1">6</text:span>  N,<text:s text:c="2"/>see<text:tab/>below.<text:span text:style-name="T2">secret</text:span><text:note><text:note-citation>1</text:note-citation><text:note-body><text:p>At 20 °C.</text:p></text:note-body></text:note></text:p>
<text:p>Host<draw:frame><draw:text-box><text:p>In the box.</text:p></draw:text-box></draw:frame> text.</text:p>
<text:list text:style-name="L1">`+item("one")+`<text:list-item><text:p>two</text:p><text:list>`+item("below")+`</text:list></text:list-item></text:list>
<text:list text:style-name="L1" text:continue-numbering="true">`+item("three")+`</text:list><text:list text:style-name="L2">`+item("dot")+`</text:list>
<text:section text:display="none"><text:p>hidden</text:p></text:section>
<text:section text:display="condition" text:is-hidden="true"><text:p>hidden</text:p></text:section>
<text:p><text:hidden-paragraph text:is-hidden="true"/>hidden</text:p>
<text:p>Seen<draw:frame><draw:text-box><text:p>hidden<text:hidden-paragraph text:is-hidden="true"/></text:p></draw:text-box></draw:frame>.</text:p>
<text:p>The <text:hidden-text text:is-hidden="false">old </text:hidden-text><text:a xlink:href="https://x.example/y">form</text:a>.</text:p>
<text:numbered-paragraph text:style-name="L1"><text:p>four</text:p></text:numbered-paragraph>
<text:p text:style-name="Table">Table 1: Units</text:p>
<table:table><table:table-header-rows><table:table-row>`+cell("", "Region")+cell("", "Product")+cell("", "Units")+`</table:table-row></table:table-header-rows>
<table:table-row>`+cell(`table:number-rows-spanned="2"`, "Benelux")+cell("", "Cable")+cell("", "812")+`</table:table-row>
<table:table-row><table:covered-table-cell/>`+cell("", "Hub")+cell("", "447")+`</table:table-row></table:table>
<text:p>Factor <draw:frame><draw:object xlink:href="./Object 1"/><draw:image xlink:href="x"/></draw:frame> holds.</text:p>
<text:p>東<text:ruby><text:ruby-base>京</text:ruby-base><text:ruby-text>きょう</text:ruby-text></text:ruby></text:p>`)
	parts["Object 1/content.xml"] = `<math><semantics><mfrac><mn>12</mn><mn>5</mn></mfrac>` +
		`<annotation>12 over 5</annotation></semantics></math>`
	d, err := shared.Extract(t.Context(), "a.odt", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	const want = `The Report

1 Scope

1.1 Terms

Load is 10⁶ N,  see	below.

At 20 °C.

Host text.

In the box.
1. one
2. two
a) below
3. three
- dot

Seen.

The old form. (https://x.example/y)
4. four

Table 1: Units
Region | Product | Units
Benelux | Cable | 812
Benelux | Hub | 447

Factor 12/5 holds.

東京

QP-4471

QP-4471, left`
	if diff := cmp.Diff(want, textOfFirst(d)); diff != "" {
		t.Error(diff)
	}
	if d.Title != "The Report" {
		t.Errorf("title %q", d.Title)
	}
	if tables := d.Pages[0].Tables; len(tables) != 1 || tables[0].Header != "Region | Product | Units" || tables[0].Caption != "Table 1: Units" {
		t.Errorf("tables %+v", tables)
	}
	if diff := cmp.Diff(config.Warnings{{Reason: config.HiddenText, Count: 5}}, d.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestODS(t *testing.T) {
	cell := func(attributes, s string) string {
		return `<table:table-cell ` + attributes + `><text:p>` + s + `</text:p></table:table-cell>`
	}
	parts := odfParts("spreadsheet",
		`<style:style style:name="ta2"><style:table-properties table:display="false"/></style:style>`,
		`<table:table table:name="Stock"><table:table-column/><table:table-column table:visibility="collapse"/>`+
			`<table:table-column table:number-columns-repeated="2"/>
<table:table-row>`+cell("", "Region")+cell("", "Code")+cell("", "Day")+cell("", "Share")+`</table:table-row>
<table:table-row>`+cell(`table:number-rows-spanned="2"`, "Benelux")+cell("", "x")+cell("", "17/03/26")+`<table:table-cell><office:annotation><dc:creator>Ines</dc:creator><text:p>Check.</text:p></office:annotation><text:p>25%</text:p><draw:frame><draw:object xlink:href="./Object 1"/></draw:frame></table:table-cell></table:table-row>
<table:table-row><table:covered-table-cell/>`+cell(`table:number-columns-repeated="3"`, "y")+`</table:table-row>
<table:table-row table:number-rows-repeated="1048573"><table:table-cell table:number-columns-repeated="16384"/>
</table:table-row></table:table>
<table:table table:name="Secret" table:style-name="ta2"><table:table-row>`+cell("", "not shown")+`</table:table-row></table:table>`)
	parts["Object 1/content.xml"] = `<office:document-content><office:body><office:chart><chart:chart><chart:title>` +
		`<text:p>Shares</text:p></chart:title>` +
		`<table:table><table:table-row>` + cell("", "a") + cell("", "b") +
		`</table:table-row></table:table></chart:chart></office:chart></office:body></office:document-content>`
	d, err := shared.Extract(t.Context(), "a.ods", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	const want = "Stock\n\nRegion | Day | Share\nBenelux | 17/03/26 | 25%\nBenelux | y | y\n\nComment by Ines: Check.\n\nShares\n\nQP-4471\n\nQP-4471, left"
	if diff := cmp.Diff(want, textOfFirst(d)); diff != "" {
		t.Error(diff)
	}
	warnings := config.Warnings{{Reason: config.HiddenText, Count: 2, Places: []string{"Stock column 2", "sheet Secret"}}}
	if diff := cmp.Diff(warnings, d.Warnings); diff != "" {
		t.Error(diff)
	}
}

// A program may write the values of cells alone. Columns in groups and in headers count as all others do.
func TestODSValuesAndGroupsOfColumns(t *testing.T) {
	value := func(attributes string) string { return `<table:table-cell office:value-type=` + attributes + `/>` }
	d, err := shared.Extract(t.Context(), "a.ods", zipOf(t, odfParts("spreadsheet", "", `<table:table table:name="S">`+
		`<table:table-column-group><table:table-column/><table:table-column table:visibility="collapse"/>`+
		`</table:table-column-group><table:table-header-columns><table:table-column table:number-columns-repeated="3"/>`+
		`</table:table-header-columns><table:table-row>`+value(`"string" office:string-value="Part"`)+
		value(`"string" office:string-value="Hidden"`)+value(`"date" office:date-value="2026-03-01"`)+
		value(`"percentage" office:value="0.25"`)+value(`"currency" office:value="4.5" office:currency="EUR"`)+
		`</table:table-row></table:table>`)))
	if err != nil || !strings.HasPrefix(textOfFirst(d), "S\n\nPart | 2026-03-01 | 25% | 4.5 EUR\n") {
		t.Errorf("got %q, %v", textOfFirst(d), err)
	}
}

// What a master shows on each slide, and the slides' headers and footers, stand there once.
func TestODPMastersAndGroups(t *testing.T) {
	text := func(s string) string { return `<draw:text-box><text:p>` + s + `</text:p></draw:text-box>` }
	parts := odfParts("presentation", "", `<presentation:footer-decl presentation:name="f">Footer</presentation:footer-decl>`+
		strings.Repeat(`<draw:page draw:master-page-name="M" presentation:use-footer-name="f"><draw:custom-shape `+
			`draw:transform="rotate (0.5) translate (1cm 12cm)" svg:width="5cm" svg:height="1cm"><text:p>turned</text:p></draw:custom-shape><draw:g>`+
			`<svg:desc>How pumps are joined</svg:desc><draw:frame svg:x="1cm" svg:y="2cm" svg:width="5cm" svg:height="1cm">`+text("above")+`</draw:frame></draw:g>`+
			`<presentation:notes><draw:frame presentation:class="header">`+text("Handout")+`</draw:frame></presentation:notes>`+
			`</draw:page>`, 2))
	parts["styles.xml"] = strings.Replace(parts["styles.xml"], `</office:master-styles>`,
		`<style:master-page style:name="M"><draw:frame presentation:class="title">`+text("Click to edit")+`</draw:frame>`+
			`<draw:frame>`+text("ACME")+`</draw:frame></style:master-page></office:master-styles>`, 1)
	d, err := shared.Extract(t.Context(), "a.odp", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	const shapes = "above\n\nHow pumps are joined\n\nturned"
	if diff := cmp.Diff([]string{shapes + "\n\nACME\n\nFooter", shapes}, []string{d.Pages[0].Text, d.Pages[1].Text}); diff != "" {
		t.Error(diff)
	}
}

func TestODP(t *testing.T) {
	frame := func(attributes, content string) string {
		return `<draw:frame ` + attributes + `>` + content + `</draw:frame>`
	}
	text := func(s string) string { return `<draw:text-box><text:p>` + s + `</text:p></draw:text-box>` }
	d, err := shared.Extract(t.Context(), "a.odp", zipOf(t, odfParts("presentation", "",
		`<draw:page draw:name="p1">`+frame(`svg:x="2cm" svg:y="9cm" svg:width="8cm" svg:height="1cm"`, text("below"))+
			frame(`svg:x="2cm" svg:y="5cm" svg:width="8cm" svg:height="1cm"`, text("above"))+
			frame(`presentation:class="title" svg:x="2cm" svg:y="12cm"`, text("Title"))+
			`<presentation:notes>`+frame("", text("Ask Ines."))+`</presentation:notes></draw:page>`+
			`<draw:page>`+frame("", `<draw:image xlink:href="x.png"/>`)+`</draw:page>`)))
	if err != nil {
		t.Fatal(err)
	}
	want := []Page{
		{Number: 1, Slide: true, Text: "Title\n\nabove\n\nbelow\n\nNotes: Ask Ines.", Headings: []Heading{{Offset: 0, Level: 1, Text: "Title"}}},
		{Number: 2, Slide: true},
	}
	if diff := cmp.Diff(want, d.Pages); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(config.Warnings{{Reason: config.PagesWithoutText, Count: 1, Places: []string{"slide 2"}}},
		d.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestODFFailuresAreNamed(t *testing.T) {
	locked := odfParts("text", "", "<text:p>x</text:p>")
	locked["META-INF/manifest.xml"] = `<manifest:manifest><manifest:file-entry manifest:full-path="content.xml">` +
		`<manifest:encryption-data/></manifest:file-entry></manifest:manifest>`
	for _, c := range []struct {
		name   string
		parts  map[string]string
		reason config.Reason
	}{
		{"encrypted", locked, config.Encrypted},
		{"empty", odfParts("text", "", ""), config.NoTextLayer},
		{"damaged", odfParts("text", "", "<text:p>"), config.Malformed},
		{"deep", odfParts("text", "", strings.Repeat("<table:table><table:table-row><table:table-cell>", 5000)),
			config.TooComplex},
		{"wide", odfParts("spreadsheet", "", `<table:table><table:table-row>`+
			`<table:table-cell table:number-columns-repeated="999999999"><text:p>x</text:p></table:table-cell>`+
			`</table:table-row></table:table>`), config.TooComplex},
		{"long", odfParts("spreadsheet", "", `<table:table><table:table-row table:number-rows-repeated="999999999">`+
			`<table:table-cell table:number-columns-repeated="99"><text:p>x</text:p></table:table-cell></table:table-row>`+
			`</table:table>`), config.TooComplex},
	} {
		t.Run(c.name, func(t *testing.T) {
			delete(c.parts, "styles.xml") // which has a text of its own
			_, err := shared.Extract(t.Context(), "a.odt", zipOf(t, c.parts))
			wantReason(t, err, c.reason, "")
		})
	}
}

func FuzzODT(f *testing.F) {
	fuzzPart(f, "a.odt", "content.xml", odfParts("text", "", "<text:p>x</text:p>"),
		odfParts("text", odfTextStyles, `<text:h>a</text:h><text:list text:style-name="L1"><text:list-item>`+
			`<text:p>b</text:p></text:list-item></text:list>`)["content.xml"],
		odfParts("spreadsheet", "", `<table:table><table:table-row><table:table-cell table:number-columns-repeated="9">`+
			`<text:p>x</text:p></table:table-cell></table:table-row></table:table>`)["content.xml"],
		odfParts("presentation", "", `<draw:page><draw:frame svg:x="1cm" svg:y="1cm"><draw:text-box><text:p>x</text:p>`+
			`</draw:text-box></draw:frame></draw:page>`)["content.xml"])
}
