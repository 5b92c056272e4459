package index

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Analyse turns text into the terms of the keyword retriever, in order. Every store indexes and
// searches with it; its version is config.AnalyserVersion, which must be raised when its output
// changes for any text.
//
// The rules:
//
//   - A word is a run of letters, combining marks, decimal digits and underscores, and it begins
//     with a letter or digit. Everything else separates words, except format characters (soft
//     hyphen, joiners), which are ignored. Compatibility forms of letters and digits (ligatures,
//     full-width) are replaced by what they stand for (NFKC). Terms are in lower case.
//   - In a word, a dot between two digits belongs to the number: 7.7, 1.5.0. In a word that begins
//     with one to three digits, commas before groups of exactly three digits are dropped: 98,024 is
//     98024.
//   - A word is split into parts at underscores, between lower and upper case, before the last of
//     several capitals when lower case follows, and between letters and digits: max_seq_len,
//     maxSeqLen, HTTPServer, A100, 5.1k. A word of several parts yields the whole, inner
//     underscores kept, and then each part. An acronym or figure with a plural s yields that whole
//     and then the terms without the s: GPUs yields gpus, gpu.
//   - A Latin word, whole or part, is dropped when it is an English function word and otherwise
//     replaced by its English Snowball stem. Words of other alphabets, numbers and mixed wholes
//     stay as they are.
//   - The contracted endings s, t, re, ve, ll, d and m after an apostrophe are dropped.
//   - A run of Han, Kana and Hangul, and one of Thai, Lao, Khmer and Burmese, whose words no space
//     parts either, yields its overlapping pairs of characters with their marks; a run of one yields
//     that one.
//
// No term is empty or holds white space, so a store may keep them joined by spaces.
func Analyse(text string) []string {
	text = normalise(text)
	a := analyser{text: text, terms: make([]string, 0, len(text)/5+1)}
	a.lower.Grow(len(text))
	for a.at < len(text) {
		switch c, size := a.peek(a.at); c {
		case paired:
			a.pairs()
		case upper, lower, digit:
			if !a.plainWord() {
				a.word()
			}
		default:
			a.at += size
		}
	}
	return a.terms
}

// normalise keeps only the characters that can matter to a term, in their compatibility form. Other
// characters that have such a form are removed first: ™, ² or ½ would otherwise merge with the name
// or figure before it.
func normalise(text string) string {
	if isASCII(text) {
		return text
	}
	return norm.NFKC.String(strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf, r == '’', unicode.IsLetter(r), unicode.IsMark(r), unicode.IsDigit(r), isPaired(r),
			'₀' <= r && r <= '₉': // H₂O is H2O
			return r
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return ' '
	}, text))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// analyser is one pass over a text.
type analyser struct {
	text  string
	at    int // is the offset of the next character
	terms []string

	// lower collects the words in lower case. Terms are slices of it: it only grows, so they stay
	// valid.
	lower strings.Builder
	chars []char // holds the current word or run
}

// char is a character with the marks that follow it.
type char struct {
	class class
	latin bool
	start int // is the offset in lower; in text for a run of pairs
}

// peek classifies the character at an offset; other past the end.
func (a *analyser) peek(at int) (class, int) {
	if at >= len(a.text) {
		return other, 0
	}
	if b := a.text[at]; b < utf8.RuneSelf {
		return asciiClass[b], 1
	}
	r, size := utf8.DecodeRuneInString(a.text[at:])
	return classOf(r), size
}

// pairs reads a run of Han, Kana and Hangul.
func (a *analyser) pairs() {
	a.chars = a.chars[:0]
	for {
		c, size := a.peek(a.at)
		if c == paired {
			a.chars = append(a.chars, char{class: paired, start: a.at})
		} else if c != mark {
			break
		}
		a.at += size
	}
	n := len(a.chars)
	if n == 1 {
		a.terms = append(a.terms, a.text[a.chars[0].start:a.at])
	}
	for i := range n - 1 {
		end := a.at
		if i+2 < n {
			end = a.chars[i+2].start
		}
		a.terms = append(a.terms, a.text[a.chars[i].start:end])
	}
}

// plainWord reads what most words are: ASCII letters, in lower case after the first, without
// borders. It exists for speed alone: word does the same.
func (a *analyser) plainWord() bool {
	end := a.at + 1
	for end < len(a.text) && asciiClass[a.text[end]&127] == lower && a.text[end] < utf8.RuneSelf {
		end++
	}
	first, _ := a.peek(a.at)
	if next, _ := a.peek(end); next != other || first == digit || a.text[a.at] >= utf8.RuneSelf {
		return false
	}
	word := a.text[a.at:end]
	if first == upper {
		from := a.lower.Len()
		a.lower.WriteByte(word[0] | 0x20)
		a.lower.WriteString(word[1:])
		word = a.lower.String()[from:]
	}
	a.at = end
	a.skipContraction()
	if term := stem(word); term != "" {
		a.terms = append(a.terms, term)
	}
	return true
}

// word reads a word and adds its terms.
func (a *analyser) word() {
	a.scan()
	a.skipContraction()
	n := len(a.chars) - 1
	if a.endsInPlural() {
		a.add(0, n)
		n--
	}
	a.add(0, n)
	for from, to := 0, 0; from < n; from = to {
		for to = from + 1; to < n && !a.border(to, n); {
			to++
		}
		if from == 0 && to == n {
			return // the only part is the whole
		}
		if a.chars[from].class != underscore {
			a.add(from, to)
		}
	}
}

// scan reads a word into lower and chars, which ends in a sentinel where the next character would
// start. Underscores at the word's end are left out.
func (a *analyser) scan() {
	a.chars = a.chars[:0]
	grouping, last := a.beginsGrouped(), other
	for {
		c, size := a.peek(a.at)
		if c == other && last == digit {
			switch {
			case grouping && a.isGroup(a.at):
				a.at += size
				continue
			case a.at < len(a.text) && a.text[a.at] == '.' && a.isDigit(a.at+1):
				c = digit
			}
		}
		if c == other || c == paired {
			break
		}
		if c != mark {
			a.chars = append(a.chars, char{class: c, start: a.lower.Len()})
			last, grouping = c, grouping && c == digit
		}
		a.keep(size)
	}
	end := a.lower.Len()
	for last := len(a.chars) - 1; a.chars[last].class == underscore; last-- {
		end = a.chars[last].start
		a.chars = a.chars[:last]
	}
	a.chars = append(a.chars, char{start: end})
}

// keep writes the next character to lower.
func (a *analyser) keep(size int) {
	last := &a.chars[len(a.chars)-1]
	if size == 1 {
		b := a.text[a.at]
		if last.class == upper {
			b |= 'a' - 'A'
		}
		last.latin = last.class == upper || last.class == lower
		a.lower.WriteByte(b)
	} else {
		r, _ := utf8.DecodeRuneInString(a.text[a.at:])
		last.latin = last.latin || unicode.Is(unicode.Latin, r)
		a.lower.WriteRune(unicode.ToLower(r))
	}
	a.at += size
}

// endsInPlural reports whether the word is an acronym or a figure with a plural s: GPUs, A100s.
func (a *analyser) endsInPlural() bool {
	s := len(a.chars) - 2
	if s < 1 || a.chars[s].class != lower || a.lower.String()[a.chars[s].start:a.chars[s+1].start] != "s" {
		return false
	}
	before := a.chars[s-1].class
	return before == digit || before == upper && s >= 2 && a.chars[s-2].class == upper
}

// border reports whether a part begins at character i of the word's first n.
func (a *analyser) border(i, n int) bool {
	switch before, c := a.chars[i-1].class, a.chars[i].class; {
	case before == upper && c == upper:
		return i+1 < n && a.chars[i+1].class == lower
	case before == upper && c == lower:
		return false
	default:
		return before != c
	}
}

// add appends the term of the word's characters from..to.
func (a *analyser) add(from, to int) {
	term, latin := a.lower.String()[a.chars[from].start:a.chars[to].start], true
	for _, c := range a.chars[from:to] {
		latin = latin && c.latin
	}
	if latin {
		term = stem(term)
	}
	if term != "" {
		a.terms = append(a.terms, term)
	}
}

// beginsGrouped reports whether one to three digits and then a comma come next.
func (a *analyser) beginsGrouped() bool {
	n := 0
	for n < 4 && a.isDigit(a.at+n) {
		n++
	}
	return n >= 1 && n <= 3
}

// isGroup reports whether a comma and exactly three digits come at the offset.
func (a *analyser) isGroup(at int) bool {
	return at < len(a.text) && a.text[at] == ',' &&
		a.isDigit(at+1) && a.isDigit(at+2) && a.isDigit(at+3) && !a.isDigit(at+4)
}

// isDigit reports whether an ASCII digit is at the offset: figures in other digits have other
// separators.
func (a *analyser) isDigit(at int) bool {
	return at < len(a.text) && '0' <= a.text[at] && a.text[at] <= '9'
}

// skipContraction skips the ending of a contracted word: Apple's, we'll.
func (a *analyser) skipContraction() {
	rest := a.text[a.at:]
	switch {
	case strings.HasPrefix(rest, "'"):
		rest = rest[1:]
	case strings.HasPrefix(rest, "’"):
		rest = rest[len("’"):]
	default:
		return
	}
	n := 0
	for n < len(rest) && n < 3 && rest[n]|0x20 >= 'a' && rest[n]|0x20 <= 'z' {
		n++
	}
	end := len(a.text) - len(rest) + n
	if c, _ := a.peek(end); n > 0 && c == other && contractions[strings.ToLower(rest[:n])] {
		a.at = end
	}
}

// class is what a character is to the analyser.
type class uint8

const (
	other class = iota
	upper
	lower // and letters of scripts without case
	digit
	mark
	underscore
	paired
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
	case isPaired(r):
		return paired
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

// isPaired reports whether r belongs to the scripts that are read in pairs. The prolonged sound mark
// is common to both Kana.
func isPaired(r rune) bool {
	return r >= 0x0e00 && !unicode.IsMark(r) &&
		(r == 'ー' || unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) ||
			unicode.IsLetter(r) && unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar))
}
