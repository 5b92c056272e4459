package extract

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/mail"
)

// mailOf is a mail of parts: each begins with its own header.
func mailOf(kind string, parts ...string) string {
	return "From: Ann =?iso-8859-1?Q?M=FCller?= <ann@example.org>\r\nTo: store@example.org\r\nSubject: =?utf-8?B?" +
		base64.StdEncoding.EncodeToString([]byte("Änderung")) + "?=\r\nDate: Mon, 3 Feb 2031 10:00:00 +0100\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/" + kind + "; boundary=\"B\"\r\n\r\n--B\r\n" + strings.Join(parts, "\r\n--B\r\n") + "\r\n--B--\r\n"
}

func encoded(header, body string) string {
	return header + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(body))
}

const mailHead = "From: Ann Müller <ann@example.org>\nTo: store@example.org\nDate: Mon, 3 Feb 2031 10:00:00 +0100\nSubject: Änderung"

func TestMail(t *testing.T) {
	plain := encoded("Content-Type: text/plain; charset=utf-8", "Am 17. März.")
	for _, tt := range []struct {
		name, data string
		want       []string // pages
		warnings   config.Warnings
	}{
		{
			"alternatives", mailOf("alternative", plain, encoded("Content-Type: text/html; charset=utf-8", "<p>Am <b>17. März</b>.</p>")),
			[]string{mailHead + "\n\nAm 17. März."}, nil,
		},
		{
			"a table in one of the alternatives", mailOf("alternative", plain, encoded("Content-Type: text/html; charset=utf-8",
				"<p>Am 17. März.</p><table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>")),
			[]string{mailHead + "\n\nAm 17. März.\n\n| a | b |\n|---|---|\n| 1 | 2 |"}, nil,
		},
		{
			"a plain body that stands for another", mailOf("alternative", "Content-Type: text/plain\r\n\r\nThis mail needs a viewer of HTML.", encoded("Content-Type: text/html; charset=utf-8", "<p>Am 17. März.</p>")),
			[]string{mailHead + "\n\nAm 17. März."}, nil,
		},
		{
			"a plain body that is the beginning of another", mailOf("alternative", "Content-Type: text/plain\r\n\r\nHello", encoded("Content-Type: text/html; charset=utf-8", "<p>Hello</p><p>Am 17. März.</p>")),
			[]string{mailHead + "\n\nHello\n\nAm 17. März."}, nil,
		},
		{
			"pieces, and the foot of a list", mailOf("mixed", plain, encoded("Content-Type: text/html; charset=utf-8", "<h2>Am 18.</h2><p>März</p>"), "Content-Type: text/plain\r\n\r\n-- foot"),
			[]string{mailHead + "\n\nAm 17. März.", "## Am 18.\n\nMärz", "-- foot"}, nil,
		},
		{
			"lines that flow", mailOf("mixed", "Content-Type: text/plain; format=flowed\r\n\r\nOn the \r\n17th.\r\n> a \r\n> b\r\n-- \r\nAnn",
				"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\nOn the sev \r\nenteenth."),
			[]string{mailHead + "\n\nOn the 17th.\n> a b\n--\nAnn\n\nOn the seventeenth."}, nil,
		},
		{
			"an invitation", mailOf("alternative", plain, "Content-Type: text/calendar\r\n\r\nSUMMARY:Review\r\nLOCATION:Room 5\\, in the \r\n east\r\n"),
			[]string{mailHead + "\n\nAm 17. März.", "SUMMARY:Review\nLOCATION:Room 5, in the east"}, nil,
		},
		{
			"a file before MIME", mailOf("mixed", "Content-Type: text/plain\r\n\r\nSee\nbegin 644 a.bin\nM!P@)\\\"@L,#0X/$!$2$Q05%A<8&1H;'!T>'R A(B,D)28G*\n`\nend\nthere"),
			[]string{mailHead + "\n\nSee\n\nthere"}, config.Warnings{{Reason: config.PartsIgnored, Count: 1, Places: []string{"data in base64"}}},
		},
		{
			"a name without quotes", mailOf("mixed", plain, "Content-Type: text/plain\r\nContent-Disposition: attachment; filename=my notes.txt\r\n\r\nNote"),
			[]string{mailHead + "\n\nAm 17. März.", "Note"}, nil,
		},
		{
			"HTML alone, in another encoding", mailOf("mixed", "Content-Type: text/html; charset=windows-1251\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=D1=F0=EE=EA</p>"),
			[]string{mailHead + "\n\nСрок"}, nil,
		},
		{
			"attachments", mailOf("mixed", plain,
				encoded("Content-Type: text/csv; name=\"=?utf-8?Q?Preise_M=C3=A4rz.csv?=\"\r\nContent-Disposition: attachment", "part,price\na,1\n"),
				encoded("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=x.bin", "\x00\x01\x02\x03\x00"),
				encoded("Content-Type: image/png", "\x89PNG\r\n\x1a\n\x00\x00")),
			[]string{mailHead + "\n\nAm 17. März.", "part: a\nprice: 1"},
			config.Warnings{{Reason: config.PartsIgnored, Count: 1, Places: []string{"x.bin: Unsupported"}}},
		},
		{
			"a mail in a mail", mailOf("mixed", plain, "Content-Type: message/rfc822\r\n\r\nFrom: Bob\r\nSubject: Inner\r\nMIME-Version: 1.0\r\n\r\nHello."),
			[]string{mailHead + "\n\nAm 17. März.", "From: Bob\nSubject: Inner\n\nHello."}, nil,
		},
		{
			"without parts", "From: Bob\nSubject: Hi\n\nHello,\nyou.\n", []string{"From: Bob\nSubject: Hi\n\nHello,\nyou."}, nil,
		},
		{
			"cut off", strings.TrimSuffix(mailOf("mixed", plain), "\r\n--B--\r\n"),
			[]string{mailHead + "\n\nAm 17. März."},
			config.Warnings{{Reason: config.PartsIgnored, Count: 1, Places: []string{"multipart/mixed: it is cut off or damaged"}}},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := extract(t, "a.eml", tt.data)
			var got []string
			for _, p := range d.Pages {
				got = append(got, p.Text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("pages (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.warnings, d.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
			checkDocument(t, d)
		})
	}
	d := extract(t, "a.eml", mailOf("mixed", plain, encoded("Content-Type: text/markdown; name=a.md\r\nContent-Disposition: attachment", "# One\n\ntext")))
	if d.Title != "Änderung" || !d.Metadata["from"].Equal(config.Text("Ann Müller <ann@example.org>")) {
		t.Errorf("title %q, metadata %v", d.Title, d.Metadata)
	}
	if diff := cmp.Diff([]string{"Attachment: a.md", "One"}, d.HeadingPath(1, 5)); diff != "" {
		t.Errorf("headings of the attachment (-want +got):\n%s", diff)
	}
}

func TestASavedPageIsReadWithoutItsImages(t *testing.T) {
	d := extract(t, "a.mht", "From: <Saved by a browser>\r\nSubject: Page\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=B\r\n\r\n--B\r\n"+
		"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Location: http://x.y/\r\n\r\n"+
		"<html><body><h1>Rules</h1><p>Visitors =C3=BCber 16 wear a blue=\r\n badge.</p></body></html>\r\n--B\r\n"+
		encoded("Content-Type: image/png\r\nContent-Location: http://x.y/a.png", "\x89PNG\r\n\x1a\n\x00\x00")+"\r\n--B--\r\n")
	if want := "Subject: Page\n\n# Rules\n\nVisitors über 16 wear a blue badge."; textOfFirst(d) != want || len(d.Warnings) > 0 {
		t.Errorf("got %q, %v, want %q", textOfFirst(d), d.Warnings, want)
	}
	if len(d.Pages[0].Headings) != 1 {
		t.Errorf("headings %v", d.Pages[0].Headings)
	}
}

func TestMailsAreBounded(t *testing.T) {
	_, err := shared.Extract(t.Context(), "a.eml", []byte(mailOf("mixed", strings.Split(strings.Repeat("\r\n\r\nx|", mail.MaxParts+1), "|")...)))
	wantReason(t, err, config.TooComplex, "parts")
	nested := "\r\nx"
	for i := range mail.MaxDepth + 2 {
		nested = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--", i, i, nested, i)
	}
	_, err = shared.Extract(t.Context(), "a.eml", []byte("MIME-Version: 1.0\r\n"+nested))
	wantReason(t, err, config.TooComplex, "deep")
}

func TestMailbox(t *testing.T) {
	one := func(n string) string {
		return "From ann@x.y Wed May  1 10:00:00 2024\nFrom: Ann\nSubject: No. " + n +
			"\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\ngr=C3=B6=C3=9Fer " + n + "\n>From here\n\n"
	}
	untimed := strings.Replace(one("1"), "Wed May  1 10:00:00 2024", "2024", 1)
	for name, first := range map[string]string{"a.mbox": one("1"), "inbox": one("1"), "untimed.mbox": untimed} {
		d := extract(t, name, first+one("2"))
		var texts []string
		for _, p := range d.Pages {
			texts = append(texts, p.Headings[0].Text, p.Text)
		}
		want := []string{"No. 1", "From: Ann\nSubject: No. 1\n\ngrößer 1\nFrom here", "No. 2", "From: Ann\nSubject: No. 2\n\ngrößer 2\nFrom here"}
		if diff := cmp.Diff(want, texts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAPlainFooterBelowAMailInHTML(t *testing.T) {
	mail := func(plain string) string {
		return "From: a@example.com\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\n" +
			"--b\nContent-Type: text/plain\n\n" + plain + "\n--b\nContent-Type: text/html\n\n" +
			"<p>The valves of bay 4:</p><table><tr><th>valve</th><th>bar</th></tr><tr><td>K1</td><td>8</td></tr></table>\n--b--\n"
	}
	const body = "The valves of bay 4:\n\nvalve bar\nK1 8\n\n"
	const page = "The valves of bay 4:\n\n| valve | bar |\n|---|---|\n| K1 | 8 |"
	for name, c := range map[string]struct{ plain, footer string }{
		"a footer":         {body + "Report leaks to extension 4471.\n", "Report leaks to extension 4471."},
		"the same text":    {body, ""},
		"another text":     {"Your program shows no tables.\n", ""},
		"two paragraphs":   {body + "Ask Ann.\n\nCall 4471.\n", "Ask Ann.\n\nCall 4471."},
		"a line of dashes": {body + "-----\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var texts []string
			for _, p := range extract(t, "a.eml", mail(c.plain)).Pages {
				texts = append(texts, p.Text)
			}
			if got := strings.Join(texts, "\n\n"); got != strings.TrimSpace("From: a@example.com\n\n"+page+"\n\n"+c.footer) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestAMailOfApplesProgram(t *testing.T) {
	const mail = "From: a@example.com\nSubject: Valves\n\nK1 has 8 bar.\n"
	d := extract(t, "1.emlx", fmt.Sprintf("%-10d\n%s<?xml version=\"1.0\"?>\n<plist><dict><key>flags</key></dict></plist>\n", len(mail), mail))
	if got := textOfFirst(d); d.Title != "Valves" || got != "From: a@example.com\nSubject: Valves\n\nK1 has 8 bar." {
		t.Errorf("%q: %q", d.Title, got)
	}
}

// tnefOf is TNEF of attributes, each a number and a value.
func tnefOf(attributes ...any) string {
	data := append([]byte{}, mail.TNEFSignature...)
	data = append(data, 1, 0)
	for i := 0; i < len(attributes); i += 2 {
		value := attributes[i+1].(string)
		data = append(data, 2)
		data = binary.LittleEndian.AppendUint32(data, uint32(attributes[i].(int)))
		data = binary.LittleEndian.AppendUint32(data, uint32(len(value)))
		data = append(append(data, value...), 0, 0)
	}
	return string(data)
}

// mapiOf is a list of properties with one value each: an identifier, a type, and the value's bytes.
func mapiOf(properties ...any) string {
	data := binary.LittleEndian.AppendUint32(nil, uint32(len(properties)/3))
	for i := 0; i < len(properties); i += 3 {
		value := properties[i+2].(string)
		data = binary.LittleEndian.AppendUint16(data, uint16(properties[i+1].(int)))
		data = binary.LittleEndian.AppendUint16(data, uint16(properties[i].(int)))
		if properties[i+1].(int) > 0x10 {
			data = binary.LittleEndian.AppendUint32(data, 1)
			data = binary.LittleEndian.AppendUint32(data, uint32(len(value)))
		}
		data = append(data, value...)
		data = append(data, make([]byte, -len(value)&3)...)
	}
	return string(data)
}

func TestTheAttachmentsWithinWinmailDat(t *testing.T) {
	long := mapiOf(0x3001, 0x3, "\x01\x00\x00\x00", mail.MAPILongName, mail.MAPIUnicode, "p\x00r\x00\xfc\x00f\x00.\x00t\x00x\x00t\x00\x00\x00")
	body := mapiOf(mail.MAPIBodyHTML, 0x102, "<p>The valves of bay 4</p>")
	whole := tnefOf(mail.TNEFCodepage, "\xe3\x04\x00\x00\x00\x00\x00\x00", mail.TNEFProperties, body, mail.TNEFNextAttachment, "", mail.TNEFTitle, "PRF~1.TXT\x00",
		mail.TNEFData, "K1 has 8 bar.", mail.TNEFAttachment, long, mail.TNEFNextAttachment, "", mail.TNEFTitle, "\xcd\xee.txt\x00", mail.TNEFData, "K2 has 9 bar.")
	for name, c := range map[string]struct{ plain, tnef, want, warning string }{
		"beside a body":      {"See below.\n", whole, "See below.|Attachment: prüf.txt: K1 has 8 bar.|Attachment: Но.txt: K2 has 9 bar.", ""},
		"with the only body": {"", whole, "The valves of bay 4|Attachment: prüf.txt: K1 has 8 bar.|Attachment: Но.txt: K2 has 9 bar.", ""},
		"cut off":            {"See below.\n", whole[:len(whole)-20], "See below.|Attachment: prüf.txt: K1 has 8 bar.", "PartsIgnored: 1 (winmail.dat: it is cut off or damaged)"},
		"one in another":     {"See below.\n", tnefOf(mail.TNEFNextAttachment, "", mail.TNEFData, whole), "See below.", "PartsIgnored: 1 (winmail.dat: another one within it)"},
		"rich text":          {"", tnefOf(mail.TNEFProperties, mapiOf(mail.MAPIBodyRTF, 0x102, "xx")), "", "PartsIgnored: 1 (winmail.dat: a body in rich text)"},
		"nonsense":           {"See below.\n", string(mail.TNEFSignature) + "\x01\x00" + strings.Repeat("\xff", 99), "See below.", "PartsIgnored: 1 (winmail.dat: it is cut off or damaged)"},
	} {
		t.Run(name, func(t *testing.T) {
			mail := "Subject: Valves\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
			if c.plain != "" {
				mail += "--b\nContent-Type: text/plain\n\n" + c.plain + "\n"
			}
			mail += "--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: base64\n\n" +
				base64.StdEncoding.EncodeToString([]byte(c.tnef)) + "\n--b--\n"
			d := extract(t, "a.eml", mail)
			var parts []string
			for _, p := range d.Pages {
				text := strings.TrimSpace(strings.TrimPrefix(p.Text, "Subject: Valves"))
				if len(p.Headings) > 0 {
					text = p.Headings[0].Text + ": " + text
				}
				if text != "" {
					parts = append(parts, text)
				}
			}
			warning := ""
			if len(d.Warnings) > 0 {
				warning = d.Warnings[0].String()
			}
			if got := strings.Join(parts, "|"); got != c.want || warning != c.warning {
				t.Errorf("got %q, %q; want %q, %q", got, warning, c.want, c.warning)
			}
		})
	}
}

// The beginning of a part that cannot be decoded to its end is read, and the rest is not lost in silence.
func TestAPartOfAMailThatIsDamagedIsWarnedOf(t *testing.T) {
	for encoding, body := range map[string]string{
		"quoted-printable": "Begin=20here\x01 and more",
		"base64":           "QmVnaW4gaGVyZQ==\n%%%%\nQmVnaW4gaGVyZQ==",
	} {
		d, err := shared.Extract(t.Context(), "a.eml", []byte("From: a\nMIME-Version: 1.0\nContent-Type: text/plain\n"+
			"Content-Transfer-Encoding: "+encoding+"\n\n"+body+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		want := config.Warnings{{Reason: config.PartsIgnored, Count: 1,
			Places: []string{"text/plain: it cannot be decoded to its end"}}}
		if diff := cmp.Diff(want, d.Warnings); diff != "" || !strings.Contains(d.Pages[0].Text, "Begin here") {
			t.Errorf("%s: %.60q\n%s", encoding, d.Pages[0].Text, diff)
		}
	}
}

// Scripts write a body in quoted-printable without breaking it, and a decoder may hold no more than a page of a line.
func TestLongLinesInQuotedPrintableAreReadWhole(t *testing.T) {
	const encoded, decoded = "gr=C3=B6=C3=9Fer=20als=3D", "größer als="
	quoted := "Content-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; charset=utf-8\n\n"
	plainPart := "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\n"
	for _, shift := range []int{0, 1, 2} { // whatever of an escape a break would hit
		lead, body := strings.Repeat("x", shift), strings.Repeat(encoded, 20_000)
		seven := strings.Repeat("y=z ", 3_000) + "the end"
		mail := "From: a\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" + quoted + lead + body + "\n-- \n" + body +
			"\n--b\n" + plainPart + seven + "\n--b\nContent-Type: text/plain\n\n" + seven + "\n--b--\n"
		d, err := shared.Extract(t.Context(), "a.eml", []byte(mail))
		if err != nil {
			t.Fatal(err)
		}
		text := d.Pages[0].Text
		if n := strings.Count(text, decoded); n != 40_000 || strings.Count(text, seven) != 2 || len(d.Warnings) > 0 {
			t.Errorf("%d of 40,000 words in quoted-printable, %d of 2 other parts, warnings %v",
				n, strings.Count(text, seven), d.Warnings)
		}
	}
}
