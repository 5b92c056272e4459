package split

import (
	"math/bits"
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

// codePoints counts the code points of s as ranging over it does, but takes eight bytes of ASCII at a time.
func codePoints(s string) int {
	n := len(s)
	for i := 0; ; {
		for i+8 <= len(s) && highBits(s[i:]) == 0 {
			i += 8
		}
		if i+8 <= len(s) {
			i += bits.TrailingZeros64(highBits(s[i:])) / 8
		} else {
			for i < len(s) && s[i] < utf8.RuneSelf {
				i++
			}
		}
		if i == len(s) {
			return n
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
		n -= size - 1
	}
}

// highBits has the highest bit of each of the first eight bytes of s; ASCII has none.
func highBits(s string) uint64 {
	_ = s[7]
	word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	return word & 0x8080808080808080
}
