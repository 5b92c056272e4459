package charset

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// candidates are what a text may be in that is not UTF-8 and does not say what it is. Of two that read it equally
// well the earlier is taken.
var candidates = []TextEncoding{
	windows1252,
	{name: "windows-1250", Encoding: charmap.Windows1250},
	{name: "windows-1254", Encoding: charmap.Windows1254},
	{name: "windows-1251", Encoding: charmap.Windows1251},
	{name: "windows-1253", Encoding: charmap.Windows1253},
	{name: "windows-1255", Encoding: charmap.Windows1255},
	{name: "windows-1256", Encoding: charmap.Windows1256},
	{name: "windows-1257", Encoding: charmap.Windows1257},
	{name: "windows-874", Encoding: charmap.Windows874},
	{name: "ISO-8859-2", Encoding: charmap.ISO8859_2},
	{name: "ISO-8859-5", Encoding: charmap.ISO8859_5},
	{name: "ISO-8859-7", Encoding: charmap.ISO8859_7},
	{name: "ISO-8859-15", Encoding: charmap.ISO8859_15},
	{name: "KOI8-R", Encoding: charmap.KOI8R},
	{name: "KOI8-U", Encoding: charmap.KOI8U},
	{name: "IBM866", Encoding: charmap.CodePage866},
	{name: "IBM850", Encoding: charmap.CodePage850},
	{name: "macintosh", Encoding: charmap.Macintosh},
	{name: "x-mac-cyrillic", Encoding: charmap.MacintoshCyrillic},
	{name: "Shift_JIS", Encoding: japanese.ShiftJIS},
	{name: "EUC-JP", Encoding: japanese.EUCJP},
	{name: "GB18030", Encoding: simplifiedchinese.GB18030},
	{name: "Big5", Encoding: traditionalchinese.Big5},
	{name: "EUC-KR", Encoding: korean.EUCKR},
	utf16Little,
	utf16Big,
}

// Bounds of guessing.
const (
	guessSample = 16 << 10 // bytes that a guess looks at
	// unlike is the likeness below which a reading is no better than windows-1252, in which any byte is something.
	unlike = 0.3
)

// guess is the candidate in whose reading a text is most like a text in some language.
func guess(data []byte) TextEncoding {
	odd := oddLines(data)
	best, most := windows1252, unlike
	for _, c := range candidates {
		part := odd
		if c == utf16Little || c == utf16Big {
			part = data[:min(len(data), guessSample)&^1]
		}
		n := c.likeness(part)
		if (c == utf16Little || c == utf16Big) && !bytes.ContainsFunc(part, isBelowSpace) {
			n *= 0.85 // in UTF-16 spaces, digits and signs have a byte that texts in other encodings do not have
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

// likeness says how like a text data is when c reads it: 1 is the most.
func (c TextEncoding) likeness(data []byte) float64 {
	text, err := c.Encoding.NewDecoder().Bytes(data)
	if err != nil {
		return -1
	}
	return likeness([]rune(string(text)))
}

func isBelowSpace(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' }

// oddLines are the first lines that hold bytes beyond ASCII, as many as fit the sample.
func oddLines(data []byte) []byte {
	var odd []byte
	for line := range bytes.Lines(data) {
		if !bytes.ContainsFunc(line, func(r rune) bool { return r >= utf8.RuneSelf }) {
			continue
		}
		odd = append(odd, line[:min(len(line), guessSample-len(odd))]...)
		if len(odd) == guessSample {
			break
		}
	}
	return odd
}

// likeness is the mean worth of a text's characters beyond ASCII, each where it stands. Control characters count,
// too.
func likeness(text []rune) float64 {
	sum, n := 0.0, 0
	latin, counts := 0, make([]int, len(alphabets))
	at := func(i int) rune {
		if i < 0 || i >= len(text) {
			return ' '
		}
		return text[i]
	}
	for i, r := range text {
		if r >= ' ' && r < utf8.RuneSelf || r == '\n' || r == '\r' || r == '\t' || r == '\f' {
			continue
		}
		n++
		worth := worthOf([3]rune{at(i - 3), at(i - 2), at(i - 1)}, r, at(i+1))
		if sum += worth; worth == 0 && unicode.Is(unicode.Latin, r) {
			latin++
			for a, letters := range alphabets {
				if strings.ContainsRune(letters, unicode.ToLower(r)) || strings.ContainsRune(letters, r) {
					counts[a]++
				}
			}
		}
	}
	if n == 0 {
		return 0
	}
	most := slices.Max(counts)
	if most > slices.Max(counts[:len(counts)-1]) { // Icelandic alone
		sum -= 0.01
	}
	return (sum + 0.85*float64(most) - 0.6*float64(latin-most)) / float64(n)
}

// worthOf is what a character between others says for a reading, from -1 to 1. It is 0 for a Latin letter, which
// says something only together with others: a text keeps to the letters of its language.
func worthOf(before [3]rune, r, next rune) float64 {
	last := before[2]
	switch worth, known := Worths()[unicode.ToLower(r)]; {
	case r < 0xa0, r == utf8.RuneError, r >= 0xe000 && r < 0xf900:
		return -1
	case unicode.IsUpper(r) && unicode.IsLower(last):
		return -1
	case unicode.IsUpper(r) && unicode.IsUpper(last) && known:
		return worth*0.8 + worthOfPair(last, r)
	case unicode.Is(unicode.Latin, r):
		return worthInLatin(before, r, next)
	case unicode.In(r, unicode.Han, unicode.Hangul) && isLowerASCII(last) && isLowerASCII(before[1]),
		isEastAsian(r) && !isEastAsian(last) && !isEastAsian(next) && (isLetterASCII(last) || isLetterASCII(next)):
		return 0.2 // within a word of Latin letters
	case unicode.In(r, unicode.Han):
		return max(worth, 0.25)
	case unicode.In(r, unicode.Hangul):
		if unicode.Is(unicode.Han, last) || unicode.Is(unicode.Han, next) {
			return 0
		}
		return max(worth, 0.3)
	case r >= '｡' && r <= 'ﾟ':
		return worthOfHalfKana(last, r, next)
	case strings.ContainsRune(commonSigns, r):
		if r < 0x2e80 && unicode.IsLetter(last) && unicode.IsLetter(next) && !strings.ContainsRune("’·\u00a0—–…µ", r) ||
			unicode.IsLower(next) && strings.ContainsRune("÷£©®", r) {
			return -1
		}
		return 0.5 + min(float64(r/0x2e80), 1)*0.4
	case !known:
		return -1
	default:
		return min(worthIn(ScriptOf(r), last, r, next, worth)+worthOfPair(last, r), 1)
	}
}

// worthOfHalfKana is the worth of a Kana of half the width. They stand in a row, and marks of sound behind some of them
// only. A capital of another script has its place in Shift_JIS.
func worthOfHalfKana(last, r, next rune) float64 {
	among := func(r rune) bool { return r >= '｡' && r <= 'ﾟ' }
	switch {
	case r == 'ﾞ' && (last == 'ｳ' || last >= 'ｶ' && last <= 'ﾄ' || last >= 'ﾊ' && last <= 'ﾎ'),
		r == 'ﾟ' && last >= 'ﾊ' && last <= 'ﾎ':
		return 1
	case r == 'ﾞ' || r == 'ﾟ':
		return -1
	case among(last) || among(next):
		return 0.6
	}
	return 0.1
}

func isEastAsian(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana)
}

func isLetterASCII(r rune) bool { return isLowerASCII(unicode.ToLower(r)) && r < utf8.RuneSelf }

func isLowerASCII(r rune) bool { return 'a' <= r && r <= 'z' }

// worthInLatin is the worth of a Latin letter, which is 0 where it may stand. Three of them in a row are of one of few
// alphabets, and few stand alone.
func worthInLatin(before [3]rune, r, next rune) float64 {
	last := before[2]
	odd := func(r rune) bool { return r >= utf8.RuneSelf && unicode.IsLetter(r) }
	switch {
	case otherScript(unicode.Latin, last), otherScript(unicode.Latin, next),
		odd(last) && odd(before[1]) && (odd(before[0]) || !inDenseWord(before[1], last, r)):
		return -1
	case unicode.IsLetter(next) && (r == 'ù' || r == 'ì' || r == 'è' && !unicode.IsLetter(last)), // in French and Italian
		!unicode.IsLetter(last) && !unicode.IsLetter(next) && !strings.ContainsRune(lonelyLetters, r):
		return -0.5
	}
	return 0
}

// inDenseWord reports whether letters in a row are of an alphabet whose words may have so many beyond ASCII.
func inDenseWord(letters ...rune) bool {
	return slices.ContainsFunc(denseAlphabets, func(alphabet string) bool {
		return !slices.ContainsFunc(letters, func(r rune) bool { return !strings.ContainsRune(alphabet, unicode.ToLower(r)) })
	})
}

// worthIn is the worth of a letter of a script that mixes with no other within a word.
func worthIn(script *unicode.RangeTable, last, r, next rune, worth float64) float64 {
	ends := strings.ContainsRune(lastLetters, r)
	switch {
	case script == nil:
	case otherScript(script, last), otherScript(script, next), ends && unicode.IsLetter(next):
		return -1
	case !unicode.IsLetter(last) && !unicode.IsLetter(next):
		return worth / 2
	case ends && unicode.IsLetter(last):
		return 1
	}
	return worth
}

// worthOfPair is what two letters say that follow each other, in Cyrillic and in Greek.
func worthOfPair(last, r rune) float64 {
	if script := ScriptOf(r); script != unicode.Cyrillic && script != unicode.Greek || script != ScriptOf(last) {
		return 0
	}
	if pairs()[[2]rune{plainLetter(last), plainLetter(r)}] {
		return 0.25
	}
	return -0.25
}

// pairs are the common pairs of letters.
var pairs = sync.OnceValue(func() map[[2]rune]bool {
	pairs := map[[2]rune]bool{}
	for pair := range strings.FieldsSeq(cyrillicPairs + " " + greekPairs) {
		letters := []rune(pair)
		pairs[[2]rune{letters[0], plainLetter(letters[1])}] = true
	}
	return pairs
})

// accents are letters of Greek as they are without their accents.
var accents = map[rune]rune{'ά': 'α', 'έ': 'ε', 'ή': 'η', 'ί': 'ι', 'ό': 'ο', 'ύ': 'υ', 'ώ': 'ω', 'ϊ': 'ι', 'ϋ': 'υ',
	'ΐ': 'ι', 'ΰ': 'υ', 'ς': 'σ'}

// plainLetter is a letter in lower case, without an accent.
func plainLetter(r rune) rune {
	r = unicode.ToLower(r)
	if plain, ok := accents[r]; ok {
		return plain
	}
	return r
}

func otherScript(script *unicode.RangeTable, r rune) bool {
	return unicode.IsLetter(r) && !unicode.Is(script, r) && r != 'µ'
}

// ScriptOf is the script of a letter whose words hold no other; nil for Kana.
func ScriptOf(r rune) *unicode.RangeTable {
	for _, script := range []*unicode.RangeTable{
		unicode.Cyrillic, unicode.Greek, unicode.Hebrew, unicode.Arabic, unicode.Thai,
	} {
		if unicode.Is(script, r) {
			return script
		}
	}
	return nil
}

// Worths are the worth of characters by themselves.
var Worths = sync.OnceValue(func() map[rune]float64 {
	worths := map[rune]float64{}
	for _, letters := range []string{cyrillicLetters, greekLetters, hebrewLetters, arabicLetters, thaiLetters} {
		n := float64(utf8.RuneCountInString(letters))
		for i, r := range []rune(letters) {
			if _, twice := worths[r]; !twice {
				worths[r] = 1 - 0.9*float64(i)/n
			}
		}
	}
	for _, r := range commonHan + commonHangul {
		worths[r] = 1
	}
	for r := 'ぁ'; r <= 'ヺ'; r++ {
		worths[r] = 1
	}
	return worths
})
