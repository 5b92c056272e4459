package extract

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/mail"
)

// TestVariantsOfPagesAndMarkdown reads what programs write that export pages.
func TestVariantsOfPagesAndMarkdown(t *testing.T) {
	for _, c := range []struct{ name, file, data, want string }{
		{"tasks of Confluence", "a.html", `<ul class="inline-task-list"><li class="checked">Done</li><li>Open</li></ul>`, "- ☒ Done\n- ☐ Open"},
		{"tasks of Notion", "a.html", `<ul class="to-do-list"><li><div class="checkbox checkbox-on"></div> <span>Buy</span></li></ul>`, "- ☒ Buy"},
		{"a foot above the rows", "a.html", `<table><thead><tr><th>a<th>b</thead><tfoot><tr><td>sum<td>3</tfoot><tr><td>x<td>1<tr><td>y<td>2</table>`,
			"| a | b |\n|---|---|\n| x | 1 |\n| y | 2 |\n| sum | 3 |"},
		{"a formula and its picture", "a.html", `<p>Ago <math><msup><mi>x</mi><mn>2</mn></msup></math><img class="mwe-math-fallback-image-inline" alt="x^2" src=a.svg></p>`, "Ago x²"},
		{"the sign of Docusaurus beside a heading", "a.html", `<h2>Ports<a class="hash-link" href="#p">\u200b</a></h2><p>8080`, "## Ports\n\n8080"},
		{"a link that leads nowhere", "a.html", `<p>See <a>Pumps</a> now`, "See Pumps now"},
		{"a grid in Markdown", "a.md", "# A\n\n+----+----+\n| a  | b  |\n+====+====+\n| 1  | 2  |\n+----+----+\n\nEnd\n", "# A\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nEnd"},
		{"aligned columns in Markdown", "a.md", "  Right Left\n------- ------\n     12 x\n    123 y\n", "| Right | Left |\n|---|---|\n| 12 | x |\n| 123 | y |"},
		{"a grid in a block of code", "a.md", "```\n+--+--+\n|a |b |\n+--+--+\n|1 |2 |\n+--+--+\n```\n", "```\n+--+--+\n|a |b |\n+--+--+\n|1 |2 |\n+--+--+\n```"},
		{"a card", "a.vcf", "BEGIN:VCARD\r\nNOTE:Long no\r\n te\\, here\r\nEND:VCARD\r\n", "BEGIN:VCARD\nNOTE:Long note, here\nEND:VCARD"},
		{"a mail of Apple with another length", "a.emlx", "9\nFrom: a@b.c\nMIME-Version: 1.0\n\n4711\n", "From: a@b.c\n\n4711"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.ReplaceAll(textOfFirst(extract(t, c.file, c.data)), "\n\n\n", "\n\n"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestACaptionBelowATableIsNotThatOfTheNext(t *testing.T) {
	d := extract(t, "a.md", "|a|b|\n|-|-|\n|1|2|\n\nTable: Below\n\n|c|d|\n|-|-|\n|3|4|\n\nTable 2: Above\n\n|e|f|\n|-|-|\n|5|6|\n")
	var captions []string
	for _, table := range d.Pages[0].Tables {
		captions = append(captions, table.Caption)
	}
	if got := strings.Join(captions, ";"); got != ";;Table 2: Above" {
		t.Errorf("got %q", got)
	}
}

func TestMailThatIsEncrypted(t *testing.T) {
	for _, kind := range []string{
		"application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m",
		`multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b`,
	} {
		d := extract(t, "a.eml", "From: a@b.c\nMIME-Version: 1.0\nContent-Type: "+kind+"\n\n--b\n\nVersion: 1\n--b--\n")
		if textOfFirst(d) != "From: a@b.c" || !d.Warnings.Has(config.PartsIgnored) {
			t.Errorf("got %q, %v", textOfFirst(d), d.Warnings)
		}
	}
}

func TestWinmailByItself(t *testing.T) {
	var file strings.Builder
	file.Write(mail.TNEFSignature)
	file.WriteString("\x01\x00")
	for _, a := range []struct {
		number uint16
		value  string
	}{{mail.TNEFBody, "The body\x00"}, {mail.TNEFNextAttachment, ""}, {mail.TNEFTitle, "a.csv\x00"}, {mail.TNEFData, "id,qty\n1,5\n"}} {
		head := make([]byte, 9)
		binary.LittleEndian.PutUint16(head[1:], a.number)
		binary.LittleEndian.PutUint32(head[5:], uint32(len(a.value)))
		file.WriteString(string(head) + a.value + "\x00\x00")
	}
	d := extract(t, "winmail.dat", file.String())
	if len(d.Pages) != 2 || d.Pages[0].Text != "The body" || d.Pages[1].Text != "id: 1\nqty: 5" {
		t.Errorf("got %+v", d.Pages)
	}
}
