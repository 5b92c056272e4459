package extract

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
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
	_, err := shared.Extract(t.Context(), "a.eml", []byte(mailOf("mixed", strings.Split(strings.Repeat("\r\n\r\nx|", maxMailParts+1), "|")...)))
	wantReason(t, err, config.TooComplex, "parts")
	nested := "\r\nx"
	for i := range maxMailDepth + 2 {
		nested = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--", i, i, nested, i)
	}
	_, err = shared.Extract(t.Context(), "a.eml", []byte("MIME-Version: 1.0\r\n"+nested))
	wantReason(t, err, config.TooComplex, "deep")
}
