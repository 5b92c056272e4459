package charset

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unlikeUTF7 is the likeness below which what UTF-7 gives is no text: words behind plus signs can be taken for it.
const unlikeUTF7 = 0.4

const base64Signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodeUTF7 is data's text if it is in UTF-7 (RFC 2152) and not ASCII: UTF-16 in base64 behind a plus sign. A minus
// sign ends it, or a character that is not of base64. One character alone may be there by chance. A plus sign that
// neither begins such a text nor is written as itself tells that data is not UTF-7.
func decodeUTF7(data []byte) (text string, ok bool) {
	if !bytes.Contains(data, []byte("+")) {
		return "", false
	}
	var b strings.Builder
	n := 0
	for rest := data; ; {
		before, behind, found := bytes.Cut(rest, []byte("+"))
		b.Write(before)
		if !found {
			break
		}
		encoded := behind[:len(behind)-len(bytes.TrimLeft(behind, base64Signs))]
		var ended bool
		if rest, ended = bytes.CutPrefix(behind[len(encoded):], []byte("-")); ended && len(encoded) == 0 {
			b.WriteByte('+')
			continue
		}
		decoded, valid := utf16InBase64(string(encoded))
		if !valid {
			return "", false
		}
		b.WriteString(decoded)
		n += utf8.RuneCountInString(decoded)
	}
	beyond := func(r rune) bool { return r >= utf8.RuneSelf }
	return b.String(), n > 1 && !bytes.ContainsFunc(data, beyond)
}

// utf16InBase64 is a text of characters beyond ASCII.
func utf16InBase64(s string) (text string, ok bool) {
	data, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil || len(data)%2 != 0 || len(data) == 0 {
		return "", false
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(data[2*i:])
	}
	text = string(utf16.Decode(units))
	beyond := strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
	return text, beyond && !strings.ContainsRune(text, utf8.RuneError)
}
