package office

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"io"
	"strings"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding/unicode"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Bounds on what the decoder holds before it returns it: a tag with its attributes, or the text or the comment between
// two tags. Word writes pictures into attributes, but never more than some 30 attributes.
const (
	MaxAttributes = 10_000   // of one tag
	MaxPiece      = 16 << 20 // bytes
)

// NewXMLDecoder makes a decoder of a part in any encoding, UTF-16 too, that holds nothing beyond these bounds.
func NewXMLDecoder(r io.Reader, part string) *xml.Decoder {
	text := bufio.NewReader(r)
	mark, _ := text.Peek(2)
	isUTF16 := bytes.Equal(mark, []byte{0xff, 0xfe}) || bytes.Equal(mark, []byte{0xfe, 0xff})
	r = text
	if isUTF16 {
		r = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(text)
	}
	d := xml.NewDecoder(&tagReader{r: r, part: part})
	d.CharsetReader = func(label string, input io.Reader) (io.Reader, error) {
		if isUTF16 {
			return input, nil
		}
		r, err := charset.NewReaderLabel(label, input)
		return &tagReader{r: r, part: part}, err
	}
	return d
}

// tagReader fails on what is too long. It must see the limits of tags exactly as the decoder does, or a tag
// could pass for text.
type tagReader struct {
	r       io.Reader
	part    string
	state   tagState
	length  int    // of the tag or the text so far
	values  int    // attributes of the tag so far
	opening string // the first bytes after <
	end     string // what ends a comment, CDATA or a processing instruction
	tail    [3]byte
}

type tagState int

const (
	inText tagState = iota
	inOpening
	inTag
	inSingleQuotes
	inDoubleQuotes
	inOther // a comment, CDATA or a processing instruction
)

func (t *tagReader) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	for i := 0; i < n; i++ {
		if t.state == inText {
			at := bytes.IndexByte(b[i:n], '<')
			if at < 0 {
				t.length += n - i
				break
			}
			i += at
			t.state, t.length, t.values, t.opening = inOpening, 0, 0, ""
			continue
		}
		t.length++
		if err := t.next(b[i]); err != nil {
			return 0, err
		}
	}
	if t.length > MaxPiece {
		return 0, config.Failf(config.TooComplex, "part %s has a tag or a text of more than %d bytes: simplify the document",
			plain.Quote(t.part), MaxPiece)
	}
	return n, err
}

func (t *tagReader) next(c byte) error {
	switch t.state {
	case inOther:
		t.tail = [3]byte{t.tail[1], t.tail[2], c}
		if strings.HasSuffix(string(t.tail[:]), t.end) {
			t.state, t.length = inText, 0
		}
	case inSingleQuotes, inDoubleQuotes:
		if t.state == inSingleQuotes && c == '\'' || t.state == inDoubleQuotes && c == '"' {
			t.state = inTag
		}
	case inOpening:
		if t.opens(c); t.state == inTag {
			return t.inTag(c)
		}
	default:
		return t.inTag(c)
	}
	return nil
}

// opens decides by the first bytes after < what begins there.
func (t *tagReader) opens(c byte) {
	t.opening += string(c)
	end, known := map[string]string{"?": "?>", "!--": "-->", "![CDATA[": "]]>"}[t.opening]
	switch {
	case known:
		t.state, t.end, t.tail = inOther, end, [3]byte{}
	case strings.HasPrefix("!--", t.opening), strings.HasPrefix("![CDATA[", t.opening):
	default:
		t.state = inTag
	}
}

// inTag follows the quotes of an element's tag or of a declaration.
func (t *tagReader) inTag(c byte) error {
	switch c {
	case '\'', '"':
		t.state = inSingleQuotes
		if c == '"' {
			t.state = inDoubleQuotes
		}
		if t.values++; t.values > MaxAttributes {
			return config.Failf(config.TooComplex, "part %s has a tag of more than %d attributes: simplify the document",
				plain.Quote(t.part), MaxAttributes)
		}
	case '>':
		t.state, t.length = inText, 0
	case '<':
		return config.Failf(config.Malformed, "part %s is damaged: a tag or declaration holds another", plain.Quote(t.part))
	}
	return nil
}
