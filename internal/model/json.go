package model

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

var (
	errNotJSON    = errors.New("it is not the JSON that the protocol has")
	errUnwritable = errors.New("the request cannot be written as JSON: check extraBody")
	// tolerant reads the answers of many servers. Invalid UTF-8 becomes U+FFFD, and of a name that
	// occurs twice, the last value counts. The library bounds nesting at 10,000 levels.
	tolerant = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
)

// readJSON reads one JSON value. Its error never quotes data.
func readJSON(data []byte, v any) error {
	if json.Unmarshal(data, v, tolerant) != nil {
		return errNotJSON
	}
	return nil
}

// writeJSON is the JSON of a request's body. The members of maps are sorted by name.
func (c *client) writeJSON(v any) ([]byte, error) {
	b, err := json.Marshal(v, tolerant, json.Deterministic(true))
	if err != nil {
		return nil, c.fail(config.ModelRejected, errUnwritable) // err may quote the request
	}
	return b, nil
}

// absentUnless leaves a value of the kind to the library, and skips any other, null above all: it
// counts as absent. It is what the methods of types return that have no reader of their own, which
// costs less than json.WithUnmarshalers does.
func absentUnless(kind jsontext.Kind, d *jsontext.Decoder) error {
	if d.PeekKind() == kind {
		return errors.ErrUnsupported
	}
	return d.SkipValue()
}

// text is a string. Any other value is empty.
type text string

func (t *text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*t = ""
	return absentUnless('"', d)
}

// count is a number that is not negative, or a string that holds one. Any other value is 0.
type count int

func (n *count) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*n = 0
	if kind := d.PeekKind(); kind != '0' && kind != '"' {
		return d.SkipValue()
	}
	value, err := d.ReadValue()
	f, notNumber := strconv.ParseFloat(strings.Trim(string(value), `"`), 64)
	if notNumber == nil {
		*n = count(max(whole(f), 0))
	}
	return err
}

// readNumber reads a finite number, and nothing else: null stands for NaN in the answers of some
// servers.
func readNumber(d *jsontext.Decoder) (float64, error) {
	value, err := d.ReadValue()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(string(value), 64)
}

// whole converts a number without a fraction. It returns -1 for any other, and for one that is
// negative or too large.
func whole(f float64) int {
	if n := int(f); f >= 0 && f < 1<<40 && float64(n) == f {
		return n
	}
	return -1
}

// number is a finite number. A server may leave its name out, but not give it another value.
type number struct {
	value float64
	given bool
}

func (n *number) UnmarshalJSONFrom(d *jsontext.Decoder) (err error) {
	n.value, err = readNumber(d)
	n.given = true
	return err
}

// list is an array whose name may occur several times in its object: all items count.
type list[T any] []T

func (l *list[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if *l == nil {
		return errors.ErrUnsupported // the library reads it
	}
	var items []T
	err := json.UnmarshalDecode(d, &items)
	*l = append(*l, items...)
	return err
}

const hex = "0123456789abcdef"

// appendString appends s as a JSON string (RFC 8259). Each byte that is not UTF-8 becomes U+FFFD.
// It writes the passages to rerank, most of what a question sends, in a fraction of the time that
// jsontext.AppendQuote takes.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		n := plainPrefix(s)
		dst = append(dst, s[:n]...)
		switch {
		case n == len(s):
			return append(dst, '"')
		case s[n] >= utf8.RuneSelf:
			dst = append(dst, "\uFFFD"...)
		default:
			dst = appendEscape(dst, s[n])
		}
		s = s[n+1:]
	}
}

func appendEscape(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, '\\', 'n')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[b>>4], hex[b&15])
}

// plainPrefix is how many bytes of s stand in a JSON string as they are.
func plainPrefix(s string) int {
	for i := 0; ; {
		i += asciiPrefix(s[i:])
		if i == len(s) || s[i] < utf8.RuneSelf {
			return i
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		if size == 1 {
			return i // it is not UTF-8
		}
		i += size
	}
}

// asciiPrefix is how many bytes of s are ASCII that stands in a JSON string as it is. It looks at 32 at a time,
// and at eight where one of them is not.
func asciiPrefix(s string) int {
	i := 0
	for ; i+32 <= len(s); i += 32 {
		if t := s[i : i+32]; special(t)|special(t[8:])|special(t[16:])|special(t[24:]) != 0 {
			break
		}
	}
	for ; i+8 <= len(s); i += 8 {
		if found := special(s[i:]); found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s); i++ {
		if b := s[i]; b < ' ' || b == '"' || b == '\\' || b >= utf8.RuneSelf {
			break
		}
	}
	return i
}

// special has the top bit of each of the first eight bytes of s that is below a space, a quote, a backslash, or
// not ASCII. A quote with its second bit changed is a space, and what is below a space stays so. Subtraction
// borrows from the bytes above a hit only, so the lowest is right.
func special(s string) uint64 {
	const each = 0x0101010101010101
	_ = s[7]
	w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return (((w ^ each*2) - each*(' '+1)) | ((w ^ each*'\\') - each) | w) & (each * 0x80)
}

// capacity is how many bytes texts seldom exceed once they are JSON strings.
func capacity(texts ...string) int {
	n := 256
	for _, t := range texts {
		n += len(t) + len(t)/16 + 16
	}
	return n
}
