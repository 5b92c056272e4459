package query

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Models write citations in many forms, whatever the prompt asks for: [1], [1, 3], [Source 1], [doc 1, p. 3],
// [1](https://...), [^1], 【1†source】, (1), and lists of sources of their own.

var (
	// cited finds the numbers between brackets: alone, or each after a caret as a footnote has it or after a
	// word such as source.
	cited = regexp.MustCompile(`^ *(?:[\^#№]|(\p{L}+)[ .:：#№]*)?` +
		`(\d{1,2}(?:[ ,;、，&–-]+(?:\p{L}+[ .:：#№]*){0,2}\d{1,2})*)[ ,]*$`)
	// citedSoFar matches what may become a citation. Behind the first digit, its bracket decides.
	citedSoFar = regexp.MustCompile(`^ *(?:[\^#№]|(\p{L}+)[ .:：#№]*)?(?:\d.*)?$`)
	// oneOrMore finds a number, or the first and the last of several.
	oneOrMore = regexp.MustCompile(`(\d+)(?: *[–-] *(\d+))?`)
	// place finds where in a passage a citation points to: its page, or what gpt-oss has behind a dagger.
	place = regexp.MustCompile(`(?i)(?:[ ,;:]+(?:(?:pp?|pg|s|ch|sec)\.|pp?\b|` +
		`(?:pages?|slides?|lines?|sections?|chapter|seiten?|` +
		`folien?|zeilen?|abschnitt|diapositives?|páginas?|pág|pagina|страница|стр)\b|§|第).*|†.*)$`)
	words = regexp.MustCompile(`\p{L}+`)
)

// citedBy are the words that models put before the number of a passage, in the languages of most answers.
var citedBy = strings.Fields(`passages passage sources source documents document docs doc references reference refs ref
	citations citation cite cites excerpt excerpts
	références référence referenzen referencias referências riferimenti
	quellen quelle dokumente dokument passagen textstelle bronnen bron documenten extraits extrait
	fuentes fuente documentos documento pasaje pasajes fonti fonte documenti brano fontes trecho
	källa källor kilde kilder lähde źródło źródła zdroj kaynak kaynaklar belge forrás sursa
	источник источники документ джерело المصدر מקור 来源 资料 文档 引用 出典 資料 文書 参考 來源 출처 문서`)

// joining are the words between the numbers of a list.
var joining = strings.Fields(`and und et y e en och og ja i a ve si и та 和 と 및`)

func mayCite(text string) bool {
	found := citedSoFar.FindStringSubmatch(asciiDigits(text))
	return found != nil && slices.ContainsFunc(citedBy, func(word string) bool {
		return strings.HasPrefix(word, strings.ToLower(found[1]))
	})
}

// citationIn returns the numbers of what stands between brackets, if it is a citation. plain reports whether
// it has nothing but them.
func citationIn(text string) (list string, plain bool) {
	text = asciiDigits(text)
	if !strings.ContainsAny(text, "123456789") && strings.TrimSpace(text) != "0" {
		return "", false
	}
	bare := place.ReplaceAllString(text, "")
	found := cited.FindStringSubmatch(bare)
	if found == nil || found[1] != "" && !slices.Contains(citedBy, strings.ToLower(found[1])) {
		return "", false
	}
	for _, word := range words.FindAllString(strings.ToLower(bare), -1) {
		if !slices.Contains(citedBy, word) && !slices.Contains(joining, word) {
			return "", false
		}
	}
	return found[2], strings.Trim(text, " ,") == found[2] && !words.MatchString(text)
}

// asciiDigits replaces full-width digits, as texts in Chinese and Japanese have them.
func asciiDigits(s string) string {
	if !strings.Contains(s, "\xEF\xBC") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if '０' <= r && r <= '９' {
			return r - '０' + '0'
		}
		return r
	}, s)
}

// maxTarget is how many bytes the target of a link may have.
const maxTarget = 512

// linkTarget returns the size of the target that a model has given a citation as in [1](https://...). Only the
// gateway knows where a passage is. decided is false where more must come.
func linkTarget(text string, ended bool) (size int, decided bool) {
	switch {
	case text == "":
		return 0, ended
	case text[0] != '(':
		return 0, true
	}
	end := strings.IndexAny(text[:min(len(text), maxTarget+1)], ") \t\n")
	switch {
	case end < 0:
		return 0, ended || len(text) > maxTarget
	case text[end] != ')' || !strings.ContainsAny(text[:end], ":/#.") && end > 1:
		return 0, true
	}
	more, decided := linkTarget(text[end+1:], ended)
	return end + 1 + more, decided
}

// atEnd finds numbers in parentheses behind a statement, or behind a word such as source.
var atEnd = regexp.MustCompile(`\((\pL*[ .:#]*\d{1,2}[^()\n]{0,40})\)`)

// inParentheses returns the citations of an answer that has them in parentheses. As these also number steps and
// points, they count only in an answer without others, if each stands where a statement ends or names a source.
func (c *citations) inParentheses(answer string) (marks []Mark) {
	answer = codeIn.ReplaceAllStringFunc(answer, blanked)
	start, counted := 0, 0 // the code points before the mark, and how many bytes they take
	for _, at := range atEnd.FindAllStringSubmatchIndex(answer, -1) {
		list, plain := citationIn(answer[at[2]:at[3]])
		if list == "" {
			continue
		}
		valid, found := c.numbers(list)
		if len(valid) != found || plain && !endsStatement(answer[:at[0]], answer[at[1]:]) {
			if plain {
				return nil
			}
			continue
		}
		start += utf8.RuneCountInString(answer[counted:at[0]])
		counted = at[0]
		for _, n := range valid {
			marks = append(marks, Mark{n, start, start + utf8.RuneCountInString(answer[at[0]:at[1]])})
		}
	}
	return marks
}

// codeIn finds code between backticks.
var codeIn = regexp.MustCompile("(?s)```.*?(?:```|$)|`[^`\n]*`")

// blanked is a text of as many code points without anything in it.
func blanked(s string) string { return strings.Repeat(" ", utf8.RuneCountInString(s)) }

// endsStatement reports whether a statement ends between before and after.
func endsStatement(before, after string) bool {
	before = strings.TrimRightFunc(before, unicode.IsSpace)
	word := before[strings.LastIndexFunc(before, unicode.IsSpace)+1:]
	if word == "" || slices.Contains(numbered, strings.ToLower(word)) {
		return false
	}
	after = strings.TrimLeft(after, " *_")
	return after == "" || strings.ContainsAny(after[:1], ".;!?\n(") || strings.HasPrefix(after, "。")
}

// numbered are words whose number stands in parentheses.
var numbered = strings.Fields(`step steps item items point points section paragraph clause equation eq. figure fig.
	table option note page schritt punkt absatz abschnitt abbildung tabelle étape point article paso punto artículo`)

// withoutListed takes out the citations that stand only in a list of sources at the end of the answer, unless it has
// no others: such a list has what was sent, not what was used.
func withoutListed(answer string, marks []Mark) []Mark {
	text := []rune(answer)
	list := len(marks) // is the index of the list's first citation
	for list > 0 && opensLine(text[:marks[list-1].Start]) &&
		(list == len(marks) || !strings.Contains(string(text[marks[list-1].End:marks[list].Start]), "\n\n")) {
		list--
	}
	if list == 0 || len(marks)-list < 2 && !isHeading(string(text[:marks[min(list, len(marks)-1)].Start])) {
		return marks
	}
	used := map[int]bool{}
	for _, m := range marks[:list] {
		used[m.Passage] = true
	}
	return slices.DeleteFunc(slices.Clone(marks), func(m Mark) bool { return !used[m.Passage] })
}

// opensLine reports whether a line has nothing but a bullet so far.
func opensLine(before []rune) bool {
	for i := len(before) - 1; i >= 0 && before[i] != '\n'; i-- {
		if !strings.ContainsRune(" \t-*•>", before[i]) {
			return false
		}
	}
	return true
}

// isHeading reports whether a text ends in a line such as Sources:, before a line that has begun.
func isHeading(before string) bool {
	lines := strings.Split(strings.TrimRight(before, " \t\n-*•>"), "\n")
	last := strings.ToLower(strings.Trim(lines[len(lines)-1], " *#_:："))
	return slices.Contains(citedBy, last)
}
