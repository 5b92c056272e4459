package plain

import (
	"fmt"
	"strconv"
	"strings"
)

// FormatNumber writes the number of a list item in one of the formats that Office names (ST_NumberFormat, and the
// beginnings of ST_TextAutonumberScheme). Formats that are not known here are taken for decimal.
func FormatNumber(n int, format string, padding int) string {
	if letters, ok := lettersOf[format]; ok {
		return repeatedLetter(n, []rune(letters))
	}
	switch format {
	case "none", "bullet":
		return ""
	case "decimalZero":
		return fmt.Sprintf("%02d", n)
	case "custom":
		return fmt.Sprintf("%0*d", min(padding, 10), n)
	case "upperRoman":
		return roman(n)
	case "lowerRoman":
		return strings.ToLower(roman(n))
	case "decimalEnclosedCircle", "decimalEnclosedCircleChinese":
		if n >= 1 && n <= 20 {
			return string('①' + rune(n-1))
		}
	case "cardinalText":
		if n >= 1 && n <= len(cardinals) {
			return cardinals[n-1]
		}
	case "ordinalText":
		if n >= 1 && n <= len(ordinals) {
			return ordinals[n-1]
		}
	case "ordinal":
		return strconv.Itoa(n) + ordinalEnding(n)
	case "chineseCounting", "chineseCountingThousand", "japaneseCounting", "taiwaneseCounting",
		"taiwaneseCountingThousand", "ideographDigital", "koreanCounting":
		return ideographic(n)
	}
	return strconv.Itoa(n)
}

// lettersOf are the letters of the formats that count by them.
var lettersOf = map[string]string{
	"upperLetter":          "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	"lowerLetter":          "abcdefghijklmnopqrstuvwxyz",
	"russianUpper":         "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЫЭЮЯ",
	"russianLower":         "абвгдежзиклмнопрстуфхцчшщыэюя",
	"ganada":               "가나다라마바사아자차카타파하",
	"aiueo":                katakana,
	"aiueoFullWidth":       katakana,
	"iroha":                iroha,
	"irohaFullWidth":       iroha,
	"ideographTraditional": "甲乙丙丁戊己庚辛壬癸",
}

const (
	katakana = "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
	iroha    = "イロハニホヘトチリヌルヲワカヨタレソツネナラムウヰノオクヤマケフコエテアサキユメミシヱヒモセス"
)

// The numbers of articles and chapters in English words, as far as documents have many of them.
var (
	cardinals = strings.Fields("One Two Three Four Five Six Seven Eight Nine Ten Eleven Twelve Thirteen Fourteen " +
		"Fifteen Sixteen Seventeen Eighteen Nineteen Twenty")
	ordinals = strings.Fields("First Second Third Fourth Fifth Sixth Seventh Eighth Ninth Tenth Eleventh Twelfth " +
		"Thirteenth Fourteenth Fifteenth Sixteenth Seventeenth Eighteenth Nineteenth Twentieth")
)

// repeatedLetter is the n-th letter; after the last come two of the first, then three.
func repeatedLetter(n int, letters []rune) string {
	if n < 1 || n > 30*len(letters) {
		return strconv.Itoa(n)
	}
	return strings.Repeat(string(letters[(n-1)%len(letters)]), 1+(n-1)/len(letters))
}

func roman(n int) string {
	if n < 1 || n > 3999 {
		return strconv.Itoa(n)
	}
	var b strings.Builder
	for _, r := range []struct {
		value int
		sign  string
	}{
		{1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"}, {40, "XL"}, {10, "X"},
		{9, "IX"}, {5, "V"}, {4, "IV"}, {1, "I"},
	} {
		for ; n >= r.value; n -= r.value {
			b.WriteString(r.sign)
		}
	}
	return b.String()
}

func ordinalEnding(n int) string {
	if n%100 >= 11 && n%100 <= 13 {
		return "th"
	}
	switch n % 10 {
	case 1:
		return "st"
	case 2:
		return "nd"
	case 3:
		return "rd"
	}
	return "th"
}

// ideographic is a number below a hundred in Chinese characters, as clauses are numbered.
func ideographic(n int) string {
	digits := []rune("〇一二三四五六七八九")
	switch {
	case n < 0 || n > 99:
		return strconv.Itoa(n)
	case n < 10:
		return string(digits[n])
	}
	text := "十"
	if n >= 20 {
		text = string(digits[n/10]) + text
	}
	if n%10 > 0 {
		text += string(digits[n%10])
	}
	return text
}
