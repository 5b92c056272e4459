package extract

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unlikeUTF7 is the likeness below which what UTF-7 gives is no text: words behind plus signs can be taken for it.
const unlikeUTF7 = 0.4

// inBase64 is a text in UTF-7 (RFC 2152) that is not ASCII: UTF-16 in base64 behind a plus sign. A minus sign ends it,
// or a character that is not of base64.
var inBase64 = regexp.MustCompile(`\+([A-Za-z0-9+/]*)(-?)`)

// decodeUTF7 is data's text if it is in UTF-7. A plus sign that neither begins such a text nor is written as itself
// tells that it is not.
func decodeUTF7(data []byte) (text string, ok bool) {
	beyond := func(r rune) bool { return r >= utf8.RuneSelf }
	if bytes.Count(data, []byte("+")) < 2 || bytes.ContainsFunc(data, beyond) {
		return "", false
	}
	n := 0
	ok = true
	text = inBase64.ReplaceAllStringFunc(string(data), func(match string) string {
		m := inBase64.FindStringSubmatch(match)
		if m[1] == "" && m[2] != "" {
			return "+"
		}
		decoded, valid := utf16InBase64(m[1])
		ok = ok && valid
		n++
		return decoded
	})
	return text, ok && n > 1
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
