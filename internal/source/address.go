package source

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAddress bounds a URL, as the sitemap protocol does.
const maxAddress = 2048

// parseAddress returns the URL without its fragment, default port and dot segments.
func parseAddress(named string) (*url.URL, error) {
	u, err := url.Parse(escape(strings.TrimSpace(named)))
	switch {
	case err != nil || len(named) > maxAddress:
		return nil, fmt.Errorf("%q is not a valid URL", clip(named))
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil:
		return nil, fmt.Errorf("%q is not an http or https URL without a user", clip(named))
	}
	u = new(url.URL).ResolveReference(u)
	u.Fragment, u.RawFragment = "", ""
	u.Host = strings.ToLower(u.Host)
	if port := u.Port(); port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	if u.Path == "" {
		u.Path = "/"
	}
	return u, nil
}

// escape escapes what may not be written in a URL, so that each spelling gives the same one.
func escape(named string) string {
	const written = "-._~:/?#[]@!$&'()*+,;=%" // besides letters and digits
	var b strings.Builder
	for i := range len(named) {
		c := named[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(written, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// address is the path of the page at u: host, path and query. Letters beyond ASCII are written as such, and everything
// else that is escaped stays so: a path has no segment that u has not. "http:" precedes the host of a URL that is not
// https.
func address(u *url.URL) string {
	a := u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		a += "?" + u.RawQuery
	}
	if u.Scheme == "http" {
		a = "http:" + a
	}
	return readable(a)
}

// readable decodes the escapes of printable characters beyond ASCII, and escapes what is not printable.
func readable(escaped string) string {
	var b strings.Builder
	for i := 0; i < len(escaped); {
		if r, size := unescape(escaped[i:]); size > 0 {
			b.WriteRune(r)
			i += size
			continue
		}
		r, size := utf8.DecodeRuneInString(escaped[i:])
		switch {
		case r == '%' && i+2 < len(escaped):
			size = 3
			b.WriteString(strings.ToUpper(escaped[i : i+size]))
		case r == utf8.RuneError || r == ' ' || !unicode.IsPrint(r):
			for _, c := range []byte(escaped[i : i+size]) {
				fmt.Fprintf(&b, "%%%02X", c)
			}
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// unescape decodes the escapes of one printable character beyond ASCII at the beginning of s. Its size is 0 if there is
// none.
func unescape(s string) (r rune, size int) {
	var raw []byte
	for len(raw) < utf8.UTFMax && len(s) >= 3*len(raw)+3 && s[3*len(raw)] == '%' {
		part, err := url.PathUnescape(s[3*len(raw) : 3*len(raw)+3])
		if err != nil || part[0] < utf8.RuneSelf {
			break
		}
		raw = append(raw, part[0])
	}
	r, n := utf8.DecodeRune(raw)
	if n < 2 || !unicode.IsPrint(r) {
		return 0, 0
	}
	return r, 3 * n
}

// clip cuts what a message or a path shows of a URL that is not valid.
func clip(s string) string {
	const shown = 200
	if len(s) <= shown {
		return s
	}
	return strings.ToValidUTF8(s[:shown], "") + "…"
}
