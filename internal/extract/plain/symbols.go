package plain

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Symbol is the character that Word's w:sym names: a code in the private use area, or below, of a font whose letters
// are pictures.
func Symbol(font, code string) string {
	n, err := strconv.ParseUint(code, 16, 32)
	if err != nil {
		return ""
	}
	if font == "" {
		font = "Symbol"
	}
	if s, ok := Pictogram(font, rune(n)); ok && IsPictorial(font) {
		return s
	}
	if n < ' ' || n >= PrivateUse && n < PrivateUse+0x1000 {
		return string(utf8.RuneError)
	}
	return string(rune(n))
}

// InFont is text as a font shows it. Fonts of symbols show the letters of a text as other characters; in every other
// font private characters are taken for those of Symbol, which is what programs leave behind most.
func InFont(font, text string) string {
	if !IsPictorial(font) && strings.IndexFunc(text, IsPrivate) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if s, ok := Pictogram(font, r); ok {
			b.WriteString(s)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// PrivateUse is where Windows keeps the characters of symbol fonts: at their codes from here on.
const PrivateUse = 0xf000

// IsPrivate reports whether r is a printable character of a symbol font, as Windows keeps them.
func IsPrivate(r rune) bool { return r > PrivateUse+' ' && r <= PrivateUse+0xff }

// IsPictorial reports whether a font of that name, in any case, has symbols in place of letters.
func IsPictorial(font string) bool {
	switch strings.ToLower(font) {
	case "symbol", "wingdings", "wingdings 2", "wingdings 3", "webdings":
		return true
	}
	return false
}

// Pictogram is what a font of symbols shows for a character. ok is false for a character that stays as it is.
func Pictogram(font string, r rune) (s string, ok bool) {
	if !IsPictorial(font) && !IsPrivate(r) {
		return "", false
	}
	if r >= PrivateUse && r <= PrivateUse+0xff {
		r -= PrivateUse
	}
	if r <= ' ' || r > 0xff {
		return "", false
	}
	switch strings.ToLower(font) {
	case "wingdings":
		s = wingdings[r]
	case "wingdings 2":
		s = wingdings2[r]
	case "wingdings 3":
		s = wingdings3[r]
	case "webdings":
		s = webdings[r]
	default:
		s = symbolFont(r)
	}
	if s == "" {
		s = string(utf8.RuneError)
	}
	return s, true
}

// symbolFont is the character of Adobe's Symbol encoding (PDF 32000-1, annex D.6).
func symbolFont(r rune) string {
	table, first := symbolLow, rune('!')
	if r >= 0xa0 {
		table, first = symbolHigh, 0xa0
	}
	if i := int(r - first); i < len(table) {
		return strings.TrimSpace(string(table[i]))
	}
	return ""
}

// A space stands where Symbol has no character.
var (
	symbolLow = []rune("!∀#∃%&∋()∗+,−./0123456789:;<=>?" +
		"≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_" +
		"‾αβχδεφγηιϕκλµνοπθρστυϖωξψζ{|}∼")
	symbolHigh = []rune("€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…|—↵" +
		"ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓" +
		"◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ ⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭")
)

// What documents use of the pictorial fonts: ticks and boxes, arrows, bullets, numbers in circles.
var (
	wingdings = pictograms(map[rune]string{
		'!': "✏", '"': "✂", '(': "☎", ')': "✆", '*': "✉", '6': "⌛", '7': "⌨", 'A': "✌", 'C': "👍", 'D': "👎", 'E': "☜",
		'F': "☞", 'G': "☝", 'H': "☟", 'J': "☺", 'K': "😐", 'L': "☹", 'M': "💣", 'N': "☠", 'O': "⚐", 'Q': "✈", 'R': "☼",
		'T': "❄", 'X': "✠", 'Y': "✡", '[': "☯", 'j': "&", 'k': "&", 'l': "●", 'm': "❍", 'n': "■", 'o': "□", 'p': "□",
		'q': "❑", 'r': "❒", 's': "⬧", 't': "⧫", 'u': "◆", 'v': "❖", 'w': "⬥", 'x': "⌧", 'z': "⌘", '{': "❀", '|': "✿",
		'}': "❝", '~': "❞", 0x9e: "·", 0x9f: "•", 0xa0: "▪", 0xa1: "○", 0xa2: "⭕", 0xa4: "◉", 0xa5: "◎", 0xa7: "▪",
		0xa8: "☐", 0xaa: "✦", 0xab: "★", 0xac: "✶", 0xad: "✴", 0xae: "✹", 0xaf: "✵", 0xb1: "⌖", 0xb5: "✪",
		0xb6: "✰", 0xd5: "⌫", 0xd6: "⌦", 0xd8: "➢", 0xdc: "➲", 0xdf: "←", 0xe0: "→", 0xe1: "↑", 0xe2: "↓", 0xe3: "↖",
		0xe4: "↗", 0xe5: "↙", 0xe6: "↘", 0xe7: "←", 0xe8: "→", 0xe9: "↑", 0xea: "↓", 0xeb: "↖", 0xec: "↗", 0xed: "↙",
		0xee: "↘", 0xef: "⇦", 0xf0: "⇨", 0xf1: "⇧", 0xf2: "⇩", 0xf3: "⬄", 0xf4: "⇳", 0xfb: "✗", 0xfc: "✓", 0xfd: "☒",
		0xfe: "☑",
	}, pictogramRange{0x80, "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿"}, pictogramRange{0xb7, "🕐🕑🕒🕓🕔🕕🕖🕗🕘🕙🕚🕛"})
	wingdings2 = pictograms(map[rune]string{
		'!': "✒", '\'': "✁", 'D': "☞", 'E': "☜", 'O': "✗", 'P': "✓", 'Q': "☒", 'R': "☑", 'S': "☒", 'T': "☒", 'U': "⮾",
		'V': "⮾", 0x96: "●", 0x97: "●", 0x98: "●", 0x99: "○", 0x9a: "○", 0x9f: "■", 0xa0: "■", 0xa1: "■",
		0xa2: "■", 0xa3: "☐", 0xa4: "☐", 0xae: "◆", 0xaf: "◆", 0xb2: "◇",
	}, pictogramRange{'i', "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿"})
	wingdings3 = pictograms(map[rune]string{
		'p': "▲", 'q': "▼", 'r': "△", 's': "▽", 't': "◀", 'u': "▶", 'v': "◁", 'w': "▷", 0x7d: "▶", 0x7c: "◀",
	}, pictogramRange{'f', "←→↑↓↖↗↙↘↔↕"})
	webdings = pictograms(map[rune]string{
		'a': "✔", 'r': "✖", 'c': "☐", 'g': "■", 'n': "●", '3': "◀", '4': "▶", '5': "▲", '6': "▼", '=': "●", 'i': "ℹ",
		'~': "⚠", 'Y': "❤",
	})
)

// pictogramRange is consecutive characters from a first code on.
type pictogramRange struct {
	first rune
	text  string
}

func pictograms(table map[rune]string, ranges ...pictogramRange) map[rune]string {
	for _, r := range ranges {
		for i, c := range []rune(r.text) {
			table[r.first+rune(i)] = string(c)
		}
	}
	return table
}
