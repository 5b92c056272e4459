package mail

import (
	"bytes"

	"github.com/emersion/go-message"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// signedData is the type of a content that is signed and readable by anyone (RFC 5652, section 5.1).
var signedData = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}

// maxSigned is how often a message may be signed over and over: each time, a copy of it is held.
const maxSigned = 4

// isSMIME reports whether a part is a message of S/MIME (RFC 8551), which is encrypted, or holds a mail beside its
// signature.
func isSMIME(kind string) bool {
	return kind == "application/pkcs7-mime" || kind == "application/x-pkcs7-mime"
}

// smime reads the mail that a signed message holds. Nobody checks the signature: it says who wrote a document, not what
// it says.
func (m *mailReader) smime(e *message.Entity, kind string, depth int) error {
	data, readable := m.body(e, kind, depth)
	if !readable {
		return nil
	}
	content, signed := signedContent(data)
	if !signed {
		m.document.Warnings.Add(config.PartsIgnored, 1, plain.Quote(kind)+": it is encrypted")
		return nil
	}
	if len(content) == 0 { // certificates alone
		return nil
	}
	if m.signed >= maxSigned {
		m.document.Warnings.Add(config.PartsIgnored, 1, plain.Quote(kind)+": it is signed too often")
		return nil
	}
	m.signed++
	defer func() { m.signed-- }()
	inner, err := message.ReadWithOptions(bytes.NewReader(content), &message.ReadOptions{MaxHeaderBytes: maxMailHeader})
	if inner == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		m.document.Warnings.Add(config.PartsIgnored, 1, plain.Quote(kind)+": what is signed cannot be read")
		return nil
	}
	return m.part(inner, depth+1)
}

// signedContent is the content of signed data, in BER or DER, and reports whether data is signed and not encrypted.
func signedContent(data []byte) (content []byte, signed bool) {
	info, _ := element(data)
	kind, rest := element(info.inner)
	if !bytes.Equal(kind.inner, signedData) {
		return nil, false
	}
	explicit, _ := element(rest)
	fields, _ := element(explicit.inner)
	_, rest = element(fields.inner) // the version
	_, rest = element(rest)         // the digests
	encapsulated, _ := element(rest)
	_, rest = element(encapsulated.inner) // its type
	explicit, _ = element(rest)
	octets, _ := element(explicit.inner)
	return octets.joined(0), true
}

// berElement is an element of BER (ITU-T X.690). The zero value is what is missing.
type berElement struct {
	inner    []byte
	compound bool // inner holds elements
}

// maxOctets is how deep the pieces of a string are put within each other.
const maxOctets = 4

// joined is a string, which may come in pieces.
func (e berElement) joined(depth int) []byte {
	if !e.compound {
		return e.inner
	}
	var all []byte
	for rest := e.inner; len(rest) > 1 && depth < maxOctets; {
		var piece berElement
		piece, rest = element(rest)
		all = append(all, piece.joined(depth+1)...)
	}
	return all
}

// element takes the first element of data. One whose length is not told ends with two zero bytes.
func element(data []byte) (e berElement, rest []byte) {
	header, length, ok := berHeader(data)
	if !ok {
		return berElement{}, nil
	}
	e.compound = data[0]&0x20 != 0
	data = data[header:]
	if length >= 0 {
		length = min(length, len(data))
		e.inner = data[:length]
		return e, data[length:]
	}
	length = untilEnd(data)
	e.inner = data[:length]
	return e, data[min(length+2, len(data)):]
}

// berHeader is the bytes of tag and length, and the length, below 0 if it is not told.
func berHeader(data []byte) (header, length int, ok bool) {
	if len(data) < 2 || data[0]&0x1f == 0x1f {
		return 0, 0, false
	}
	length, header = int(data[1]), 2
	if length == 0x80 {
		return header, -1, true
	}
	if n := length & 0x7f; length > 0x80 {
		if n > 4 || len(data) < 2+n {
			return 0, 0, false
		}
		length = 0
		for _, c := range data[2 : 2+n] {
			length = length<<8 | int(c)
		}
		header += n
	}
	return header, length, true
}

// untilEnd is how many bytes stand before the two zero bytes that end an element whose length is not told.
func untilEnd(data []byte) int {
	depth := 0
	for at := 0; at+1 < len(data); {
		if data[at] == 0 && data[at+1] == 0 {
			if depth == 0 {
				return at
			}
			depth--
			at += 2
			continue
		}
		header, length, ok := berHeader(data[at:])
		if !ok {
			break
		}
		if at += header; length < 0 {
			depth++
		} else {
			at += length
		}
	}
	return len(data)
}
