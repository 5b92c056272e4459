package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
)

// bodyOf is the text of a page with this body.
func bodyOf(t *testing.T, body string) string {
	t.Helper()
	return textOfFirst(extract(t, "a.html", "<!DOCTYPE html><html><head><title>T</title></head><body>"+body+"</body></html>"))
}

func TestTablesInHTML(t *testing.T) {
	const head = "<tr><th>Part</th><th>Price</th></tr>"
	for _, tt := range []struct{ name, body, want string }{
		{"a line break", "<table>" + head + "<tr><td>a<br>b</td><td>1</td></tr></table>", "| Part | Price |\n|---|---|\n| a b | 1 |"},
		{"paragraphs", "<table>" + head + "<tr><td><p>a</p><p>b</p></td><td>1</td></tr></table>", "| Part | Price |\n|---|---|\n| a b | 1 |"},
		{"a list", "<table>" + head + "<tr><td><ul><li>a</li><li>b</li></ul></td><td>1</td></tr></table>", "| Part | Price |\n|---|---|\n| a; b | 1 |"},
		{"a table in a cell", "<table>" + head + "<tr><td><table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table></td><td>1</td></tr></table>", "| Part | Price |\n|---|---|\n| a b; c d | 1 |"},
		{"marked as presentation", `<table role="presentation">` + head + "<tr><td>a</td><td>1</td></tr></table>", "| Part | Price |\n|---|---|\n| a | 1 |"},
		{"a caption", "<table><caption>Prices\nof June</caption>" + head + "<tr><td>a</td><td>1</td></tr></table>", "Prices of June\n| Part | Price |\n|---|---|\n| a | 1 |"},
		{"a header of td", "<table><tr><td>Part</td><td>Price</td></tr><tr><td>a</td><td>1</td></tr></table>", "| Part | Price |\n|---|---|\n| a | 1 |"},
		{"two rows of names", "<table><thead><tr><th rowspan=2>Part</th><th colspan=2>2024</th></tr><tr><th>Q1</th><th>Q2</th></tr></thead><tr><td>a</td><td>1</td><td>2</td></tr></table>", "| Part | 2024 Q1 | 2024 Q2 |\n|---|---|---|\n| a | 1 | 2 |"},
		{"merged cells", "<table>" + head + "<tr><td rowspan=2>a</td><td>1</td></tr><tr><td>2</td></tr><tr><td colspan=2>none</td></tr></table>", "| Part | Price |\n|---|---|\n| a | 1 |\n| a | 2 |\n| none |"},
		{"an empty cell", "<table>" + head + "<tr><td></td><td>1</td></tr></table>", "| Part | Price |\n|---|---|\n|  | 1 |"},
		{"names on the left", "<table><tr><th>Flow</th><td>812 l/min</td></tr><tr><th>Weight</th><td>44 kg</td></tr></table>", "| Flow | 812 l/min |\n| Weight | 44 kg |"},
		{"bars and links in cells", `<table>` + head + `<tr><td>a|b <a href="https://x.y/z">c</a></td><td>1</td></tr></table>`, "| Part | Price |\n|---|---|\n| a|b c (https://x.y/z) | 1 |"},
		{"a title over all columns", "<table><tr><td colspan=2>Stock of <b>June</b></td></tr>" + head + "<tr><td>a</td><td>1</td></tr></table>", "Stock of June\n| Part | Price |\n|---|---|\n| a | 1 |"},
		{"a title and a blank row", "<table><tr><td colspan=2>Stock</td></tr><tr><td></td><td></td></tr><tr><td>Part</td><td>Price</td></tr><tr><td>a</td><td>1</td></tr></table>", "Stock\n| Part | Price |\n|---|---|\n| a | 1 |"},
		{"a title over names that are td", "<table><tr><th colspan=2>Stock</th></tr><tr><td>Part</td><td>Price</td></tr><tr><td>a</td><td>1</td></tr></table>", "Stock\n| Part | Price |\n|---|---|\n| a | 1 |"},
		{"the names again", "<table>" + head + "<tr><td>a</td><td>1</td></tr>" + head + "<tr><td>b</td><td>2</td></tr></table>", "| Part | Price |\n|---|---|\n| a | 1 |\n| b | 2 |"},
		{"the layout of a page", "<table><tr><td><h2>A</h2><p>text</p></td><td><p>more</p></td></tr></table>", "## A\n\ntext\n\nmore"},
		{"rows to the end of a group", "<table>" + head + "<tbody><tr><td rowspan=0>a</td><td>1</td></tr><tr><td>2</td></tr></tbody><tbody><tr><td>b</td><td>3</td></tr></tbody></table>", "| Part | Price |\n|---|---|\n| a | 1 |\n| a | 2 |\n| b | 3 |"},
		{"rows beyond a group", "<table>" + head + "<tbody><tr><td rowspan=9>a</td><td>1</td></tr></tbody><tbody><tr><td>b</td><td>3</td></tr></tbody></table>", "| Part | Price |\n|---|---|\n| a | 1 |\n| b | 3 |"},
		{"steps in a cell", "<table>" + head + "<tr><td><ol start=2><li>a</li><li>b</li></ol></td><td>1</td></tr></table>", "| Part | Price |\n|---|---|\n| 2. a; 3. b | 1 |"},
		{"by its roles", "<div role=table><div><div role=row><span role=columnheader>Part</span><span role=columnheader>Price</span></div></div><div role=row><span role=rowheader>a</span><span role=cell>1</span></div></div>", "| Part | Price |\n|---|---|\n| a | 1 |"},
		{"around code", "<table><tr><td class=linenos><pre>1\n2</pre></td><td><pre>a = 1\nb = 2</pre></td></tr></table>", "```\na = 1\nb = 2\n```"},
		{"of one cell", "<table><tr><td>only <b>this</b></td></tr></table>", "only **this**"},
		{"a span beyond reason", "<table><tr><td colspan=100000000 rowspan=100000000>x</td><td>y</td></tr></table>", "| " + strings.Repeat("x | ", 1000) + "y |"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := bodyOf(t, tt.body); got != tt.want {
				t.Errorf("got %.300q, want %.300q", got, tt.want)
			}
		})
	}
	d := extract(t, "a.html", "<html><body><p>Intro</p><table><caption>Prices</caption>"+head+"<tr><td>a</td><td>1</td></tr><tr><td>b</td><td>2</td></tr></table></body></html>")
	want := []Table{{Start: 7, End: 54, Caption: "Prices", Header: "| Part | Price |\n|---|---|", Columns: []string{"Part", "Price"}, Rows: []int{42, 52}}}
	if got := d.Pages[0].Tables; len(got) != 1 || got[0].Caption != want[0].Caption || got[0].Header != want[0].Header || len(got[0].Rows) != 2 {
		t.Errorf("tables %+v", got)
	}
	d = extract(t, "a.html", "<html><body><table><caption>Pump</caption><tr><th>Flow</th><td>8</td></tr><tr><th>Mass</th><td>4</td></tr></table>")
	nameless := []Table{{End: 30, Caption: "Pump", Rows: []int{5, 18}}}
	if diff := cmp.Diff(nameless, d.Pages[0].Tables); diff != "" {
		t.Errorf("a table without names of columns (-want +got):\n%s", diff)
	}
}

func TestTablesInHTMLAreBounded(t *testing.T) {
	wide := "<table><tr>" + strings.Repeat("<td>x</td>", document.MaxColumns+1) + "</tr></table>"
	_, err := shared.Extract(t.Context(), "a.html", []byte("<html><body>"+wide))
	wantReason(t, err, config.TooComplex, "columns")
	many := "<table><tr>" + strings.Repeat("<td rowspan=9999 colspan=1000>x</td>", 16) + "</tr>" + strings.Repeat("<tr></tr>", 1000) + "</table>"
	_, err = shared.Extract(t.Context(), "a.html", []byte("<html><body>"+many))
	wantReason(t, err, config.TooComplex, "cells")
}

func TestHTMLKeepsContentAndDropsMenus(t *testing.T) {
	links := strings.Repeat(`<a href="/x">Elsewhere</a> `, 6)
	long := "<p>" + strings.Repeat("A paragraph of the article, long enough to be read. ", 30) + "</p>"
	for name, body := range map[string]string{
		"a second section":     "<div><h1>A</h1>" + long + "</div><div><h2>Data</h2><p>812 l/min</p></div>",
		"an aside":             "<main>" + long + "</main><aside><p>812 l/min at 20 °C</p></aside>",
		"a footer's number":    "<main>" + long + "</main><footer><p>Document TP-88, 812 l/min.</p></footer>",
		"an inactive tab":      "<main>" + long + `<div class="tab-pane" style="display:none"><p>812 l/min</p></div></main>`,
		"a panel that opens":   "<main>" + long + `<a href="#more">Open</a><div id="more" hidden>812 l/min</div></main>`,
		"an answer":            "<main>" + long + `<h3>How much?</h3><div class="faq-answer" hidden>812 l/min</div></main>`,
		"details":              "<main>" + long + "<details><summary>Flow</summary>812 l/min</details></main>",
		"a list of terms":      "<main>" + long + "<dl><dt>Flow</dt><dd>812 l/min</dd></dl></main>",
		"a header":             "<header><h1>A</h1><p>812 l/min</p></header>" + long,
		"a comment section":    "<main>" + long + `</main><section class="comments"><p>We measured 812 l/min.</p></section>`,
		"cookies as a subject": "<main>" + long + `<div class="cookie-recipes"><h1>Cookies</h1>812 l/min</div></main>`,
		"a menu with a table":  "<main>" + long + `</main><nav><table><tr><td>Flow</td><td>812 l/min</td></tr></table></nav>`,
		"a shadow tree":        "<main>" + long + "<x-card><template shadowrootmode=open><p>812 l/min</p></template></x-card></main>",
		"a frame":              "<main>" + long + `<iframe srcdoc="&lt;p&gt;812 l/min&lt;/p&gt;"></iframe></main>`,
		"for no scripts":       "<main>" + long + "<noscript>Please enable JavaScript</noscript><noscript><p>812 l/min</p></noscript></main>",
		"found when searched":  "<main>" + long + `<p hidden="until-found">812 l/min</p></main>`,
		"shown by a script":    "<main>" + long + `<p style="display:none" x-show="open">812 l/min</p></main>`,
		"a diagram's labels":   "<main>" + long + `<svg><foreignObject><div>812 l/min</div></foreignObject></svg></main>`,
		"hidden without them":  `<noscript><style>.app { display:none }</style></noscript><main class="app">` + long + "<p>812 l/min</p></main>",
		"hidden to programs":   "<main>" + long + `<p aria-hidden="true">812 l/min</p></main>`,
	} {
		got := bodyOf(t, "<nav><h3>Wayfinding</h3>"+links+"</nav>"+body+`<div id="cookie-banner"><p>We use cookies. <button>Accept</button></p></div><ul class="menu">`+links+"</ul><footer>"+links+"</footer>")
		if !strings.Contains(got, "812 l/min") {
			t.Errorf("%s is lost", name)
		}
		for _, gone := range []string{"Elsewhere", "Accept", "Wayfinding", "JavaScript"} {
			if strings.Contains(got, gone) {
				t.Errorf("%s: %q is left", name, gone)
			}
		}
	}
	if got := bodyOf(t, "<dl><dt>Flow</dt><dd>812 l/min</dd><dt>Sizes:</dt><dd>S</dd><dd>M</dd></dl>"); got != "Flow: 812 l/min\n\nSizes: S; M" {
		t.Errorf("terms are %q", got)
	}
}

func TestTheSheetsOfAFrameAndOfItsPageHideNothingInEachOther(t *testing.T) {
	d := extract(t, "a.html", `<html><head><style>.x{display:none}</style></head><body><p>page</p><p class="y">kept</p>`+
		`<iframe srcdoc="<style>.y{display:none}</style><p class='y'>draft</p><p class='x'>frame</p>"></iframe></body></html>`)
	if got := textOfFirst(d); got != "page\n\nkept\n\nframe" {
		t.Errorf("got %q", got)
	}
	if len(d.Warnings) != 1 || d.Warnings[0].Reason != config.HiddenText {
		t.Errorf("warnings %v", d.Warnings)
	}
}

func TestFramesAndDrawingsAreBounded(t *testing.T) {
	frame := func(page string) string {
		return `<iframe srcdoc="` + strings.NewReplacer("&", "&amp;", `"`, "&quot;").Replace(page) + `"></iframe>`
	}
	for name, c := range map[string]struct {
		body, want string
		ignored    int
	}{
		"a frame of frames":         {frame("<frameset><frame src=x></frameset>"), "seen", 1},
		"a frame in a frame":        {frame("<p>inside</p>" + frame("<p>deeper</p>")), "seen\n\ninside", 1},
		"frames of many tags":       {strings.Repeat(frame(strings.Repeat("<br>", markup.MaxTags/2)+"<p>a</p>"), 4), "seen\n\na", 3},
		"text of HTML in a drawing": {"<svg>" + strings.Repeat("<foreignObject><svg>", 100) + "<text>once</text></svg></svg>", "seen\n\nonce", 0},
	} {
		d := extract(t, "a.html", "<html><body><p>seen</p>"+c.body)
		ignored := 0
		for _, w := range d.Warnings {
			if w.Reason == config.PartsIgnored {
				ignored = w.Count
			}
		}
		if got := textOfFirst(d); got != c.want || ignored != c.ignored {
			t.Errorf("%s: %.200q, %d parts ignored, want %q, %d", name, got, ignored, c.want, c.ignored)
		}
	}
}

func TestHTMLThatNobodySeesIsCounted(t *testing.T) {
	for name, hidden := range map[string]string{
		"not displayed":        `<div style="color:red; display: none">secret</div>`,
		"hidden":               `<p hidden>secret</p>`,
		"invisible":            `<span style="visibility:hidden">secret</span>`,
		"white":                `<span style="color:#FFFFFF">secret</span>`,
		"of one pixel":         `<span style="font-size:1px">secret</span>`,
		"white to Word":        `<span style="color:white;mso-themecolor:background1">secret</span>`,
		"white by a font":      `<font color="#ffffff">secret</font>`,
		"off the page":         `<div style="position:absolute;left:-9999px">secret</div>`,
		"by a rule":            `<style>.x1, p.y { display:none } @media print { .z { display:none } }</style><div class="x1">secret</div>`,
		"by a rule with notes": `<style>/* not now */ .x1 { display:none }</style><div class="x1">secret</div>`,
		"hidden by Outlook":    `<div style="mso-hide:all">secret</div>`,
		"in white within bold": `<b><i style="color: white;">secret</i></b>`,
	} {
		d := extract(t, "a.html", "<html><body><p class=z>seen</p>"+hidden+"</body></html>")
		if got := textOfFirst(d); got != "seen" {
			t.Errorf("%s: got %q", name, got)
		}
		if len(d.Warnings) != 1 || d.Warnings[0].Reason != config.HiddenText || d.Warnings[0].Count != 1 {
			t.Errorf("%s: warnings %v", name, d.Warnings)
		}
	}
	for name, seen := range map[string]string{
		"white on black":            `<div style="background:#000"><span style="color:#fff">seen</span></div>`,
		"white in a coloured table": `<table bgcolor="black"><tr><td><font style="color:#fff">seen</font></td></tr></table>`,
		"white by a font on black":  `<div style="background-color: #000"><font color="white">seen</font></div>`,
		"white by a sheet":          `<link rel="stylesheet" href="x.css"><p style="color:#fff">seen</p>`,
		"a line of one em":          `<p style="font-size:1em">seen</p>`,
		"a smaller line":            `<p style="font-size: 0.8em; opacity: 0.5">seen</p>`,
		"for readers of screens":    `<p class="sr-only">seen</p>`,
		"shown in print only":       `<style>@media screen { .z { display:none } }</style><p class="z">seen</p>`,
	} {
		d := extract(t, "a.html", "<html><body>"+seen+"</body></html>")
		if got := textOfFirst(d); got != "seen" || len(d.Warnings) > 0 {
			t.Errorf("%s: got %q, %v", name, got, d.Warnings)
		}
	}
}

func TestFormsOfFiguresInHTML(t *testing.T) {
	for body, want := range map[string]string{
		"<p>load 10<sup>6</sup> N, H<sub>2</sub>O, 5 µm, 5&nbsp;&micro;m, &frac12;</p>":                                                                   "load 10⁶ N, H₂O, 5 µm, 5\u00a0µm, ½",
		"<p>on the 1<sup>st</sup><sup><a href='#n'>[2]</a></sup></p>":                                                                                     "on the 1st[2]",
		"<p>k = <math><mfrac><mn>12</mn><mn>5</mn></mfrac></math> bar</p>":                                                                                "k = 12/5 bar",
		"<p><math><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></math></p>":                                                             "E = mc²",
		"<p><math><msqrt><mi>x</mi><mo>+</mo><mn>1</mn></msqrt><annotation>sqrt</annotation></math></p>":                                                  "√(x + 1)",
		"<p><input type=checkbox checked> yes <input type=checkbox> no</p>":                                                                               "☒ yes ☐ no",
		"<p>Name: <input type=text value='Ann'></p>":                                                                                                      "Name: Ann",
		"<p><ruby>東京<rp>(</rp><rt>とうきょう</rt><rp>)</rp></ruby></p>":                                                                                        "東京(とうきょう)",
		"<p><ruby>東<rt>とう</rt>京<rt>きょう</rt></ruby>の</p>":                                                                                                  "東京(とうきょう)の",
		"<p>List&lt;String&gt;, p &lt; 0.05, AT&amp;T, &amp;lt;</p>":                                                                                      "List<String>, p < 0.05, AT&T, &lt;",
		"<p>&gt; 30 %</p><p>&lt;script&gt; is a tag</p>":                                                                                                  "> 30 %\n\n<script> is a tag",
		"<style>.c5, .c6{vertical-align:super;color:red} .c7{vertical-align : sub}</style><p>10<span class='x c5'>6</span> H<span class=c7>2</span>O</p>": "10⁶ H₂O",
		"<p>10<span style='font-size:8pt; vertical-align: super'>6</span>, 1<span style='vertical-align:top'>2</span></p>":                                "10⁶, 12",
		"<p>a<img src='cid:1'><img src='plan.png' alt='Plan'></p>":                                                                                        "a![Plan](plan.png)",
		"<h2>Scope<a class='headerlink' href='#s'>Link</a></h2><h3><a href='#t'>#</a> Next<span class='mw-editsection'>[edit]</span></h3><p>dust<a href='#u'>¶</a> <a href='#v'>#</a>5</p>": "## Scope\n\n### Next\n\ndust #5",
		"<center>a</center><center>b</center>": "a\n\nb",
		"<p><math><mo>[</mo><mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr><mtr><mtd><mn>3</mn></mtd><mtd><mn>4</mn></mtd></mtr></mtable><mo>]</mo></math></p>": "[1 2; 3 4]",
		"<p><math><mmultiscripts><mi>C</mi><none/><mn>2</mn><mprescripts/><none/><mn>14</mn></mmultiscripts></math></p>":                                                      "¹⁴C²",
		"<p><math><mn>5</mn><mtext> mm</mtext><mspace width='1em'/><mi>max</mi></math></p>":                                                                                   "5 mm max",
		"<p><math><munderover><mo>∑</mo><mn>1</mn><mn>9</mn></munderover><mi>x</mi></math></p>":                                                                               "∑₁⁹ x",
		"<ol type=a start=2><li>one</li><li value=5><p>two</p></li></ol>":                                                                                                     "- b. one\n- e. two",
		"<ol reversed><li>one</li><li>two</li></ol><ol style='list-style-type: lower-roman'><li>three</li></ol>":                                                              "- 2. one\n- 1. two\n\n- i. three",
		"<ul><li>a</li></ul><ul><li>b</li></ul>":                                                                                                                              "- a\n\n- b",
		"<a href=x><div><h3>Card</h3><p>text</p></div></a><p>end<a href=y><img src=i.png></a></p>":                                                                            "### Card\n\ntext\n\nend",
		"<div role=heading aria-level=4>Head</div><details><summary>Ask</summary>answer</details>":                                                                            "#### Head\n\nAsk\n\nanswer",
		"<p><textarea>as typed</textarea></p>":                                                                                                                                "as typed",
		"<p>see<svg><title>Icon</title><g><text>inlet <tspan>DN 50</tspan></text></g></svg></p>":                                                                              "see inlet DN 50",
		"<p>dust<a href='#n1'><sup>1</sup></a> and <a href='b.html#n'>that</a></p>":                                                                                           "dust¹ and [that](b.html#n)",
		"<p>key " + strings.Repeat("aB3/", 60) + " end</p>":                                                                                                                   "key  end",
		"<p>max_batch_size *.log C:\\data\\new_logs a*b*c</p>":                                                                                                                "max_batch_size *.log C:\\data\\new_logs a*b*c",
		"<p># no heading</p><p>1. no list</p>":                                                                                                                                "# no heading\n\n1. no list",
		"<pre><code>def f(a_b):\n    return 1</code></pre>":                                                                                                                   "```\ndef f(a_b):\n    return 1\n```",
		"<p><img alt='a plan' src='data:image/png;base64,AAAA'></p>":                                                                                                          "a plan",
	} {
		if got := bodyOf(t, body); got != want {
			t.Errorf("%s gives %q, want %q", body, got, want)
		}
	}
	d := extract(t, "a.html", "<html><body><h1>List&lt;String&gt;</h1><p>&lt;script&gt;</p><h2>One</h2></body></html>")
	if diff := cmp.Diff([]Heading{{Offset: 0, Level: 1, Text: "List<String>"}, {Offset: 26, Level: 2, Text: "One"}}, d.Pages[0].Headings); diff != "" {
		t.Errorf("headings with brackets (-want +got):\n%s", diff)
	}
	d = extract(t, "a.html", "<html><head><meta name=author content='Ann'><meta name=Keywords content='badges, doors,'><meta name=viewport content=x></head><body><p># no heading</p><h2>One</h2></body></html>")
	if diff := cmp.Diff([]Heading{{Offset: 14, Level: 2, Text: "One"}}, d.Pages[0].Headings); diff != "" {
		t.Errorf("headings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(config.Metadata{"author": config.Text("Ann"), "keywords": config.List("badges", "doors")}, d.Metadata); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func TestEmptyElementsOfXHTML(t *testing.T) {
	d := extract(t, "a.xhtml", `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title/><script src="a.js"/></head>`+
		`<body><p>one</p><a id="x"/><textarea/><h2>two</h2></body></html>`)
	if got := textOfFirst(d); got != "one\n\n## two" {
		t.Errorf("got %q", got)
	}
}

func TestHTMLEncodings(t *testing.T) {
	filler := "<!-- " + strings.Repeat("x", 2000) + " -->"
	for name, data := range map[string]string{
		"UTF-8 far from the beginning": "<html><head>" + filler + "</head><body><p>Срок</p></body></html>",
		"a declaration far from it":    "<html><head>" + filler + "<meta charset=\"windows-1251\"></head><body><p>\xd1\xf0\xee\xea</p></body></html>",
		"an XML declaration":           "<?xml version=\"1.0\" encoding=\"windows-1251\"?><html xmlns=\"x\"><body><p>\xd1\xf0\xee\xea</p></body></html>",
		"declared otherwise":           "<html><head><meta charset=\"iso-8859-1\"></head><body><p>Срок</p></body></html>",
		"http-equiv":                   "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=koi8-r\"></head><body><p>\xf3\xd2\xcf\xcb</p></body></html>",
		"nothing declared":             "<html><body><p>\xd1\xf0\xee\xea</p></body></html>",
	} {
		if got := textOfFirst(extract(t, "a.html", data)); got != "Срок" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
