package extraction

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// block is a part of a document as its author wrote it; corpus/truth.py says what its kinds are.
type block struct {
	Kind   string     `json:"kind"`
	Text   string     `json:"text"`
	Level  int        `json:"level"`
	Rows   [][]string `json:"rows"`
	Header int        `json:"header"`
}

// score counts for each measure what is right and what there is.
type score struct {
	found, invented, order, cells, headings ratio
	lost, more                              []string // the words that are missing, and those that were invented
}

type ratio struct{ right, all int }

func (r *ratio) add(o ratio) { r.right, r.all = r.right+o.right, r.all+o.all }

func (s *score) add(o score) {
	s.found.add(o.found)
	s.invented.add(o.invented)
	s.order.add(o.order)
	s.cells.add(o.cells)
	s.headings.add(o.headings)
}

// scoreOf compares a reading with the truth. Blocks of the kinds in without are not in the document.
func scoreOf(truth []block, without []string, r reading) score {
	var s score
	var fixed []string
	want, allowed := map[string]int{}, map[string]int{}
	for _, b := range truth {
		if slices.Contains(without, b.Kind) {
			continue
		}
		for _, w := range words(b.Text) {
			allowed[w]++
			if b.Kind != "optional" {
				want[w]++
			}
		}
		switch b.Kind {
		case "text", "heading":
			fixed = append(fixed, words(b.Text)...)
		case "table":
			// The names of the columns may stand in each row, so the order is that of the rows.
			for _, row := range b.Rows[b.Header:] {
				fixed = append(fixed, words(strings.Join(row, " "))...)
			}
			allowTable(b, allowed)
			s.cells.add(cellsKept(b, r))
		}
	}
	got := words(r.text)
	n := counted(got)
	for _, w := range slices.Sorted(maps.Keys(want)) {
		s.found.all += want[w]
		s.found.right += min(n[w], want[w])
		if n[w] < want[w] {
			s.lost = append(s.lost, w)
		}
	}
	for _, w := range slices.Sorted(maps.Keys(n)) {
		if n[w] > allowed[w] {
			s.invented.right += n[w] - allowed[w]
			s.more = append(s.more, w)
		}
	}
	s.invented.all = len(got)
	s.order = ratio{longestCommon(fixed, got), shared(fixed, got)}
	s.headings = headingsKept(truth, r)
	return s
}

// allowTable allows that a merged cell stands in each of its places, and the names of the columns in each row.
func allowTable(b block, allowed map[string]int) {
	for i, row := range b.Rows {
		for _, cell := range row {
			for _, w := range words(cell) {
				allowed[w]++
				if i < b.Header {
					allowed[w] += len(b.Rows)
				}
			}
		}
	}
}

var (
	powers = strings.NewReplacer("⁰", "^0", "¹", "^1", "²", "^2", "³", "^3", "⁴", "^4", "⁵", "^5", "⁶", "^6", "⁷", "^7",
		"⁸", "^8", "⁹", "^9", "⁻", "^-", "⁄", "/", "\u00ad", "", "\u200b", "", "\ufe0e", "", "\ufe0f", "", "−", "-")
	doubled = regexp.MustCompile(`\^(-|\d)\^`)
)

// words are the words of a text. A number keeps its separators and its power; scripts without spaces between words
// are taken sign by sign.
func words(s string) []string {
	s = norm.NFKC.String(powers.Replace(s))
	for doubled.MatchString(s) {
		s = doubled.ReplaceAllString(s, "^$1")
	}
	var found []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			found = append(found, string(word))
		}
		word = nil
	}
	runes := []rune(s)
	for i, r := range runes {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Thai):
			end()
			found = append(found, string(r))
		case unicode.In(r, unicode.L, unicode.M, unicode.N), len(word) > 0 && joins(runes, i):
			word = append(word, r)
		default:
			end()
		}
	}
	end()
	return found
}

// joins reports whether the sign at i belongs to the word around it: 1,250 or 12/5 or 10^6 or cm^-3.
func joins(runes []rune, i int) bool {
	before, after := runes[i-1], ' '
	if i+1 < len(runes) {
		after = runes[i+1]
	}
	switch runes[i] {
	case '^':
		return unicode.In(before, unicode.L, unicode.N) && (unicode.IsDigit(after) || after == '-')
	case '-':
		return before == '^'
	case '.', ',', ':', '/':
		return unicode.IsDigit(before) && unicode.IsDigit(after)
	}
	return false
}

func counted(words []string) map[string]int {
	n := map[string]int{}
	for _, w := range words {
		n[w]++
	}
	return n
}

// shared is how many words two texts have in common.
func shared(a, b []string) int {
	n, of := 0, counted(b)
	for w, times := range counted(a) {
		n += min(times, of[w])
	}
	return n
}

// longestCommon is the length of the longest sequence of words that both have in the same order.
func longestCommon(a, b []string) int {
	above, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for _, w := range a {
		for j, v := range b {
			if w == v {
				row[j+1] = above[j] + 1
			} else {
				row[j+1] = max(above[j+1], row[j])
			}
		}
		above, row = row, above
	}
	return above[len(b)]
}

// headingsKept compares headings: one is kept if it is marked as one and stands below the right one. All are those
// of the truth, and those that are none.
func headingsKept(truth []block, r reading) ratio {
	var want []mark
	for _, b := range truth {
		if b.Kind == "heading" {
			want = append(want, mark{b.Level, b.Text})
		}
	}
	if len(want) == 0 {
		return ratio{}
	}
	kept := shared(withParents(want), withParents(r.headings))
	return ratio{kept, len(want) + len(r.headings) - kept}
}

// withParents are headings with the heading that each stands below.
func withParents(headings []mark) []string {
	out := make([]string, len(headings))
	for i, h := range headings {
		parent := ""
		for j := i - 1; j >= 0 && parent == ""; j-- {
			if headings[j].level < h.level {
				parent = headings[j].text
			}
		}
		out[i] = strings.Join(words(parent), " ") + " > " + strings.Join(words(h.text), " ")
	}
	return out
}
