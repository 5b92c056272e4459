package query

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ownList leaves out the list of sources that an LLM wrote at the end of its answer, where the gateway adds one with
// links. It takes for one only lines that have nothing but numbers of passages and words of these passages' titles,
// headings and paths; anything else, and a list that is followed by text, stays. However an answer is cut into pieces,
// the result is the same. A nil ownList passes everything on.
type ownList struct {
	passages []Passage
	names    map[string]bool // has the words of all their names, once a line may be of them
	held     string          // is what may be the list, from the end of the line before it
	begun    bool            // reports whether held is a list so far, up to its last line
	last     rune            // is the last that was passed on and is no white space; 0 at the beginning
	each     bool            // reports whether a part of the answer has a line such as Source: [1] of its own
}

// A list of more bytes or lines is passed on.
const (
	maxOwnList  = 8 << 10
	maxOwnLines = 64
)

// next takes the next piece of the answer and returns what can be passed on.
func (l *ownList) next(piece string) string {
	if l == nil {
		return piece
	}
	l.held += piece
	if l.begun && !strings.Contains(piece, "\n") && len(l.held) <= maxOwnList {
		return "" // the line decides when it has ended
	}
	return l.pass(false)
}

// rest returns what is still held when the answer has ended, unless it is the list.
func (l *ownList) rest() string {
	if l == nil {
		return ""
	}
	return l.pass(true)
}

func (l *ownList) pass(ended bool) string {
	before, last := 0, l.last
	start := strings.IndexByte(l.held, '\n')
	for start >= 0 {
		before, last = start, lastSign(l.held[before:start], last)
		possible, begun := l.isList(l.held[start:], last, ended)
		if last != 0 && possible && (begun || !ended) {
			l.begun = begun
			return l.release(start, ended)
		}
		next := lineEnd(l.held[start:])
		if next < 0 {
			break
		}
		start += next
	}
	l.begun = false
	return l.release(len(l.held), ended)
}

// release passes on what is held before a place.
func (l *ownList) release(to int, ended bool) (text string) {
	text, l.held = l.held[:to], l.held[to:]
	l.last = lastSign(text, l.last)
	if ended {
		l.held = ""
	}
	return text
}

// lastSign is the last code point of a text that is no white space, or else what stands before.
func lastSign(text string, before rune) rune {
	if text = strings.TrimSpace(text); text == "" {
		return before
	}
	last, _ := utf8.DecodeLastRuneInString(text)
	return last
}

// lineEnd is where the first line ends that is not empty, or -1.
func lineEnd(text string) int {
	line := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && r != '\r' })
	if line < 0 {
		return -1
	}
	end := strings.IndexByte(text[line:], '\n')
	if end < 0 {
		return -1
	}
	return line + end
}

// isList reports whether lines can still become the list, and whether they have begun it or, at the end, are it.
// last is the sign before them.
func (l *ownList) isList(text string, last rune, ended bool) (possible, begun bool) {
	lines := strings.SplitN(text, "\n", maxOwnLines+2)[1:] // with all others in one, which is not read
	var read listRead
	size := 0
	for i, line := range lines {
		if size += 1 + len(line); size > maxOwnList || i == maxOwnLines {
			return false, false
		}
		line = strings.TrimSpace(line)
		if i == len(lines)-1 && !ended {
			return read.begun() || l.mayBegin(line, read.apart), read.begun()
		}
		if !l.read(&read, line, last) {
			l.each = l.each || read.inline
			return false, false
		}
	}
	return true, read.items > 0
}

// listRead is what has been read of a list.
type listRead struct {
	apart  bool // reports whether a blank line has set it apart
	headed bool
	inline bool
	items  int
}

func (r *listRead) begun() bool { return r.headed || r.items > 0 }

// read reports whether a line goes on with the list. Behind a colon, or without a blank line, passages that no
// heading names sources belong to the answer.
func (l *ownList) read(r *listRead, line string, last rune) bool {
	switch {
	case line == "" || !r.begun() && isRule(line):
		r.apart = last != ':' && last != '：'
	case !r.begun() && isSourcesHeading(line):
		r.headed = true
	case (r.headed || r.apart) && l.isItem(line, r.headed):
		r.items++
	case !r.begun() && !l.each && l.isInline(line):
		r.headed, r.inline, r.items = true, true, 1
	default:
		return false
	}
	return true
}

func isRule(line string) bool { return len(line) >= 3 && strings.Trim(line, "-*_ ") == "" }

// isSourcesHeading reports whether a line announces sources, such as **Sources used:**.
func isSourcesHeading(line string) bool {
	all := wordsIn(line)
	return len(all) <= 4 && strings.Trim(wordsAndNumbers.ReplaceAllString(line, ""), " *#_>:：-") == "" &&
		slices.ContainsFunc(all, func(word string) bool { return slices.Contains(citedBy, word) }) &&
		!slices.ContainsFunc(all, func(word string) bool { return !listWords[word] })
}

// listWords are those of headings above lists of sources.
var listWords = func() map[string]bool {
	set := wordSet(`the of and used cited list works bibliography footnotes
		verwendete genutzte zitierte utilisées citées utilizadas citadas utilizzate citate gebruikte`)
	for _, word := range citedBy {
		set[word] = true
	}
	return set
}()

// mayBegin reports whether a line that is not whole yet may be the list's first.
func (l *ownList) mayBegin(line string, apart bool) bool {
	line = strings.TrimLeft(line, " \t>*•_#-")
	switch {
	case line == "":
		return true
	case line[0] == '[':
		return apart && l.mayBeItem(line)
	}
	name, _, named := strings.Cut(strings.ReplaceAll(line, "：", ":"), ":")
	if named {
		return isSourcesHeading(name)
	}
	all := wordsIn(name)
	if len(all) == 0 || len(all) > 4 {
		return false
	}
	last := all[len(all)-1]
	return !slices.ContainsFunc(all[:len(all)-1], func(word string) bool { return !listWords[word] }) &&
		slices.ContainsFunc(slices.Collect(maps.Keys(listWords)), func(word string) bool {
			return strings.HasPrefix(word, last)
		})
}

// mayBeItem reports whether a line has only words of names up to its last space.
func (l *ownList) mayBeItem(line string) bool {
	if l.names == nil {
		l.names = map[string]bool{}
		for i := range l.passages {
			maps.Copy(l.names, nameWords(&l.passages[i]))
		}
	}
	return onlyNames(line[:strings.LastIndexByte(line, ' ')+1], l.names)
}

var (
	// numbersInLine are citations, which were brought into this form before.
	numbersInLine = regexp.MustCompile(`\[(\d{1,2}(?:, ?\d{1,2})*)\]`)
	// numberAtStart is a number of another form, which counts below a heading only.
	numberAtStart = regexp.MustCompile(`^[\s>*•_-]*\(?(\d{1,2})(?:[.):]|\s+-)`)
	address       = regexp.MustCompile(`(?:https?://|/v1/)[^\s)]+`)
	// placeWords are those of places in documents.
	placeWords = wordSet(`page pages p pp slide slides section sections chapter document documents doc file source title
		from in of the and see passage seite seiten folie abschnitt kapitel dokument datei quelle von aus im der des`)
)

// isItem reports whether a line names passages by their numbers, and has no words but theirs.
func (l *ownList) isItem(line string, headed bool) bool {
	found := numbersInLine.FindAllStringSubmatch(line, -1)
	rest := numbersInLine.ReplaceAllString(line, " ")
	switch {
	case headed && len(found) == 0:
		found = numberAtStart.FindAllStringSubmatch(line, 1)
		rest = numberAtStart.ReplaceAllString(line, " ")
		if len(wordsIn(rest)) == 0 {
			return false
		}
	case !headed && (len(wordsIn(rest)) == 0 || strings.TrimLeft(line, " >*•_-")[0] != '['):
		return false
	}
	return l.isOf(found, rest)
}

// isInline reports whether a line is the whole list, such as Sources: [1], [2].
func (l *ownList) isInline(line string) bool {
	name, list, found := strings.Cut(strings.ReplaceAll(line, "：", ":"), ":")
	return found && isSourcesHeading(name) && numbersInLine.MatchString(list) && l.isItem(list, true)
}

// isOf reports whether the words are those of the passages with these numbers.
func (l *ownList) isOf(found [][]string, text string) bool {
	known := map[string]bool{}
	for _, list := range found {
		for number := range strings.SplitSeq(list[1], ",") {
			n, err := strconv.Atoi(strings.TrimSpace(number))
			if err != nil || n < 1 || n > len(l.passages) {
				return false
			}
			maps.Copy(known, nameWords(&l.passages[n-1]))
		}
	}
	return len(found) > 0 && onlyNames(text, known)
}

// onlyNames reports whether a text has no words but those known, of places, numbers and single letters.
func onlyNames(text string, known map[string]bool) bool {
	return !slices.ContainsFunc(wordsIn(address.ReplaceAllString(text, "")), func(word string) bool {
		return !known[word] && !placeWords[word] && strings.Trim(word, "0123456789") != "" && utf8.RuneCountInString(word) > 1
	})
}

// nameWords are the words by which an LLM can name a passage.
func nameWords(p *Passage) map[string]bool {
	names := []string{p.Title, p.Heading, p.Document, p.Source}
	for _, h := range p.Layout.Headings {
		names = append(names, h.Path)
	}
	return wordSet(strings.Join(wordsIn(strings.Join(names, " ")), " "))
}
