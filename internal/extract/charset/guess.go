package charset

import (
	"bytes"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// candidates are what a text may be in that is not UTF-8 and does not say what it is. Of two that read it equally
// well the earlier is taken.
var candidates = []TextEncoding{
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
	pageSample  = 8 << 10  // of them for an encoding of one byte
	// unlike is the likeness below which a reading is no better than one in which any byte is something.
	unlike = 0.3
)

// guess is the candidate in whose reading a text is most like a text in some language.
func guess(data []byte) TextEncoding {
	odd := oddLines(data)
	best, most := windows1252, 0.0
	if len(odd) > 0 {
		best, most = guessPage(odd[:min(len(odd), pageSample)])
	}
	most = max(most, unlike)
	for _, c := range candidates {
		part := odd
		if c == utf16Little || c == utf16Big {
			part = data[:min(len(data), guessSample)&^1]
		}
		n := c.likeness(part)
		if (c == utf16Little || c == utf16Big) && !bytes.ContainsFunc(part, isBelowSpace) {
			n *= 0.9 // in UTF-16 spaces, digits and signs have a byte that texts in other encodings do not have
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
		sum += worthOf([2]rune{at(i - 2), at(i - 1)}, r, at(i+1))
	}
	return sum / max(float64(n), 1)
}

// worthOf is what a character between others says for a reading, from -1 to 1.
func worthOf(before [2]rune, r, next rune) float64 {
	last := before[1]
	switch worth, known := Worths()[unicode.ToLower(r)]; {
	case r < 0xa0, r == utf8.RuneError, r >= 0xe000 && r < 0xf900:
		return -1
	case unicode.IsUpper(r) && unicode.IsLower(last):
		return -1
	case unicode.IsUpper(r) && unicode.IsUpper(last) && known:
		return worth * 0.8
	case unicode.Is(unicode.Latin, r):
		return worthInLatin(last, r, next)
	case unicode.In(r, unicode.Han, unicode.Hangul) && isLowerASCII(last) && isLowerASCII(before[0]),
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
	case r == '’' && isLetterASCII(last) && isLetterASCII(next):
		return 0.2
	case strings.ContainsRune(commonSigns, r):
		if r < 0x2e80 && unicode.IsLetter(last) && unicode.IsLetter(next) && !strings.ContainsRune("’·\u00a0—–…µ", r) ||
			unicode.IsLower(next) && strings.ContainsRune("÷£©®", r) {
			return -1
		}
		return 0.5 + min(float64(r/0x2e80), 1)*0.4
	case !known:
		return -1
	default:
		return worthIn(ScriptOf(r), last, r, next, worth)
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
	case isLetterASCII(last) || isLetterASCII(next):
		return 0
	case among(last) || among(next):
		return 0.55
	}
	return 0.1
}

func isEastAsian(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana)
}

func isLetterASCII(r rune) bool { return isLowerASCII(unicode.ToLower(r)) && r < utf8.RuneSelf }

func isLowerASCII(r rune) bool { return 'a' <= r && r <= 'z' }

// worthInLatin is the worth of a Latin letter.
func worthInLatin(last, r, next rune) float64 {
	switch {
	case otherScript(unicode.Latin, last), otherScript(unicode.Latin, next):
		return -1
	case r > 0x24f && (r < 0x1e00 || r > 0x1eff):
		return 0
	}
	return 0.7
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
