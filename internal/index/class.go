package index

import "unicode"

// class is what a character is to the analyser.
type class uint8

const (
	other class = iota
	upper
	lower // and letters of scripts without case
	digit
	mark
	underscore
	cjk
)

var asciiClass = func() (table [128]class) {
	for b := range table {
		switch r := rune(b); {
		case 'A' <= r && r <= 'Z':
			table[b] = upper
		case 'a' <= r && r <= 'z':
			table[b] = lower
		case '0' <= r && r <= '9':
			table[b] = digit
		case r == '_':
			table[b] = underscore
		}
	}
	return table
}()

func classOf(r rune) class {
	switch {
	case r < 128:
		return asciiClass[r]
	case isCJK(r):
		return cjk
	case unicode.IsUpper(r), unicode.IsTitle(r):
		return upper
	case unicode.IsLetter(r):
		return lower
	case unicode.IsDigit(r):
		return digit
	case unicode.IsMark(r):
		return mark
	}
	return other
}

// isCJK says whether r belongs to the scripts that are read in pairs. The prolonged sound mark is common to
// both Kana.
func isCJK(r rune) bool {
	return r >= 0x1100 && !unicode.IsMark(r) &&
		(r == 'ー' || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul))
}
