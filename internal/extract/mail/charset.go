package mail

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/emersion/go-message"
	named "github.com/emersion/go-message/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
)

func init() { message.CharsetReader = decoded }

// decoded reads a text in the encoding that a mail declares. Programs declare their user's own encoding for whatever
// they send: a text of UTF-8 is no text in an encoding of one byte but by the rarest chance, and what is declared as
// ISO-8859-1 has the signs of windows-1252.
func decoded(name string, input io.Reader) (io.Reader, error) {
	declared, err := htmlindex.Get(name)
	if err != nil {
		return named.Reader(name, input)
	}
	data, err := io.ReadAll(io.LimitReader(input, document.MaxSource))
	var text io.Reader = bytes.NewReader(data)
	if !isOneByte(declared) || !utf8.Valid(data) {
		text = declared.NewDecoder().Reader(text)
	}
	if err != nil {
		return io.MultiReader(text, failedReader{err}), nil //nolint:nilerr // the reader ends with it
	}
	return text, nil
}

// failedReader ends with the error that cut a text off.
type failedReader struct{ err error }

func (r failedReader) Read([]byte) (int, error) { return 0, r.err }

func isOneByte(e encoding.Encoding) bool {
	_, ok := e.(*charmap.Charmap)
	return ok
}
