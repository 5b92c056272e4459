package extract

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func epubParts() map[string]string {
	chapter := func(body string) string {
		return `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body>` + body +
			`</body></html>`
	}
	return map[string]string{
		"mimetype":               "application/epub+zip",
		"META-INF/container.xml": `<container><rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>`,
		"OEBPS/book.opf": `<package><metadata><dc:title>The Tenancy Guide</dc:title></metadata><manifest>
<item id="a" href="text/a.xhtml" media-type="application/xhtml+xml"/><item id="b" href="text/b%20c.xhtml" media-type="application/xhtml+xml"/>
<item id="cover" href="cover.xhtml" media-type="application/xhtml+xml"/><item id="css" href="x.css" media-type="text/css"/></manifest>
<spine><itemref idref="cover"/><itemref idref="b"/><itemref idref="a"/><itemref idref="a"/><itemref idref="css"/></spine></package>`,
		"OEBPS/cover.xhtml":    chapter(`<img src="cover.png"/>`),
		"OEBPS/text/a.xhtml":   chapter(`<h1>Notice</h1><p>Three months.</p>`),
		"OEBPS/text/b c.xhtml": chapter(`<h1>Rent</h1><p>Due on the first.</p>`),
	}
}

func TestEPUB(t *testing.T) {
	d, err := shared.Extract(t.Context(), "a.epub", zipOf(t, epubParts()))
	if err != nil {
		t.Fatal(err)
	}
	if d.Title != "The Tenancy Guide" {
		t.Errorf("title %q", d.Title)
	}
	texts := []string{}
	for _, p := range d.Pages {
		texts = append(texts, p.Text)
	}
	if diff := cmp.Diff([]string{"# Rent\n\nDue on the first.", "# Notice\n\nThree months."}, texts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Notice"}, d.HeadingPath(1, 12)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(config.Warnings{{Reason: config.PagesWithoutText, Count: 1,
		Places: []string{"OEBPS/cover.xhtml"}}}, d.Warnings); diff != "" {
		t.Error(diff)
	}
}

func TestEPUBOfOneChapter(t *testing.T) {
	parts := epubParts()
	parts["OEBPS/book.opf"] = `<package><metadata/><manifest><item id="a" href="text/a.xhtml" media-type="application/xhtml+xml"/>
<item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="nav"/><itemref idref="a"/></spine></package>`
	parts["OEBPS/nav.xhtml"] = `<html xmlns="http://www.w3.org/1999/xhtml"><body><nav><ol><li><a href="text/a.xhtml">A</a></li></ol></nav></body></html>`
	parts["OEBPS/text/a.xhtml"] = `<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>` +
		`<p>Pay 20<a epub:type="noteref" href="#n">1</a></p><p>or 30<a role="doc-noteref" href="#n"><sup>2</sup></a></p></body></html>`
	d, err := shared.Extract(t.Context(), "a.epub", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Pages) != 1 || d.Pages[0].Text != "# A\n\nPay 20¹\n\nor 30²" || len(d.Warnings) > 0 {
		t.Errorf("got %+v, %v", d.Pages, d.Warnings)
	}
}

func TestEPUBThatIsMostlyPictures(t *testing.T) {
	parts := epubParts()
	parts["OEBPS/text/a.xhtml"] = parts["OEBPS/cover.xhtml"]
	_, err := shared.Extract(t.Context(), "a.epub", zipOf(t, parts))
	wantReason(t, err, config.NoTextLayer, "2 of 3 chapters")
}

func TestEPUBRaisesTextByItsSheets(t *testing.T) {
	parts := epubParts()
	parts["OEBPS/text/a.xhtml"] = `<html xmlns="http://www.w3.org/1999/xhtml"><head><link href="../css/x.css" rel="stylesheet"/>` +
		`<link href="../css/absent.css" rel="stylesheet"/></head><body><p>10<span class="up">6</span><span class="off">!</span></p></body></html>`
	parts["OEBPS/css/x.css"] = ".off { display: none }\n.up {\n font-size: 0.58em;\n position: relative;\n top: -0.33em;\n vertical-align: baseline;\n}"
	d, err := shared.Extract(t.Context(), "a.epub", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Pages[len(d.Pages)-1].Text; got != "10⁶!" {
		t.Errorf("got %q", got)
	}
}

func TestEPUBThatIsLocked(t *testing.T) {
	parts := epubParts()
	parts["META-INF/encryption.xml"] = `<encryption><EncryptedData><CipherData>` +
		`<CipherReference URI="OEBPS/text/a.xhtml"/></CipherData></EncryptedData></encryption>`
	_, err := shared.Extract(t.Context(), "a.epub", zipOf(t, parts))
	wantReason(t, err, config.Encrypted, "rights management")
	parts["META-INF/encryption.xml"] = `<encryption><EncryptedData><CipherData>` +
		`<CipherReference URI="OEBPS/font.otf"/></CipherData></EncryptedData></encryption>`
	if _, err := shared.Extract(t.Context(), "a.epub", zipOf(t, parts)); err != nil {
		t.Error(err)
	}
}

func FuzzEPUB(f *testing.F) {
	fuzzPart(f, "a.epub", "OEBPS/book.opf", epubParts(), epubParts()["OEBPS/book.opf"])
}

func TestABookWhoseOnlyDocumentIsItsMenu(t *testing.T) {
	parts := epubParts()
	parts["OEBPS/book.opf"] = `<package><metadata><dc:title>One page</dc:title></metadata><manifest>` +
		`<item id="a" href="text/a.xhtml" media-type="application/xhtml+xml" properties="nav"/></manifest>` +
		`<spine><itemref idref="a"/></spine></package>`
	d, err := shared.Extract(t.Context(), "a.epub", zipOf(t, parts))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Pages) != 1 || d.Pages[0].Text != "# Notice\n\nThree months." {
		t.Errorf("pages %+v", d.Pages)
	}
}
