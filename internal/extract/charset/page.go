package charset

import (
	"bytes"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Languages by the encodings that their texts come in.
const (
	western  = "en de fr es it pt nl sv da nb fi is ca ga sq"
	central  = "pl cs sk hu sl hr ro sq de en"
	cyrillic = "ru uk bg sr mk be"
	baltic   = "lt lv et"
)

// vietnamese has the tones of letters as characters of their own.
const vietnamese = "windows-1258"

// page is an encoding of one byte a character.
type page struct {
	TextEncoding
	chars     *charmap.Charmap
	languages string
	cost      float64 // in bits: how seldom texts come in it
}

// pages are the encodings of one byte that are told by pairs of letters. Of two that read a text equally well the
// earlier is taken.
var pages = []page{
	pageOf("windows-1252", charmap.Windows1252, western, 0),
	pageOf("windows-1250", charmap.Windows1250, central, 2.5),
	pageOf("windows-1251", charmap.Windows1251, cyrillic, 1.5),
	pageOf("windows-1253", charmap.Windows1253, "el", 1),
	pageOf("windows-1254", charmap.Windows1254, "tr", 3),
	pageOf("windows-1255", charmap.Windows1255, "he", 1),
	pageOf("windows-1256", charmap.Windows1256, "ar fa", 0),
	pageOf("windows-1257", charmap.Windows1257, baltic, 4),
	pageOf(vietnamese, charmap.Windows1258, "vi", 3),
	pageOf("windows-874", charmap.Windows874, "th", 1),
	pageOf("ISO-8859-2", charmap.ISO8859_2, central, 3),
	pageOf("ISO-8859-3", charmap.ISO8859_3, "eo mt", 6),
	pageOf("ISO-8859-4", charmap.ISO8859_4, baltic, 8),
	pageOf("ISO-8859-5", charmap.ISO8859_5, cyrillic, 3),
	pageOf("ISO-8859-6", charmap.ISO8859_6, "ar", 3),
	pageOf("ISO-8859-7", charmap.ISO8859_7, "el", 2),
	pageOf("ISO-8859-8", charmap.ISO8859_8, "he", 2),
	pageOf("ISO-8859-13", charmap.ISO8859_13, baltic, 3),
	pageOf("ISO-8859-14", charmap.ISO8859_14, "cy", 8),
	pageOf("ISO-8859-15", charmap.ISO8859_15, western, 2),
	pageOf("ISO-8859-16", charmap.ISO8859_16, "ro", 6),
	pageOf("KOI8-R", charmap.KOI8R, "ru bg", 2.5),
	pageOf("KOI8-U", charmap.KOI8U, "uk be", 4),
	pageOf("IBM866", charmap.CodePage866, cyrillic, 3),
	pageOf("IBM855", charmap.CodePage855, cyrillic, 16),
	pageOf("IBM850", charmap.CodePage850, western, 6),
	pageOf("IBM437", charmap.CodePage437, western, 7),
	pageOf("IBM852", charmap.CodePage852, central, 6),
	pageOf("IBM862", charmap.CodePage862, "he", 8),
	pageOf("macintosh", charmap.Macintosh, western, 7),
	pageOf("x-mac-cyrillic", charmap.MacintoshCyrillic, "ru bg uk sr mk be", 6),
}

func pageOf(name string, m *charmap.Charmap, languages string, cost float64) page {
	return page{TextEncoding: TextEncoding{name: name, Encoding: m}, chars: m, languages: languages, cost: cost}
}

// pairCount is how often two bytes follow each other.
type pairCount struct {
	last, next byte
	n          float64
}

// byteCounts are what is counted in a text.
type byteCounts struct {
	pairs []pairCount
	first byte                // the first byte that is not of ASCII, or a letter of it
	odd   map[[3]byte]float64 // bytes beyond ASCII, with those around them
}

// maxASCIIPairs bounds what the words in ASCII weigh, which may be of another language.
const maxASCIIPairs = 40

// countsOf counts the bytes of a text. Words with a byte beyond ASCII tell the encoding, and the others the language.
func countsOf(text []byte) byteCounts {
	var odd, ascii [1 << 16]float64
	counts := byteCounts{odd: map[[3]byte]float64{}, first: firstLetter(text)}
	n := 0.0
	for word := range bytes.FieldsFuncSeq(text, func(r rune) bool { return r == ' ' || r >= '\t' && r <= '\r' }) {
		pairs := &ascii
		if bytes.ContainsFunc(word, func(r rune) bool { return r >= utf8.RuneSelf }) {
			pairs = &odd
		} else {
			n += float64(len(word) + 1)
		}
		last := byte(' ')
		for i := range len(word) + 1 {
			c, next := at(word, i), at(word, i+1)
			pairs[int(last)<<8|int(c)]++
			if c >= utf8.RuneSelf {
				counts.odd[[3]byte{last, c, next}]++
			}
			last = c
		}
	}
	weight := min(1, maxASCIIPairs/max(n, 1))
	for i := range odd {
		if n := odd[i] + ascii[i]*weight; n > 0 {
			counts.pairs = append(counts.pairs, pairCount{last: byte(i >> 8), next: byte(i), n: n})
		}
	}
	return counts
}

// at is a byte of a word, or the space behind it.
func at(word []byte, i int) byte {
	if i < len(word) {
		return word[i]
	}
	return ' '
}

// firstLetter is the first byte that is a letter, or may be one beyond ASCII.
func firstLetter(text []byte) byte {
	for _, c := range text {
		if c >= utf8.RuneSelf || isLetterASCII(rune(c)) {
			return c
		}
	}
	return ' '
}

// costOf is how unexpected the bytes are in a text of the page, by the language in which they are expected most, and
// how unexpected each pair is that has a byte beyond ASCII.
func (p page) costOf(counts byteCounts) (cost, mean float64) {
	around := 0.0
	for odd, n := range counts.odd {
		around += n * costAround(p.chars.DecodeByte(odd[0]), p.chars.DecodeByte(odd[1]), p.chars.DecodeByte(odd[2]))
	}
	if unicode.IsLower(p.chars.DecodeByte(counts.first)) {
		around += smallCost
	}
	cost = math.Inf(1)
	for code := range strings.FieldsSeq(p.languages) {
		l, all, beyond, n, own := languages()[code], p.cost, around, 1.0, 0.0
		for _, pair := range counts.pairs {
			r := p.chars.DecodeByte(pair.next)
			bits := l.cost(p.chars.DecodeByte(pair.last), r)
			all += pair.n * bits
			if max(pair.last, pair.next) >= utf8.RuneSelf {
				beyond += pair.n * bits
				n += pair.n
			}
			if l.letters[l.letterOf(r)] {
				own += pair.n
			}
		}
		if !l.latin {
			all += strangeCost * max(0, 1-own/3)
		}
		if all < cost {
			cost, mean = all, beyond/n
		}
	}
	return cost + around, mean
}

// guessPage is the encoding of one byte that a text is in, and how like a text it reads: 1 is the most.
func guessPage(text []byte) (best TextEncoding, likeness float64) {
	counts := countsOf(text)
	least := math.Inf(1)
	for _, p := range pages {
		if cost, mean := p.costOf(counts); cost < least {
			best, least, likeness = p.TextEncoding, cost, likeCost(mean)
		}
	}
	return best, likeness
}

// likeCost is the likeness of a text that costs so many bits for each character.
func likeCost(bits float64) float64 { return min(max(1.4-bits/8, 0), 1) }
