package mail

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// TNEF is how Exchange and Outlook send a mail's attachments, and forms of its body, to other programs: as one
// attachment, mostly named winmail.dat. It is a list of attributes (MS-OXTNEF), some of which are lists of properties
// (MS-OXCDATA).

// TNEFSignature is how each begins.
var TNEFSignature = []byte{0x78, 0x9f, 0x3e, 0x22}

// Attributes and properties that matter, by their numbers.
const (
	TNEFNextAttachment = 0x9002
	TNEFTitle          = 0x8010 // the short name of an attachment
	TNEFData           = 0x800f
	TNEFAttachment     = 0x9005 // properties of an attachment
	TNEFBody           = 0x800c
	TNEFCodepage       = 0x9007 // of texts that are not in UTF-16
	TNEFProperties     = 0x9003 // of the mail

	MAPIBody     = 0x1000
	MAPIBodyRTF  = 0x1009
	MAPIBodyHTML = 0x1013
	mapiData     = 0x3701
	MAPILongName = 0x3707
	MAPIUnicode  = 0x1f
	mapiMany     = 0x1000 // a flag of types: several values
)

// tnefFile is an attachment within TNEF.
type tnefFile struct {
	charset string
	name    string
	data    []byte
}

// tnefMail is what TNEF holds.
type tnefMail struct {
	text, html string
	rich       bool // there is a body in rich text
	files      []tnefFile
	cut        bool // it is damaged or cut off
	charset    string
}

// IsTNEF reports whether data is TNEF.
func IsTNEF(data []byte) bool { return bytes.HasPrefix(data, TNEFSignature) }

// readTNEF takes TNEF apart, as far as it is whole.
func readTNEF(data []byte) tnefMail {
	const head, attribute = 6, 9 // signature and key; level, number, type and length
	m := tnefMail{charset: "windows-1252"}
	for data = data[min(head, len(data)):]; len(data) >= attribute; {
		number := binary.LittleEndian.Uint16(data[1:])
		length := int64(binary.LittleEndian.Uint32(data[5:]))
		if length+2 > int64(len(data)-attribute) || len(m.files) > MaxParts { // a checksum follows
			break
		}
		m.attribute(number, data[attribute:attribute+length])
		data = data[attribute+length+2:]
	}
	m.cut = m.cut || len(data) > 0
	return m
}

func (m *tnefMail) attribute(number uint16, value []byte) {
	switch number {
	case TNEFNextAttachment:
		m.files = append(m.files, tnefFile{charset: m.charset})
	case TNEFCodepage:
		if len(value) >= 4 {
			m.charset = fmt.Sprintf("windows-%d", binary.LittleEndian.Uint32(value))
		}
	case TNEFBody:
		m.text = inANSI(value, m.charset)
	case TNEFProperties:
		m.cut = !mapiProperties(value, m.property) || m.cut
	}
	if len(m.files) == 0 {
		return
	}
	file := &m.files[len(m.files)-1]
	switch number {
	case TNEFTitle:
		if file.name == "" {
			file.name = inANSI(value, m.charset)
		}
	case TNEFData:
		file.data = value
	case TNEFAttachment:
		m.cut = !mapiProperties(value, file.property) || m.cut
	}
}

// property takes a property of the mail.
func (m *tnefMail) property(id, kind uint16, value []byte) {
	switch id {
	case MAPIBody:
		m.text = mapiText(kind, value, m.charset)
	case MAPIBodyHTML:
		m.html = mapiText(kind, value, m.charset)
	case MAPIBodyRTF:
		m.rich = true
	}
}

// property takes a property of the attachment.
func (f *tnefFile) property(id, kind uint16, value []byte) {
	const object = 0xd // whose identifier stands in front of it
	switch {
	case id == MAPILongName:
		f.name = mapiText(kind, value, f.charset)
	case id == mapiData && kind == object && len(value) > 16:
		f.data = value[16:]
	case id == mapiData && len(f.data) == 0:
		f.data = value
	}
}

// mapiProperties calls take with each property of a list that has one value; whole reports whether the list is whole.
func mapiProperties(data []byte, take func(id, kind uint16, value []byte)) (whole bool) {
	r := mapiReader{data: data}
	for n := r.number(); n > 0 && !r.short; n-- {
		kind, id := r.uint16(), r.uint16()
		if id >= 0x8000 { // a name of its own: a set of names, and a number or a text
			r.next(16)
			if r.number() == 0 {
				r.next(4)
			} else {
				r.next(r.number())
			}
		}
		size, fixed := mapiSizes[kind&^mapiMany]
		values := uint32(1)
		if !fixed || kind&mapiMany != 0 {
			values = r.number()
		}
		for i := uint32(0); i < values && !r.short; i++ {
			length := size
			if !fixed {
				length = r.number()
			}
			if value := r.next(length); i == 0 && !r.short {
				take(id, kind&^mapiMany, value)
			}
		}
	}
	return !r.short
}

// mapiSizes are the bytes of the types of one size. Others begin with the number of values, and each with its length.
var mapiSizes = map[uint16]uint32{
	0x2: 2, 0x3: 4, 0x4: 4, 0x5: 8, 0x6: 8, 0x7: 8, 0xa: 4, 0xb: 2, 0x14: 8, 0x40: 8, 0x48: 16,
}

// mapiReader reads a list of properties, in which each thing fills words of four bytes.
type mapiReader struct {
	data  []byte
	short bool // the list ended too early
}

func (r *mapiReader) next(n uint32) []byte {
	padded := (int64(n) + 3) &^ 3
	if int64(n) > int64(len(r.data)) {
		r.short = true
		return nil
	}
	value := r.data[:n]
	r.data = r.data[min(padded, int64(len(r.data))):]
	return value
}

func (r *mapiReader) number() uint32 {
	if b := r.next(4); len(b) == 4 {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *mapiReader) uint16() uint16 {
	if len(r.data) < 2 {
		r.short = true
		return 0
	}
	n := binary.LittleEndian.Uint16(r.data)
	r.data = r.data[2:]
	return n
}

func mapiText(kind uint16, value []byte, charset string) string {
	if kind != MAPIUnicode {
		return inANSI(value, charset)
	}
	units := make([]uint16, len(value)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(value[2*i:])
	}
	return strings.TrimRight(string(utf16.Decode(units)), "\x00")
}

// inANSI is a text in the mail's own encoding. UTF-8 has no other meaning by chance.
func inANSI(value []byte, charset string) string {
	if value = bytes.TrimRight(value, "\x00"); utf8.Valid(value) {
		return string(value)
	}
	return inCharset(value, charset)
}

// tnef reads the attachments that TNEF holds, and its body if the mail has no other.
func (m *mailReader) tnef(data []byte) error {
	t := readTNEF(data)
	if t.cut {
		m.document.Warnings.Add(config.PartsIgnored, 1, "winmail.dat: it is cut off or damaged")
	}
	if len(m.bodies) == 0 {
		switch {
		case t.html != "":
			if err := m.addPage(t.html); err != nil {
				return err
			}
		case t.text != "":
			m.bodies = append(m.bodies, mailBody{text: t.text})
		case t.rich:
			m.document.Warnings.Add(config.PartsIgnored, 1, "winmail.dat: a body in rich text")
		}
	}
	for _, file := range t.files {
		if IsTNEF(file.data) { // each level could hold another
			m.document.Warnings.Add(config.PartsIgnored, 1, "winmail.dat: another one within it")
			continue
		}
		if err := m.attachment(decodeName(file.name), "application/octet-stream", file.data); err != nil {
			return err
		}
	}
	return nil
}
