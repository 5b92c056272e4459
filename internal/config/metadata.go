package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Metadata is the metadata of a document or of its chunks, by key.
type Metadata map[string]Value

// Encode returns the metadata as JSON for a store. It returns an empty text for a document without metadata.
func (m Metadata) Encode() (string, error) {
	if len(m) == 0 {
		return "", nil
	}
	b, err := json.Marshal(m)
	return string(b), err
}

// DecodeMetadata reads what Encode wrote.
func DecodeMetadata(s string) (m Metadata, err error) {
	if s != "" {
		err = json.Unmarshal([]byte(s), &m)
	}
	return m, err
}

// ScalarType is the type of a Scalar.
type ScalarType string

// The types of scalars. A list holds texts.
const (
	TextType    ScalarType = "text"
	NumberType  ScalarType = "number"
	BooleanType ScalarType = "boolean"
)

// Scalar is a value that filters compare: a text, a number or a boolean. Scalars of different types are never equal,
// and none is before the other.
type Scalar struct {
	Type ScalarType
	Text string
	// Number is also a boolean's: 1 for true, 0 for false.
	Number float64
}

// String is the scalar for people.
func (s Scalar) String() string {
	switch s.Type {
	case NumberType:
		return strconv.FormatFloat(s.Number, 'f', -1, 64)
	case BooleanType:
		return strconv.FormatBool(s.Number != 0)
	}
	return s.Text
}

// Value is a value of metadata: a text, a number, a boolean or a list of texts. It is never changed. Its JSON is the
// natural one.
type Value struct {
	scalars []Scalar
	list    bool
}

// Text returns a text as a value.
func Text(s string) Value { return Value{scalars: []Scalar{{Type: TextType, Text: s}}} }

// Number returns a number, which must be finite, as a value.
func Number(n float64) Value { return Value{scalars: []Scalar{{Type: NumberType, Number: n + 0}}} } // not -0

// Boolean returns a boolean as a value.
func Boolean(b bool) Value {
	s := Scalar{Type: BooleanType}
	if b {
		s.Number = 1
	}
	return Value{scalars: []Scalar{s}}
}

// List returns a list of texts as a value.
func List(texts ...string) Value {
	v := Value{list: true, scalars: make([]Scalar, len(texts))}
	for i, text := range texts {
		v.scalars[i] = Scalar{Type: TextType, Text: text}
	}
	return v
}

// Scalars returns what filters compare: the value itself, or the elements of a list. The caller must not change them.
func (v Value) Scalars() []Scalar { return v.scalars }

// Type returns the type of the value, or that of a list's elements.
func (v Value) Type() ScalarType {
	if v.list {
		return TextType
	}
	return v.scalars[0].Type
}

// Is reports whether the value is a single one of the type.
func (v Value) Is(t ScalarType) bool { return !v.list && len(v.scalars) == 1 && v.scalars[0].Type == t }

// IsList reports whether the value is a list of texts.
func (v Value) IsList() bool { return v.list }

// Equal reports whether the values have the same type and contents.
func (v Value) Equal(other Value) bool {
	return v.list == other.list && slices.Equal(v.scalars, other.scalars)
}

// String is the value for people; the elements of a list are separated by commas.
func (v Value) String() string {
	parts := make([]string, len(v.scalars))
	for i, s := range v.scalars {
		parts[i] = s.String()
	}
	return strings.Join(parts, ", ")
}

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.list {
		texts := make([]string, len(v.scalars))
		for i, s := range v.scalars {
			texts[i] = s.Text
		}
		return json.Marshal(texts)
	}
	switch s := v.scalars[0]; s.Type {
	case NumberType:
		return json.Marshal(s.Number)
	case BooleanType:
		return json.Marshal(s.Number != 0)
	default:
		return json.Marshal(s.Text)
	}
}

// errNotAValue tells what a value of metadata may be.
var errNotAValue = errors.New("a value must be a text, a number, a boolean or a list of texts")

// UnmarshalJSON implements json.Unmarshaler. Its errors are for the user.
func (v *Value) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return errNotAValue
	}
	switch b[0] {
	case '[':
		return v.unmarshalList(b)
	case '"':
		var text string
		err := json.Unmarshal(b, &text)
		*v = Text(text)
		return err
	case 't', 'f':
		var boolean bool
		err := json.Unmarshal(b, &boolean)
		*v = Boolean(boolean)
		return err
	case 'n', '{':
		return errNotAValue
	}
	n, err := ParseNumber(string(b))
	*v = Number(n)
	return err
}

func (v *Value) unmarshalList(b []byte) error {
	var texts []*string // pointers tell null from ""
	if err := json.Unmarshal(b, &texts); err != nil || slices.Contains(texts, nil) {
		return errNotAValue
	}
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = *text
	}
	*v = List(list...)
	return nil
}

// maxExact is the lowest integer above which a float64 does not hold every integer.
const maxExact = 1 << 53

// ParseNumber reads a decimal number. It refuses an integer that a float64 cannot hold, such as a long identifier: two
// of those could become equal.
func ParseNumber(s string) (float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || math.IsNaN(n) || math.IsInf(n, 0):
		return 0, fmt.Errorf("%q is not a number between -1.8e308 and 1.8e308", s)
	case math.Abs(n) >= maxExact && !strings.ContainsAny(s, ".eE"):
		return 0, fmt.Errorf("%s has more digits than a number keeps: write it as a text", s)
	}
	return n, nil
}

// Bounds on the metadata of a document.
const (
	// MaxMetadataKeys bounds the keys of a document.
	MaxMetadataKeys = 64
	// MaxMetadataKey and MaxMetadataText bound a key and a text in bytes, MaxMetadataList the texts of a list.
	MaxMetadataKey  = 100
	MaxMetadataText = 1024
	MaxMetadataList = 64
)

// The keys that are not metadata. Filters compare source and document with the chunk's own fields; access names the
// groups that may see a document.
const (
	KeySource   = "source"
	KeyDocument = "document"
	KeyAccess   = "access"
)

// IsReserved reports whether the key is not one of metadata.
func IsReserved(key string) bool { return key == KeySource || key == KeyDocument || key == KeyAccess }

// CheckMetadata returns an error that tells why a key and its value cannot be metadata, for the user.
func CheckMetadata(key string, v Value) error {
	switch {
	case IsReserved(key):
		return fmt.Errorf("the key %s is reserved: rename it", key)
	case key == "" || len(key) > MaxMetadataKey || !utf8.ValidString(key):
		return fmt.Errorf("a key must have 1 to %d bytes of UTF-8", MaxMetadataKey)
	case v.list && (len(v.scalars) == 0 || len(v.scalars) > MaxMetadataList):
		return fmt.Errorf("a list must have 1 to %d texts", MaxMetadataList)
	}
	for _, s := range v.scalars {
		if s.Type == TextType && (s.Text == "" || len(s.Text) > MaxMetadataText) {
			return fmt.Errorf("a text must have 1 to %d bytes", MaxMetadataText)
		}
	}
	return nil
}
