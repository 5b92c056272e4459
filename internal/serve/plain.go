package serve

import (
	"bytes"
	"io"
	"unicode"
	"unicode/utf8"
)

// Plain returns a writer of text that cannot drive a terminal, whatever names and messages of others it
// quotes: instead of control characters and signs that turn the direction of text, it writes U+FFFD. Tabs
// and line ends stay. Each Write must hold whole characters.
func Plain(w io.Writer) io.Writer { return plain{w} }

type plain struct{ io.Writer }

// Write writes all of b, or fails.
func (p plain) Write(b []byte) (int, error) {
	clean := b
	if bytes.ContainsFunc(b, drives) {
		clean = bytes.Map(func(c rune) rune {
			if drives(c) {
				return utf8.RuneError
			}
			return c
		}, b)
	}
	if _, err := p.Writer.Write(clean); err != nil {
		return 0, err
	}
	return len(b), nil
}

func drives(c rune) bool {
	return unicode.IsControl(c) && c != '\n' && c != '\t' || unicode.Is(unicode.Bidi_Control, c)
}
