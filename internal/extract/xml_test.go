package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestXML(t *testing.T) {
	const declared = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	for _, c := range []struct{ name, file, data, want string }{
		{"a task of DITA", "a.dita", declared + `<!DOCTYPE task PUBLIC "-//OASIS//DTD DITA Task//EN" "task.dtd" [
<!ENTITY product "Hydra 9">]>
<task id="t"><title>Changing the <ph>filter</ph> of &product;</title><shortdesc>Every 10<sup>3</sup> hours.</shortdesc>
<taskbody><prereq><p>Wear gloves.</p></prereq><steps>
<step><cmd>Open <menucascade><uicontrol>Tools</uicontrol><uicontrol>Service</uicontrol></menucascade>.</cmd>
<info><note type="warning">Hot oil.</note></info></step>
<step><cmd>Turn</cmd><substeps><substep><cmd>left</cmd></substep></substeps></step></steps>
<result><p>See <xref href="https://example.com/x">the manual</xref>.</p></result></taskbody></task>`,
			"Changing the filter of Hydra 9\n\nEvery 10³ hours.\n\nWear gloves.\n1. Open Tools > Service.\nWarning: Hot oil.\n" +
				"2. Turn\n  1. left\n\nSee the manual. (https://example.com/x)"},
		{"a chapter of DocBook", "a.xml", declared + `<chapter xmlns="http://docbook.org/ns/docbook"><title>Install</title>
<para>Run <command>make</command> <option>-j</option> &amp; wait. H<subscript>2</subscript>O.</para>
<itemizedlist><listitem><para>First</para><para>More</para></listitem><listitem><para>Second</para></listitem></itemizedlist>
<variablelist><varlistentry><term>ttl</term><listitem><para>time to live</para></listitem></varlistentry></variablelist>
<programlisting><![CDATA[if (a < b) {
  go();
}]]></programlisting></chapter>`,
			"Install\n\nRun make -j & wait. H₂O.\n- First\n  More\n- Second\nttl: time to live\n\nif (a < b) {\n  go();\n}"},
		{"records", "a.xml", `<catalog date="2024-01-01"><!-- until June --><book id="1"><title>One</title><price currency="EUR">5</price></book>
<book id="2"><title>Two</title><note>A <b>bold</b> one.</note></book><property name="ttl" value="30"/></catalog>`,
			"date=2024-01-01\ncomment: until June\n\nbook: id=1\nbook.title: One\nbook.price: 5 (currency=EUR)\n\n" +
				"book: id=2\nbook.title: Two\nbook.note: A bold one.\n\nproperty: name=ttl, value=30"},
		{"a feed with an ampersand that is none", "a.rss", declared + `<rss><channel><title>News</title><item><title>AT&T</title>
<pubDate>5 May</pubDate><description>&lt;p&gt;The &lt;i&gt;db&lt;/i&gt; is up.&lt;/p&gt;&lt;p&gt;Now.&lt;/p&gt;</description></item></channel></rss>`,
			"News\n\nAT&T\n\npubDate: 5 May\ndescription:\n\nThe *db* is up.\n\nNow."},
		{"a feed of Atom", "a", declared + `<feed xmlns="http://www.w3.org/2005/Atom"><title>Blog</title><entry><title>Robots</title>
<link href="http://example.org/1"/><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One <b>bold</b> word</p></div></content></entry></feed>`,
			"Blog\n\nRobots\n\nlink: href=http://example.org/1\n\nOne bold word"},
		{"a property list", "a.plist", declared + `<plist><dict><key>Name</key><string>App</string><key>On</key><true/></dict></plist>`,
			"dict.Name: App\ndict.On: true"},
		{"a drawing", "a.svg", `<svg xmlns="x"><title>Loop</title><style>.a{}</style><g><text>Inlet <tspan>pump</tspan></text></g></svg>`,
			"Loop\n\nInlet pump"},
		{"no XML under its name", "a.xml", "a < b & words", "a < b & words"},
		{"another encoding", "a.xml", "<?xml version='1.0' encoding='windows-1251'?><a><b>\xcf\xf0\xe8\xe2\xe5\xf2</b></a>", "b: Привет"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, textOfFirst(extract(t, c.file, c.data))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTablesAndHeadingsOfXML(t *testing.T) {
	d := extract(t, "a.xml", `<?xml version="1.0"?><article><front><article-meta><title-group><article-title>Doses</article-title>
</title-group></article-meta></front><body><sec><title>Methods</title><table-wrap><label>Table 1</label><caption><p>Drugs</p></caption>
<table><tgroup><colspec colname="a"/><colspec colname="b"/><colspec colname="c"/><thead><row><entry>Drug</entry>
<entry namest="b" nameend="c">Dose</entry></row></thead><tfoot><row><entry>all</entry><entry>9</entry><entry>9</entry></row></tfoot>
<tbody><row><entry morerows="1">X</entry><entry>1</entry><entry>2</entry></row><row><entry>3</entry><entry/></row></tbody>
</tgroup></table></table-wrap></sec></body></article>`)
	page := d.Pages[0]
	if want := "Doses\n\nMethods\n\nTable 1 Drugs\nDrug | Dose | Dose\nX | 1 | 2\nX | 3 |\nall | 9 | 9"; page.Text != want {
		t.Errorf("got %q", page.Text)
	}
	if len(page.Tables) != 1 || page.Tables[0].Caption != "Table 1 Drugs" || page.Tables[0].Header != "Drug | Dose | Dose" {
		t.Errorf("got %+v", page.Tables)
	}
	headings := []Heading{{Offset: 0, Level: 1, Text: "Doses"}, {Offset: 7, Level: 2, Text: "Methods"}}
	if diff := cmp.Diff(headings, page.Headings); diff != "" || d.Title != "Doses" {
		t.Error(d.Title, diff)
	}
}

func TestXMLThatIsCutOffOrHostile(t *testing.T) {
	d := extract(t, "a.xml", "<?xml version='1.0'?><a><b>one</b>\n<c>two")
	if got := textOfFirst(d); got != "b: one\nc: two" || len(d.Warnings) != 1 || d.Warnings[0].String() != "Truncated: 1 (line 2: an element that does not end)" {
		t.Errorf("got %q, %v", got, d.Warnings)
	}
	for name, c := range map[string]struct {
		data string
		want config.Reason
	}{
		"entities within entities": {`<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("x", 1<<20) + `">]><a>` + strings.Repeat("&b;", 100) + `</a>`, config.TooLarge},
		"nesting":                  {strings.Repeat("<a>", 300) + "x", config.TooComplex},
		"elements":                 {"<a>" + strings.Repeat("<b>x</b>", 300_000) + "</a>", config.TooComplex},
		"long paths":               {strings.Repeat("<"+strings.Repeat("n", 190)+">", 200) + strings.Repeat("<b>x</b>", 200_000), config.TooLarge},
		"nothing":                  {"<a/>", config.Malformed},
	} {
		_, err := shared.Extract(t.Context(), "a.xml", []byte(c.data))
		if reason, _ := config.ReasonOf(err); reason != c.want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
