package split

import (
	"unicode"
	"unicode/utf8"
)

// place is a position in a text, counted both ways.
type place struct{ bytes, runes int }

func (p place) plus(bytes, runes int) place { return place{p.bytes + bytes, p.runes + runes} }

// strip narrows from and to, a range of text, by the white space at its ends.
func strip(text string, from, to place) (place, place) {
	for from.bytes < to.bytes {
		r, n := utf8.DecodeRuneInString(text[from.bytes:to.bytes])
		if !isSpace(r) {
			break
		}
		from = from.plus(n, 1)
	}
	for from.bytes < to.bytes {
		r, n := utf8.DecodeLastRuneInString(text[from.bytes:to.bytes])
		if !isSpace(r) {
			break
		}
		to = to.plus(-n, -1)
	}
	return from, to
}

// isSpace is Python's str.isspace, which str.strip goes by: Unicode's white space and the four ASCII
// separators U+001C to U+001F, which are white space by their bidirectional class only.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}

func firstCodePoint(text string) int {
	_, n := utf8.DecodeRuneInString(text)
	return n
}

// codePoints returns how to count the code points of parts of text: ASCII needs no look at them, and valid
// text no decoding.
func codePoints(text string) func(string) int {
	switch {
	case isASCII(text):
		return func(s string) int { return len(s) }
	case utf8.ValidString(text):
		return countValid
	default:
		return utf8.RuneCountInString
	}
}

func isASCII(s string) bool {
	for len(s) >= 32 {
		if (word(s)|word(s[8:])|word(s[16:])|word(s[24:]))&(0x80*each) != 0 {
			return false
		}
		s = s[32:]
	}
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// countValid counts the code points of valid UTF-8: all bytes but those that continue a character, which are
// the ones that start with the bits 10.
func countValid(s string) int {
	n := len(s)
	for len(s) >= 32 {
		// Each byte of the sum is at most 4, so the product has the sum of all bytes in its highest one.
		sum := continuations(s) + continuations(s[8:]) + continuations(s[16:]) + continuations(s[24:])
		n -= int(sum * each >> 56)
		s = s[32:]
	}
	for i := range len(s) {
		n -= int(s[i] >> 7 &^ (s[i] >> 6))
	}
	return n
}

// each has 1 in each byte.
const each = 0x0101010101010101

// continuations has 1 in each byte where s has one that continues a character.
func continuations(s string) uint64 {
	x := word(s)
	return x >> 7 &^ (x >> 6) & each
}

// word is the first eight bytes of s.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
