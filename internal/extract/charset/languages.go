package charset

import (
	_ "embed" // holds the pairs of letters
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// languagePairs has a line for each language: its code, and the pairs of letters that cost 0, 1, ... 9 bits, which is
// how unexpected the second letter is behind the first. The edge of a word is written as an underscore.
//
// The pairs were counted in translations of the Universal Declaration of Human Rights and in the language profiles of
// langdetect (github.com/shuyo/language-detection, Apache License 2.0), which were counted in articles of Wikipedia: in
// lower case, Greek without accents, Romanian with cedillas, and Vietnamese with its tones as signs of their own. The
// file holds rounded costs and no text of either. No program in this tree counts them again.
//
//go:embed languages.txt
var languagePairs string

// Costs in bits of what a language's pairs do not tell.
const (
	rareCost      = 11  // a pair that the language hardly has
	rareEndCost   = 8   // a letter that hardly ends words
	foreignCost   = 18  // a letter that the language does not have
	mixedCost     = 24  // a letter of another script within a word
	oddCaseCost   = 16  // a capital behind a small letter
	capitalCost   = 0.3 // a capital behind a capital
	asciiCost     = 5.2 // a letter of ASCII in a language of another script
	misplacedCost = 10  // a sign within a word
	smallCost     = 3   // a text that begins with a small letter
	strangeCost   = 20  // a language of another script without its letters
	currencyCost  = 30  // the sign ¤, where other encodings have the euro
	brokenCost    = 40  // a byte that the encoding does not define, or a character that texts do not have
)

// language is what is known of the words of a language.
type language struct {
	pairs   map[[2]rune]float64 // cost in bits; '_' is the edge of a word
	letters map[rune]bool
	latin   bool
	turkish bool // the small letter of I has no dot
}

// languages are those whose pairs are known, by their codes.
var languages = sync.OnceValue(func() map[string]*language {
	all := map[string]*language{}
	for line := range strings.Lines(languagePairs) {
		fields := strings.Fields(line)
		l := &language{pairs: map[[2]rune]float64{}, letters: map[rune]bool{}}
		for cost, field := range fields[1:] {
			letters := []rune(field)
			for i := 0; i+1 < len(letters); i += 2 {
				l.pairs[[2]rune{letters[i], letters[i+1]}] = float64(max(cost, 1))
				l.letters[letters[i]], l.letters[letters[i+1]] = true, true
			}
		}
		for _, r := range rareLetters[fields[0]] {
			l.letters[r] = true
		}
		l.latin, l.turkish = l.letters['e'], l.letters['ı']
		all[fields[0]] = l
	}
	return all
})

// rareLetters are letters of languages that their pairs do not have.
var rareLetters = map[string]string{
	"de": "äöüßéà", "fr": "àâæçéèêëîïôœùûüÿ", "es": "áéíñóúüç", "it": "àèéìíòóùú", "pt": "ãõçáéíóúâêôàü",
	"nl": "ëïéèöüêóáí", "sv": "åäöé", "da": "æøåé", "nb": "æøåéòóôê", "fi": "äöåšž", "is": "þðæöáéíóúý",
	"ca": "àèéíïòóúüç", "pl": "ąćęłńóśźżéü", "cs": "ěščřžýáíéúůťďňóöü", "sk": "áäčďéíĺľňóôŕšťúýžöü",
	"hu": "áéíóöőúüűä", "sl": "čšžćđ", "hr": "čćžšđ", "ro": "ăâîşţ", "lt": "ąčęėįšųūž", "lv": "āčēģīķļņšūž",
	"et": "äõöüšž", "tr": "çğıöşüâîû", "sq": "ëç", "ga": "áéíóú", "en": "éèêïöüçñàâ",
	"ru": "ёъэщ", "uk": "ґєіїщ", "bg": "ъщюя", "sr": "ђћџљњј", "mk": "ѓќџљњѕј", "be": "ўіёэ",
}

// letterOf returns a letter as the pairs have it, or '_' for any other character.
func (l *language) letterOf(r rune) rune {
	switch {
	case !isLetter(r):
		return '_'
	case l.turkish && r == 'I':
		return 'ı'
	}
	r = unicode.ToLower(r)
	if plain, ok := plainLetters[r]; ok {
		return plain
	}
	return r
}

// isLetter reports whether r is a part of words: a letter, or a tone or vowel that stands on one.
func isLetter(r rune) bool {
	return (unicode.IsLetter(r) || unicode.Is(unicode.Mn, r)) && r != 'µ' && r != 'ª' && r != 'º'
}

// plainLetters are the letters that the pairs have in another form.
var plainLetters = map[rune]rune{
	'ά': 'α', 'έ': 'ε', 'ή': 'η', 'ί': 'ι', 'ό': 'ο', 'ύ': 'υ', 'ώ': 'ω', 'ϊ': 'ι', 'ϋ': 'υ', 'ΐ': 'ι', 'ΰ': 'υ',
	'ς': 'σ', 'ș': 'ş', 'ț': 'ţ',
}

// cost is how unexpected a character is behind another one in a text of the language, in bits.
func (l *language) cost(last, r rune) float64 {
	a, b := l.letterOf(last), l.letterOf(r)
	cost := caseCost(last, r)
	known, ok := l.pairs[[2]rune{a, b}]
	switch {
	case a == '_' && b == '_':
		return costOfSign(last, r)
	case b == '_':
		if !ok {
			known = rareEndCost
		}
		return cost + costOfSign(last, r) + min(known, rareEndCost)
	}
	switch {
	case ok:
		return cost + known
	case !l.latin && b < utf8.RuneSelf:
		if a >= utf8.RuneSelf {
			return cost + mixedCost
		}
		return cost + asciiCost
	case !l.letters[b]:
		return cost + foreignCost + mixture(a, b)
	case a != '_' && !l.letters[a]:
		return cost + rareCost + mixture(a, b)
	}
	return cost + rareCost
}

// mixture is what two letters of different scripts cost in one word.
func mixture(a, b rune) float64 {
	if a != '_' && unicode.Is(unicode.Latin, a) != unicode.Is(unicode.Latin, b) {
		return mixedCost - foreignCost
	}
	return 0
}

// caseCost is what the case of two letters costs.
func caseCost(last, r rune) float64 {
	switch {
	case !unicode.IsUpper(r), !isLetter(last), last < utf8.RuneSelf && r < utf8.RuneSelf:
		return 0
	case unicode.IsLower(last):
		return oddCaseCost
	}
	return capitalCost
}

// Signs by where they stand.
const (
	usualSigns   = "’“”„–—…«»\u00a0•·"
	knownSigns   = "µ°§€£‘‚₪،؛؟©®™"
	openingSigns = "¿¡„‚£§•©№"        // stand behind no letter
	closingSigns = "”…™»®²³¹°ªº½¼¾‰›" // stand before no letter
	inWordSigns  = "’\u00ad"
	joiningSigns = "\u00a0—–'·"
	unusedSigns  = "¤¦" // where ISO-8859-15 has € and Š
)

// costOfSign is what a character costs that is not a letter.
func costOfSign(last, r rune) float64 {
	switch {
	case r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != '\v':
		return brokenCost
	case r < utf8.RuneSelf || isLetter(r):
		return 0
	case r < 0xa0, r == utf8.RuneError, r >= 0xe000 && r < 0xf900:
		return brokenCost
	case r == '¤':
		return currencyCost
	case isBox(r):
		return costOfBox(last, r)
	}
	cost := rarity(r)
	switch {
	case isLetter(last) && strings.ContainsRune(openingSigns, r):
		cost += misplacedCost
	case last >= utf8.RuneSelf && !isLetter(last) && last != r:
		cost += 4
	}
	return cost
}

// rarity is what a sign costs wherever it stands.
func rarity(r rune) float64 {
	switch {
	case strings.ContainsRune(usualSigns, r):
		return 6
	case strings.ContainsRune(knownSigns, r):
		return 8
	case strings.ContainsRune(commonSigns, r):
		return 10
	case strings.ContainsRune(unusedSigns, r):
		return 24
	}
	return 14
}

// costOfBox is what a character costs that draws boxes. Most of a box is lines.
func costOfBox(last, r rune) float64 {
	isLine := func(r rune) bool { return strings.ContainsRune("─━═", r) }
	switch {
	case isLine(r) && r == last:
		return 1
	case isLetter(last):
		return 20
	case isBox(last) && (isLine(r) || isLine(last)) && max(last, r) < 0x2580:
		return 4
	}
	return 13
}

func isBox(r rune) bool { return r >= 0x2500 && r < 0x25a0 }

// costAround is what a sign costs by what stands on both sides of it.
func costAround(last, r, next rune) float64 {
	before, behind := isLetter(last), isLetter(next)
	isDash := strings.ContainsRune("—–", r)
	switch {
	case unicode.IsUpper(last) && unicode.IsUpper(r) && unicode.IsLower(next):
		return 6
	case isLetter(r) || r < utf8.RuneSelf || strings.ContainsRune(inWordSigns, r):
		return 0
	case before && behind && strings.ContainsRune(joiningSigns, r):
		return 5
	case before && behind:
		return 14
	case isDash && (before || behind):
		return 6
	case isBox(r) && (before || behind):
		return 12
	case behind && strings.ContainsRune(closingSigns, r):
		return 12
	}
	return 0
}
