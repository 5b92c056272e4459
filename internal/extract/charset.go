package extract

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// sample is how much of a text is looked at for its encoding.
const sample = 64 << 10

// decode is data's text as UTF-8. The encoding is what the byte order mark says; else UTF-8 if it is; else
// UTF-16 if every other byte of it is mostly zero; else UTF-8 with a few damaged characters, which become
// U+FFFD; else windows-1252, in which any byte is a character.
func decode(data []byte) string {
	e := encodingOf(data)
	if e == nil {
		return string(data) // UTF-8: normalise replaces what is not valid
	}
	text, err := e.NewDecoder().Bytes(data)
	if err != nil {
		return string(data)
	}
	return string(text)
}

// encodingOf is nil for UTF-8.
func encodingOf(data []byte) encoding.Encoding {
	head := data[:min(len(data), sample)]
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return nil
	case bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")):
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")):
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case looksUTF16(head, binary.LittleEndian):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case looksUTF16(head, binary.BigEndian):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case utf8.Valid(data) || mostlyUTF8(data):
		return nil
	}
	return charmap.Windows1252
}

// looksUTF16 knows UTF-16 without a mark by its high bytes: at least half of the units are Latin (zero there),
// and none is U+0000.
func looksUTF16(head []byte, order binary.ByteOrder) bool {
	units := len(head) / 2
	latin := 0
	for i := range units {
		switch u := order.Uint16(head[2*i:]); {
		case u == 0:
			return false
		case u < 0x100:
			latin++
		}
	}
	return units >= 2 && latin >= (units+1)/2 && bytes.IndexByte(head, 0) >= 0
}

// mostlyUTF8 tells damaged UTF-8 from one-byte encodings: in the former, nearly all bytes past ASCII belong to
// well-formed characters.
func mostlyUTF8(data []byte) bool {
	good, bad := 0, 0
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			bad++
		case size > 1:
			good++
		}
		data = data[size:]
	}
	return good > 4*bad
}

// isBinary reports bytes that are no text in any encoding known here: they hold control characters that texts
// do not.
func isBinary(data []byte) bool {
	head := data[:min(len(data), sample)]
	if e := encodingOf(head); e != nil && e != charmap.Windows1252 {
		return false
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return true
	}
	odd := 0
	for _, c := range head {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v' && c != 0x1b && c != 0x1a {
			odd++
		}
	}
	return odd*20 > len(head)
}
