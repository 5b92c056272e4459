package extract

import (
	"encoding/base64"
	"strings"
	"testing"
)

// tlv is an element of DER; content longer than 127 bytes has its length in two bytes.
func tlv(tag byte, parts ...string) string {
	content := strings.Join(parts, "")
	if n := len(content); n > 127 {
		return string([]byte{tag, 0x82, byte(n >> 8), byte(n)}) + content
	}
	return string([]byte{tag, byte(len(content))}) + content
}

// endless is an element of BER whose length is not told.
func endless(tag byte, parts ...string) string {
	return string([]byte{tag, 0x80}) + strings.Join(parts, "") + "\x00\x00"
}

const (
	oidPKCS7  = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"
	oidData   = oidPKCS7 + "\x01"
	oidSigned = oidPKCS7 + "\x02"
	oidSealed = oidPKCS7 + "\x03"
)

func signedMail(der string) string {
	return "From: a@x.org\r\nSubject: Signed\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Type: application/pkcs7-mime; name=smime.p7m\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(der)) + "\r\n"
}

func TestSignedMailIsRead(t *testing.T) {
	const inner = "Content-Type: text/plain; charset=utf-8\r\n\r\nThe pressure is 8 bar."
	version, digests, signers := tlv(2, "\x01"), tlv(0x31), tlv(0x31)
	signed := func(content string) string {
		return tlv(0x30, oidSigned, tlv(0xa0, tlv(0x30, version, digests, tlv(0x30, oidData, tlv(0xa0, content)), signers)))
	}
	for name, c := range map[string]struct{ mail, want, warning string }{
		"DER": {mail: signedMail(signed(tlv(4, inner))), want: "The pressure is 8 bar."},
		"BER of unknown lengths, in pieces": {want: "The pressure is 8 bar.", mail: signedMail(endless(0x30, oidSigned, endless(0xa0,
			endless(0x30, version, digests, endless(0x30, oidData, endless(0xa0, endless(0x24, tlv(4, inner[:50]), tlv(4, inner[50:])))),
				signers))))},
		"signed twice": {want: "The pressure is 8 bar.",
			mail: signedMail(signed(tlv(4, signedMail(signed(tlv(4, inner))))))},
		"certificates alone": {mail: signedMail(tlv(0x30, oidSigned, tlv(0xa0, tlv(0x30, version, digests, tlv(0x30, oidData), signers))))},
		"encrypted": {mail: signedMail(tlv(0x30, oidSealed, tlv(0xa0, tlv(0x30, version)))),
			warning: "PartsIgnored: 1 (application/pkcs7-mime: it is encrypted)"},
		"no ASN.1": {mail: signedMail("hello"), warning: "PartsIgnored: 1 (application/pkcs7-mime: it is encrypted)"},
		"cut off":  {mail: signedMail(signed(tlv(4, inner))[:90]), want: "T"},
	} {
		t.Run(name, func(t *testing.T) {
			d := extract(t, "a.eml", c.mail)
			warning := ""
			if len(d.Warnings) > 0 {
				warning = d.Warnings[0].String()
			}
			if _, body, _ := strings.Cut(textOfFirst(d), "\n\n"); !strings.HasPrefix(body, c.want) || warning != c.warning {
				t.Errorf("got %q, %q; want %q, %q", textOfFirst(d), warning, c.want, c.warning)
			}
		})
	}
}

func TestEncodingsThatAMailDeclares(t *testing.T) {
	head := "From: a@x.org\r\nMIME-Version: 1.0\r\nSubject: x\r\nContent-Transfer-Encoding: 8bit\r\nContent-Type: "
	for name, c := range map[string]struct{ mail, want string }{
		"ISO-8859-1 that is UTF-8":         {head + "text/plain; charset=iso-8859-1\r\n\r\nGröße", "Größe"},
		"a page in ISO-8859-1 that is not": {head + "text/html; charset=iso-8859-1\r\n\r\n<p>Größe</p>", "Größe"},
		"ISO-8859-1 that is windows-1252":  {head + "text/plain; charset=iso-8859-1\r\n\r\n\x80 5, \x93so\x94", "€ 5, “so”"},
		"ISO-8859-1":                       {head + "text/plain; charset=iso-8859-1\r\n\r\nGr\xf6\xdfe", "Größe"},
		"US-ASCII that is not":             {head + "text/plain; charset=us-ascii\r\n\r\nGr\xf6\xdfe", "Größe"},
		"Shift_JIS":                        {head + "text/plain; charset=shift_jis\r\n\r\n\x83\x7c\x83\x93\x83\x76", "ポンプ"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, body, _ := strings.Cut(textOfFirst(extract(t, "a.eml", c.mail)), "\n\n"); body != c.want {
				t.Errorf("got %q, want %q", body, c.want)
			}
		})
	}
}
