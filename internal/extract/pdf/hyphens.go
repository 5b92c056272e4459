package pdf

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
)

// isLineHyphen reports what PDFium writes for a hyphen at a line's end, by the font, between the joined halves.
func isLineHyphen(r rune) bool { return r == lineHyphen || r == hyphenByFont }

// joinHyphens puts words together that a line's end divided. The hyphen stays where it belongs to the word.
func joinHyphens(s string) string {
	if !strings.ContainsFunc(s, isLineHyphen) && !strings.ContainsRune(s, softHyphen) {
		return s
	}
	s = strings.ReplaceAll(s, string(softHyphen), "")
	for {
		i := strings.IndexFunc(s, isLineHyphen)
		if i < 0 {
			return s
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		left, right := s[:i], s[i+size:]
		s = left + hyphenBetween(lastWord(left), firstWord(right)) + right
	}
}

const (
	lineHyphen   = '\x02'
	hyphenByFont = '\ufffe'
	softHyphen   = '\u00ad'
	drawnHyphen  = '\u2010'
)

func lastWord(s string) string { return s[afterLast(s, unicode.IsSpace):] }

// firstWord goes on over other hyphens at lines' ends, since an address may be divided twice.
func firstWord(s string) string {
	if end := strings.IndexFunc(s, unicode.IsSpace); end >= 0 {
		s = s[:end]
	}
	return strings.TrimRight(s, ".,;:!?)]}\"'”’»")
}

// hyphenBetween is what stands between the halves of a word: a hyphen, where it belongs to the word.
func hyphenBetween(left, right string) string {
	before, after := trailingLetters(left), leadingLetters(right)
	switch {
	case after == "" && before == "":
		return "-"
	case suspended[strings.ToLower(after)] && before != "" && after == right:
		return "- " // as in "in- and output"
	case holdsSigns(left) || holdsSigns(right):
		return "-"
	case before == "" || after == "" || utf8.RuneCountInString(before) == 1:
		return "-"
	case isKnownWord(before + after):
		return ""
	case strings.Contains(left, "-") || strings.Contains(right, "-"), hasOwnCase(before, after),
		strings.EqualFold(before, "self"):
		return "-"
	case isCompound(strings.ToLower(before), strings.ToLower(after)):
		return "-"
	}
	return ""
}

// holdsSigns reports numbers, order codes, addresses and paths, in which each sign counts.
func holdsSigns(word string) bool {
	return strings.ContainsAny(word, "@/\\_:.#=&") || strings.ContainsFunc(word, unicode.IsDigit)
}

// hasOwnCase reports halves that begin or are written as words of their own: Baden-Württemberg, PDF-reader.
func hasOwnCase(before, after string) bool {
	capitals := before == strings.ToUpper(before)
	first, _ := utf8.DecodeRuneInString(after)
	if unicode.IsUpper(first) {
		return !capitals
	}
	return capitals && unicode.IsLower(first)
}

// isCompound reports two words, which no hyphenation divides: price-determining, but exam-ple, under-standing.
func isCompound(before, after string) bool {
	return utf8.RuneCountInString(before) > 2 && utf8.RuneCountInString(after) > 3 &&
		!prefixes[before] && !suffixes[after] && isKnownWord(before) && isKnownWord(after)
}

// suspended are the words after a hyphen that stands for the rest of a compound.
var suspended = wordSet("and or to und oder bzw sowie bis et ou y o e of en och eller og i")

var prefixes = wordSet("over under inter out counter super trans pre post anti auto micro macro multi semi sub dis" +
	" mis fore hyper infra intra mono poly ultra tele bio geo electro photo thermo hydro con com pro per with for ver" +
	" vor aus auf ein bei mit nach unter ent")

var suffixes = wordSet("ment ments tion tions sion ness able ible less ship ships hood ance ence ting ling ring ning" +
	" ding king ally ation ations ative ical ward wards wise like ized ised ings keit heit lich isch schaft ungen")

// vocabulary knows common words: a token of cl100k_base that begins with a blank is a word, or how many words begin.
var vocabulary = sync.OnceValue(codec.NewCl100kBase)

func isKnownWord(word string) bool {
	n, err := vocabulary().Count(" " + strings.ToLower(word))
	return err == nil && n == 1
}

func trailingLetters(s string) string {
	return s[afterLast(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }):]
}

func leadingLetters(s string) string {
	if end := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }); end >= 0 {
		return s[:end]
	}
	return s
}

// mergeDivided joins lines that PDFium leaves apart: a range, a number or an address is divided over them, as in 10- /
// 15 bar, or a word is, by a soft hyphen that the program drew as U+2010.
func (t *pdfText) mergeDivided() {
	for i := 0; i+1 < len(t.lines); i++ {
		for i+1 < len(t.lines) && endsInDrawnHyphen(t.lines[i].chars, t.lines[i+1].chars) {
			l := t.lines[i]
			last := len(l.chars) - 1
			t.lines[i] = rawLine{start: l.start, chars: append(slices.Clone(l.chars[:last]), lineHyphen), at: l.at}
			t.merge(i)
		}
		for i+1 < len(t.lines) && isDivided(t.lines[i].chars, t.lines[i+1].chars) {
			t.merge(i)
		}
	}
}

// endsInDrawnHyphen reports whether the word at a line's end goes on in the next line, after U+2010 or a soft hyphen.
func endsInDrawnHyphen(line, next []rune) bool {
	n := len(line)
	return n > 1 && len(next) > 0 && (line[n-1] == drawnHyphen || line[n-1] == softHyphen) &&
		unicode.IsLetter(line[n-2]) && unicode.IsLower(next[0])
}

func isDivided(line, next []rune) bool {
	n := len(line)
	if n < 2 || len(next) == 0 {
		return false
	}
	before, after := line[n-2], next[0]
	switch line[n-1] {
	case '/', '=', '?', '&', '_', '%':
		return dividesAddress(string(line), string(next))
	case '-':
		return unicode.IsDigit(after) && (unicode.IsDigit(before) || unicode.IsUpper(before))
	case '–':
		return unicode.IsDigit(after) && unicode.IsDigit(before)
	case '@':
		return unicode.IsLetter(after) && (unicode.IsLetter(before) || unicode.IsDigit(before))
	}
	return false
}

// dividesAddress reports whether a web address that ends a line goes on in the next. After a slash it does where that
// begins with another part of an address; a sentence may go on there as well.
func dividesAddress(line, next string) bool {
	address, rest := strings.ToLower(lastWord(line)), firstWord(next)
	if !strings.Contains(address, "://") && !strings.Contains(address, "www.") || rest == "" {
		return false
	}
	return !strings.HasSuffix(address, "/") || strings.ContainsAny(rest, "/.-_=?&%#~")
}

// afterLast is the place after the last character that is so.
func afterLast(s string, is func(rune) bool) int {
	i := strings.LastIndexFunc(s, is)
	if i < 0 {
		return 0
	}
	_, size := utf8.DecodeRuneInString(s[i:])
	return i + size
}
