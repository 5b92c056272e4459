package charset

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// decodeMixed is the text of data whose lines are in different encodings, as where programs append to a file of
// others: some have characters of UTF-8 and nothing else, and others have none, and are in the encoding that it
// returns, which is a guess.
func decodeMixed(data []byte) (text string, others TextEncoding, ok bool) {
	unicode, foreign := linesByEncoding(data)
	if len(unicode) == 0 || len(foreign) == 0 || likeness([]rune(string(unicode))) < unlikeUTF7 {
		return "", others, false
	}
	others = guess(foreign)
	if !isPage(others) {
		return "", others, false
	}
	var b strings.Builder
	for line := range bytes.Lines(data) {
		if utf8.Valid(line) {
			b.Write(line)
		} else {
			b.WriteString(others.Decode(line))
		}
	}
	return strings.TrimPrefix(b.String(), "\ufeff"), others, true
}

// linesByEncoding returns the first lines in UTF-8 beyond ASCII, and the first in another encoding. It returns none if
// one line mixes both, and so is damaged, or ends in the middle of a character.
func linesByEncoding(data []byte) (unicode, foreign []byte) {
	for line := range bytes.Lines(data) {
		switch wide, broken := charactersOf(line); {
		case wide && broken:
			return nil, nil
		case wide:
			unicode = append(unicode, line[:min(len(line), max(guessSample-len(unicode), 0))]...)
		case broken:
			foreign = append(foreign, line[:min(len(line), max(guessSample-len(foreign), 0))]...)
		}
	}
	if last := data[max(len(data)-utf8.UTFMax, 0):]; len(foreign) > 0 && !utf8.FullRune(last[lastStart(last):]) {
		return nil, nil
	}
	return unicode, foreign
}

// charactersOf reports whether a line holds characters of UTF-8 beyond ASCII, and bytes that belong to none.
func charactersOf(line []byte) (wide, broken bool) {
	for len(line) > 0 && (!wide || !broken) {
		r, size := utf8.DecodeRune(line)
		wide = wide || size > 1
		broken = broken || r == utf8.RuneError && size == 1
		line = line[size:]
	}
	return wide, broken
}

// lastStart is where the last character may begin.
func lastStart(data []byte) int {
	for i := len(data) - 1; i > 0; i-- {
		if utf8.RuneStart(data[i]) {
			return i
		}
	}
	return 0
}

func isPage(e TextEncoding) bool {
	return slices.ContainsFunc(pages, func(p page) bool { return p.TextEncoding == e })
}
