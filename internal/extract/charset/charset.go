// Package charset turns the bytes of texts into UTF-8: from the encoding that they name, or from the one that the
// letters suggest.
package charset

import (
	"bytes"
	"encoding/binary"
	"strings"
	stdunicode "unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/unicode/norm"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// sample is how much of a text is looked at to tell it from binary data.
const sample = 64 << 10

// TextEncoding is an encoding of texts under the name that it is registered by.
type TextEncoding struct {
	name     string
	Encoding encoding.Encoding // never nil
}

var (
	utf8Text    = TextEncoding{"UTF-8", unicode.UTF8}
	utf16Little = TextEncoding{"UTF-16LE", unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}
	utf16Big    = TextEncoding{"UTF-16BE", unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}
	utf32Little = TextEncoding{"UTF-32LE", utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)}
	utf32Big    = TextEncoding{"UTF-32BE", utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)}
	windows1252 = TextEncoding{"windows-1252", charmap.Windows1252}
	iso2022JP   = TextEncoding{"ISO-2022-JP", japanese.ISO2022JP}
)

// Decode is data's text as UTF-8, with a warning when its encoding is a guess or characters of it are lost. The
// encoding is what the byte order mark or escape sequences say; else UTF-8 if it is, with a few damaged characters
// perhaps, which become U+FFFD; else a guess.
func Decode(data []byte) (string, config.Warnings) {
	var warnings config.Warnings
	e, sure := MarkedEncoding(data)
	if text, ok := decodeUTF7(data); ok && sure && likeness([]rune(string(oddLines([]byte(text))))) > unlikeUTF7 {
		warnings.Add(config.EncodingGuessed, 1, "read as UTF-7")
		return text, warnings
	}
	if !sure || e == utf8Text && !utf8.Valid(data) {
		if text, lines, ok := decodeMixed(data); ok {
			warnings.Add(config.EncodingGuessed, 1, "lines read as "+lines.name)
			return text, warnings
		}
	}
	if !sure {
		e = guess(data)
		warnings.Add(config.EncodingGuessed, 1, "read as "+e.name)
	}
	text := e.Decode(data)
	warnings.Add(config.UndecodableText, strings.Count(text, "\ufffd")-bytes.Count(data, []byte("\ufffd")))
	return text, warnings
}

// Decode is data's text without a byte order mark.
func (e TextEncoding) Decode(data []byte) string {
	if e == utf8Text {
		return strings.TrimPrefix(strings.ToValidUTF8(string(data), "\ufffd"), "\ufeff")
	}
	text, err := e.Encoding.NewDecoder().Bytes(data)
	if err != nil {
		text = data
	}
	if e.name == vietnamese {
		text = norm.NFC.Bytes(text)
	}
	return strings.TrimPrefix(strings.ToValidUTF8(string(text), "\ufffd"), "\ufeff")
}

// MarkedEncoding is the encoding that the bytes themselves show; sure is false when they do not.
func MarkedEncoding(data []byte) (e TextEncoding, sure bool) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		return utf8Text, true
	case bytes.HasPrefix(data, []byte("\xff\xfe\x00\x00")):
		return utf32Little, true
	case bytes.HasPrefix(data, []byte("\x00\x00\xfe\xff")):
		return utf32Big, true
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return utf16Little, true
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return utf16Big, true
	}
	switch head := data[:min(len(data), sample)]; {
	case looksUTF32(data, binary.LittleEndian):
		return utf32Little, true
	case looksUTF32(data, binary.BigEndian):
		return utf32Big, true
	case looksUTF16(head, binary.LittleEndian):
		return utf16Little, true
	case looksUTF16(head, binary.BigEndian):
		return utf16Big, true
	case isISO2022JP(data):
		return iso2022JP, true
	}
	return utf8Text, !hasControls(data[:min(len(data), sample)]) && (utf8.Valid(data) || mostlyUTF8(data))
}

// looksUTF32 recognises UTF-32 without a mark: each unit is a character that texts have.
func looksUTF32(data []byte, order binary.ByteOrder) bool {
	head := data[:min(len(data), sample)]
	for ; len(head) >= 4; head = head[4:] {
		u := order.Uint32(head)
		if u > stdunicode.MaxRune || u < ' ' && u != '\n' && u != '\r' && u != '\t' && u != '\f' || !utf8.ValidRune(rune(u)) {
			return false
		}
	}
	return len(data) >= 8 && len(data)%4 == 0
}

// looksUTF16 recognises UTF-16 without a mark by its high bytes: at least half of the units are Latin (zero there),
// and none is a control character.
func looksUTF16(head []byte, order binary.ByteOrder) bool {
	units := len(head) / 2
	latin := 0
	for i := range units {
		switch u := order.Uint16(head[2*i:]); {
		case u < ' ' && u != '\n' && u != '\r' && u != '\t' && u != '\f':
			return false
		case u < 0x100:
			latin++
		}
	}
	return units >= 2 && latin >= (units+1)/2 && bytes.IndexByte(head, 0) >= 0
}

// isISO2022JP recognises the Japanese encoding of mail by the escape sequences that switch to and from Kanji, in bytes
// of seven bits.
func isISO2022JP(data []byte) bool {
	if !bytes.Contains(data, []byte("\x1b$")) {
		return false
	}
	return (bytes.Contains(data, []byte("\x1b$B")) || bytes.Contains(data, []byte("\x1b$@"))) &&
		(bytes.Contains(data, []byte("\x1b(B")) || bytes.Contains(data, []byte("\x1b(J"))) &&
		!bytes.ContainsFunc(data, func(r rune) bool { return r >= utf8.RuneSelf })
}

// mostlyUTF8 tells damaged UTF-8 from one-byte encodings: in the former, nearly all bytes past ASCII belong to
// well-formed characters.
func mostlyUTF8(data []byte) bool {
	good, bad := 0, 0
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1 && (good == 0 || utf8.FullRune(data)): // else it is cut off
			bad++
		case size > 1:
			good++
		}
		data = data[size:]
	}
	return good > 4*bad
}

// hasControls reports whether text would be strange in ASCII: it holds NUL, or more control characters than texts do.
// The separators of ASCII, and the 1 of databases, divide the cells of tables.
func hasControls(head []byte) bool {
	odd := 0
	for _, c := range head {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v' && c != 0x01 &&
			c < 0x1a {
			odd++
		}
	}
	return odd*20 > len(head) || bytes.IndexByte(head, 0) >= 0
}

// IsBinary reports bytes that are not text in any encoding known here: they hold control characters that texts
// do not.
func IsBinary(data []byte) bool {
	head := data[:min(len(data), sample)]
	if e, sure := MarkedEncoding(head); sure && e != utf8Text || !hasControls(head) {
		return false
	}
	even := head[:min(len(head), guessSample)&^1]
	return max(utf16Little.likeness(even), utf16Big.likeness(even)) < 0.4
}

// TextStart is the beginning of a text, without white space and byte order mark.
func TextStart(data []byte) string {
	const look = 2048
	text, _ := Decode(data[:min(len(data), look)])
	return strings.TrimSpace(text)
}
