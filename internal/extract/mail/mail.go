// Package mail reads mails, mailboxes and saved pages with their attachments.
package mail

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/emersion/go-message"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Bounds on a mail.
const (
	maxMailHeader = 1 << 20 // bytes
	MaxParts      = 1_000
	MaxDepth      = 20 // of multiparts within each other
)

// mailFields are the fields of the header that are read, in their order.
var mailFields = []string{"From", "To", "Cc", "Date", "Subject"}

// Header is how a mail, or a page saved as one, begins: fields of a header, among them one that only programs
// write.
var Header = regexp.MustCompile(`(?i)^(?:[!-9;-~]+:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|$))*(?:MIME-Version|Message-ID):`)

// Read reads a mail (RFC 5322, MIME) or a page saved as MHTML: the fields of its header, its body, and its
// attachments, each as pages of its own under a heading with its name.
func Read(ctx context.Context, s document.Source) (*document.Document, error) {
	m := &mailReader{ctx: ctx, source: s, limit: document.NewLimit(s.Max), document: &document.Document{}}
	data := mailBytes(s.Data)
	var err error
	if IsTNEF(data) {
		if err = m.tnef(data); err == nil {
			err = m.write("")
		}
	} else if mails := mailsOf(data); len(mails) > 1 {
		err = m.mailbox(mails)
	} else {
		err = m.read(data)
	}
	if err != nil {
		return nil, err
	}
	return document.WithText(m.document, config.Malformed, "the mail holds no text")
}

// read reads a mail into the document.
func (m *mailReader) read(data []byte) error {
	options := &message.ReadOptions{MaxHeaderBytes: maxMailHeader}
	entity, err := message.ReadWithOptions(bytes.NewReader(withShortLines(withoutMailboxLine(data))), options)
	if entity == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return config.Failf(config.Malformed, "the mail cannot be read: %s", plain.Quote(fmt.Sprint(err)))
	}
	head := m.header(&entity.Header)
	if err := m.part(entity, 0); err != nil {
		return err
	}
	return m.write(head)
}

// appleLength is the line above a mail of Apple's program (EMLX): its length in bytes. A list of properties follows the
// mail.
var appleLength = regexp.MustCompile(`^(\d{1,9})[ \t]*\r?\n`)

// mailBytes are a mail without what programs put around it: a byte order mark, blank lines above it, a length and
// properties, and carriage returns that are doubled.
func mailBytes(data []byte) []byte {
	data = bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), "\r\n")
	if m := appleLength.FindSubmatch(data); m != nil {
		length, err := strconv.Atoi(string(m[1]))
		if data = data[len(m[0]):]; err == nil && length <= len(data) && isAppleList(data[length:]) {
			data = data[:length]
		}
	}
	return bytes.ReplaceAll(data, []byte("\r\r\n"), []byte("\r\n"))
}

// isAppleList reports whether data is empty or the list of properties below a mail.
func isAppleList(data []byte) bool {
	data = bytes.TrimSpace(data)
	return len(data) == 0 || bytes.HasPrefix(data, []byte("<?xml")) || bytes.HasPrefix(data, []byte("<!DOCTYPE plist"))
}

// mailReader collects the parts of a mail.
type mailReader struct {
	ctx      context.Context //nolint:containedctx // it lives as long as one extraction
	source   document.Source
	limit    *document.Limit
	document *document.Document
	parts    int
	signed   int // how many signed messages hold what is read
	bodies   []mailBody
	// htmlBytes is how long the bodies in HTML are.
	htmlBytes int
	held      []document.Page // of attachments
}

// header reads the fields of the header into the metadata, and returns them as lines.
func (m *mailReader) header(h *message.Header) string {
	var lines []string
	for _, name := range mailFields {
		value := h.Get(name)
		if value = plain.Fold(plain.Normalise(decodeWords(value))); value == "" || strings.HasPrefix(value, "<Saved") {
			continue
		}
		if name == "Subject" {
			m.document.Title = plain.OneLine(value)
		} else {
			m.document.Tell(strings.ToLower(name), config.Text(plain.OneLine(value)))
		}
		lines = append(lines, name+": "+value)
	}
	return strings.Join(lines, "\n")
}

// part reads a part of the mail, and the parts that it is made of.
func (m *mailReader) part(e *message.Entity, depth int) error {
	if err := m.ctx.Err(); err != nil {
		return err
	}
	if m.parts++; m.parts > MaxParts || depth > MaxDepth {
		return config.Failf(config.TooComplex, "the mail has more than %d parts, or parts %d deep in each other",
			MaxParts, MaxDepth)
	}
	kind, parameters := typeOf(&e.Header)
	switch {
	case isSMIME(kind):
		return m.smime(e, kind, depth)
	case kind == "multipart/encrypted": // by PGP (RFC 3156)
		m.document.Warnings.Add(config.PartsIgnored, 1, plain.Quote(kind)+": it is encrypted")
		return nil
	}
	if parts := e.MultipartReader(); parts != nil {
		return m.multipart(parts, kind, depth)
	}
	data, readable := m.body(e, kind, depth)
	if !readable {
		return nil
	}
	disposition, filename := dispositionOf(&e.Header)
	name := decodeName(filename, parameters["name"])
	switch attached := disposition == "attachment" || name != "" && disposition != "inline"; {
	case isPlainMail(kind) && !attached:
		text, warnings := charset.Decode(data)
		m.document.Warnings.Merge(warnings)
		if strings.EqualFold(parameters["format"], "flowed") {
			text = unflowed(text, strings.EqualFold(parameters["delsp"], "yes"))
		}
		m.bodies = append(m.bodies, mailBody{text: text})
	case (kind == "text/html" || kind == "application/xhtml+xml") && !attached:
		return m.addPage(string(data))
	case kind == "text/calendar":
		text, _ := charset.Decode(data)
		return m.attachment(name, kind, []byte(markup.Unfolded(text)))
	case !attached && isMailFurniture(kind), strings.HasSuffix(kind, "-signature"),
		strings.HasSuffix(e.Header.Get("Content-Location"), officeParts):
	default:
		return m.attachment(name, kind, data)
	}
	return nil
}

// body is a part's content as far as it can be decoded, and reports false where none of it can. A multipart tells by
// itself that it is cut off.
func (m *mailReader) body(e *message.Entity, kind string, depth int) (data []byte, readable bool) {
	data, err := io.ReadAll(io.LimitReader(e.Body, document.MaxSource))
	cutOff := depth > 0 && len(data) > 0 && errors.Is(err, io.ErrUnexpectedEOF)
	if err == nil || cutOff || m.ctx.Err() != nil {
		return data, true
	}
	m.document.Warnings.Add(config.PartsIgnored, 1, plain.Quote(kind)+": it cannot be decoded to its end")
	return data, len(data) > 0
}

// addPage adds a body in HTML.
func (m *mailReader) addPage(page string) error {
	if m.htmlBytes += len(page); m.htmlBytes > markup.MaxHTML {
		return config.Failf(config.TooLarge, "the mail has more than %d bytes of HTML: split it", markup.MaxHTML)
	}
	m.bodies = append(m.bodies, mailBody{text: page, html: true})
	return nil
}

// typeOf is the type of a part, also where its parameters are damaged.
func typeOf(h *message.Header) (kind string, parameters map[string]string) {
	kind, parameters, err := h.ContentType()
	if err != nil {
		kind, _, _ = strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	}
	return kind, parameters
}

func isPlainMail(kind string) bool { return kind == "text/plain" || kind == "" }

// officeParts is the list of the parts of a web archive that Word or Excel wrote.
const officeParts = "/filelist.xml"

// isMailFurniture reports whether parts of a type belong to how a body looks.
func isMailFurniture(kind string) bool {
	return strings.HasPrefix(kind, "image/") || strings.HasPrefix(kind, "font/") || kind == "text/css" ||
		kind == "text/javascript" || kind == "application/javascript"
}

func decodeName(names ...string) string {
	for _, name := range names {
		name = decodeWords(name)
		if name = plain.OneLine(path.Base(strings.ReplaceAll(name, `\`, "/"))); name != "" && name != "." {
			return name
		}
	}
	return ""
}

// multipart reads the parts one after the other. Of alternatives one body is kept.
func (m *mailReader) multipart(parts message.MultipartReader, kind string, depth int) error {
	if first := len(m.bodies); kind == "multipart/alternative" {
		defer func() { m.bodies = append(m.bodies[:first], chosen(m.bodies[first:])...) }()
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if part == nil {
			m.document.Warnings.Add(config.PartsIgnored, 1, plain.Quote(kind)+": it is cut off or damaged")
			return nil
		}
		if err := m.part(part, depth+1); err != nil {
			return err
		}
	}
}

// attachment reads an attachment as the document that it is.
func (m *mailReader) attachment(name, kind string, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if IsTNEF(data) {
		return m.tnef(data)
	}
	title := name
	if kind == "message/rfc822" {
		title, name = "Attached mail", "attached.eml"
	}
	if title == "" {
		title = plain.Quote(kind)
	}
	if m.source.Imports == nil {
		m.document.Warnings.Add(config.PartsIgnored, 1, title+": it is attached to what is attached")
		return nil
	}
	d, err := m.source.Imports(name, data)
	if reason, own := config.ReasonOf(err); own {
		m.document.Warnings.Add(config.PartsIgnored, 1, title+": "+string(reason))
		return nil
	}
	if err != nil {
		return err
	}
	m.document.Warnings.Merge(d.Warnings)
	if kind == "message/rfc822" && d.Title != "" {
		title = d.Title
	}
	for i, page := range d.Pages {
		if err := m.limit.Take(len(page.Text)); err != nil {
			return err
		}
		page.Number, page.Slide = 0, false
		page.Headings = slices.Clone(page.Headings)
		for h := range page.Headings {
			page.Headings[h].Level++
		}
		if i == 0 {
			page.Headings = slices.Insert(page.Headings, 0,
				document.Heading{Level: 1, Text: plain.OneLine("Attachment: " + title)})
		}
		m.held = append(m.held, page)
	}
	return nil
}
