package mail

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

// mailboxLine is the line above each mail of a mailbox (RFC 4155), and the field that follows it.
var mailboxLine = regexp.MustCompile(`(?m)(?:\A|\n\r?\n)From [^\r\n]*\d\d:\d\d[^\r\n]*\r?\n[!-9;-~]+:`)

// IsMailbox reports whether a text begins as a mailbox does.
func IsMailbox(start string) bool {
	at := mailboxLine.FindStringIndex(start)
	return at != nil && at[0] == 0
}

// mailsOf returns the mails of a mailbox, and data that does not begin as a mailbox as one mail.
func mailsOf(data []byte) [][]byte {
	if !bytes.HasPrefix(data, []byte("From ")) {
		return [][]byte{data}
	}
	var mails [][]byte
	from := 0
	add := func(to int) {
		mails = append(mails, withoutMailboxLine(bytes.TrimLeft(data[from:to], "\r\n")))
		from = to
	}
	for _, place := range mailboxLine.FindAllIndex(data, -1) {
		if place[0] > 0 { // the first line above a mail may have no time
			add(place[0])
		}
	}
	add(len(data))
	return mails
}

// withoutMailboxLine is a mail without the line above it, and without the signs that keep lines from being taken for
// one.
func withoutMailboxLine(data []byte) []byte {
	if bytes.HasPrefix(data, []byte("From ")) {
		_, data, _ = bytes.Cut(data, []byte("\n"))
		data = bytes.ReplaceAll(data, []byte("\n>From "), []byte("\nFrom "))
	}
	return data
}

// mailbox reads the mails of a mailbox, each under a heading with its subject. One that is damaged is left out.
func (m *mailReader) mailbox(mails [][]byte) error {
	all := &document.Document{}
	for _, data := range mails {
		m.document, m.parts, m.bodies, m.held, m.htmlBytes = &document.Document{}, 0, nil, nil, 0
		if err := m.read(data); err != nil {
			if !document.IsMalformed(err) {
				return err
			}
			all.Warnings.Add(config.PartsIgnored, 1, "a damaged mail")
			continue
		}
		all.Warnings.Merge(m.document.Warnings)
		for i := range m.document.Pages {
			page := &m.document.Pages[i]
			for h := range page.Headings {
				page.Headings[h].Level++
			}
			if title := m.document.Title; i == 0 && title != "" {
				page.Headings = append([]document.Heading{{Level: 1, Text: title}}, page.Headings...)
			}
		}
		all.Pages = append(all.Pages, m.document.Pages...)
	}
	m.document = all
	return nil
}

var encodedWord = regexp.MustCompile(`=\?([^?\s]+)\?([BbQq])\?([^?]*)\?=`)

// decodeWords is a field of a header as text. Words of one encoding that follow each other are decoded together,
// because programs cut them within characters.
func decodeWords(s string) string {
	if !utf8.ValidString(s) {
		s, _ = charset.Decode([]byte(s))
	}
	var b strings.Builder
	var held []byte
	charset, at := "", 0
	flush := func() {
		b.WriteString(inCharset(held, charset))
		held = nil
	}
	for _, word := range encodedWord.FindAllStringSubmatchIndex(s, -1) {
		between, next := s[at:word[0]], s[word[2]:word[3]]
		if held != nil && (strings.TrimSpace(between) != "" || !strings.EqualFold(next, charset)) {
			flush()
		}
		if strings.TrimSpace(between) != "" || at == 0 {
			b.WriteString(between)
		}
		held, charset, at = append(held, wordBytes(s[word[4]:word[5]], s[word[6]:word[7]])...), next, word[1]
	}
	flush()
	return b.String() + s[at:]
}

// wordBytes are the bytes of an encoded word; those of one that is damaged are its text.
func wordBytes(form, text string) []byte {
	if strings.EqualFold(form, "B") {
		data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil {
			return []byte(text)
		}
		return data
	}
	decoded, err := new(mime.WordDecoder).Decode("=?iso-8859-1?Q?" + strings.ReplaceAll(text, " ", "_") + "?=")
	if err != nil {
		return []byte(text)
	}
	data := make([]byte, 0, len(decoded))
	for _, r := range decoded { // each is a byte
		data = append(data, byte(r))
	}
	return data
}

// inCharset is text in an encoding by its name; in one that is not known it is a guess.
func inCharset(data []byte, name string) string {
	name, _, _ = strings.Cut(name, "*") // a language follows (RFC 2231)
	if r, err := message.CharsetReader(name, bytes.NewReader(data)); err == nil {
		if text, err := io.ReadAll(r); err == nil {
			return string(text)
		}
	}
	text, _ := charset.Decode(data)
	return text
}

var looseName = regexp.MustCompile(`(?i)filename\s*=\s*"?([^";]+)`)

// dispositionOf is how a part is meant, and its name, also where the name has spaces and no quotes.
func dispositionOf(h *message.Header) (disposition, name string) {
	disposition, parameters, err := h.ContentDisposition()
	if err == nil {
		return disposition, parameters["filename"]
	}
	field := h.Get("Content-Disposition")
	disposition, _, _ = strings.Cut(field, ";")
	if m := looseName.FindStringSubmatch(field); m != nil {
		name = m[1]
	}
	return strings.ToLower(strings.TrimSpace(disposition)), name
}
