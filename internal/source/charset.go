package source

import (
	"bytes"
	"mime"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// declaredCharset returns the encoding that a server declares of a text, as the Encoding Standard names it; empty if it
// declares none.
func declaredCharset(contentType string) string {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.HasPrefix(media, "text/") && media != "application/xhtml+xml" {
		return ""
	}
	encoding, err := htmlindex.Get(parameters["charset"])
	if err != nil {
		return ""
	}
	name, err := htmlindex.Name(encoding)
	if err != nil {
		return ""
	}
	return name
}

// mark is the byte order mark of UTF-8, by which a reader knows the encoding.
const mark = "\xef\xbb\xbf"

// decoded returns the text in UTF-8 with its mark, if it is in the encoding that its server declares. A text that is
// valid UTF-8 stays as it is, and so does one with a mark of its own: servers declare the encoding of a whole site, and
// many are wrong about a page. Texts in ISO-2022-JP and UTF-16 may be valid UTF-8 by chance.
func decoded(text []byte, charset string) []byte {
	byChance := charset == "iso-2022-jp" || strings.HasPrefix(charset, "utf-16")
	if charset == "" || charset == "utf-8" || utf8.Valid(text) && !byChance || marked(text) {
		return text
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return text
	}
	out, err := encoding.NewDecoder().Bytes(text)
	if err != nil {
		return text
	}
	return append([]byte(mark), out...)
}

func marked(text []byte) bool {
	for _, m := range []string{mark, "\xfe\xff", "\xff\xfe"} {
		if bytes.HasPrefix(text, []byte(m)) {
			return true
		}
	}
	return false
}
