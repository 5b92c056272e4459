package split

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// layout lays a table out in a text between two others.
func layout(before string, t Table, rows []string, between, after string) (string, Table) {
	text := before
	t.Start = utf8.RuneCountInString(text)
	text += joined(t.Caption, t.Header)
	for i, row := range rows {
		if i > 0 {
			text += between
		}
		t.Rows = append(t.Rows, utf8.RuneCountInString(text))
		text += row
	}
	t.End = utf8.RuneCountInString(text)
	return text + after, t
}

func TestATableIsCutBetweenItsRows(t *testing.T) {
	parts := Table{Caption: "Prices", Header: "part | price", Columns: []string{"part", "price"}}
	tests := map[string]struct {
		table         Table
		rows          []string
		before, after string
		size          int
		want          []string
	}{
		"each chunk begins with caption and header": {
			table: parts, rows: []string{"aaaaaa | 1", "bbbbbb | 2", "cccccc | 3"}, size: 42,
			want: []string{"Prices\npart | price\naaaaaa | 1\nbbbbbb | 2", "Prices\npart | price\ncccccc | 3"},
		},
		"one that fits is a piece of the text": {
			table: parts, rows: []string{"a | 1"}, before: "All in euros:\n\n", after: "\n\nNet.", size: 50,
			want: []string{"All in euros:\n\nPrices\npart | price\na | 1\n\nNet."},
		},
		"the text around a large one has chunks of its own": {
			table: parts, rows: []string{"a | " + strings.Repeat("1", 15), "b | " + strings.Repeat("2", 15)},
			before: "Before:\n\n", after: "\n\nAfter.", size: 40,
			want: []string{
				"Before:", "Prices\npart | price\na | 111111111111111", "Prices\npart | price\nb | 222222222222222", "After.",
			},
		},
		"without a header": {
			table: Table{}, rows: []string{"a | 1", "b | 2", "c | 3"}, size: 12,
			want: []string{"a | 1\nb | 2", "c | 3"},
		},
		"a row that is too long is cut between its cells": {
			table: Table{Header: "id | kind | note | end", Columns: []string{"id", "kind", "note", "end"}},
			rows:  []string{"x1 | pump | one two three four five six | last"}, size: 46,
			want: []string{
				"id | kind | note | end",
				"id | kind\nx1 | pump",
				"id | note\nx1 | one two three four five six",
				"id | end\nx1 | last",
			},
		},
		"a cell that is too long is cut like text": {
			table: Table{Header: "id | note", Columns: []string{"id", "note"}},
			rows:  []string{"x | one two three four five six seven"}, size: 34,
			want: []string{
				"id | note",
				"id\nx",
				"id | note\nx | one two three four",
				"id | note\nx | five six seven",
			},
		},
		"a header that is too long gives each row the names of its own cells": {
			table: Table{Header: "first name | second name | third name", Columns: []string{"first name", "second name", "third name"}},
			rows:  []string{"1 | 2 | 3", "4 |  | 6"}, size: 52,
			want: []string{
				"first name | second name | third name",
				"first name | second name\n1 | 2", "first name | third name\n1 | 3",
				"first name | second name\n4 |", "first name | third name\n4 | 6",
			},
		},
		"Markdown": {
			table: Table{Header: "| id | note |\n|---|---|", Columns: []string{"id", "note"}},
			rows:  []string{"| x | a b c d e f g h i j k l m n o p |", "| y | z |"}, size: 52,
			want: []string{
				"| id | note |\n|---|---|", "id | note\nx | a b c d e f g h i j k l m n o p",
				"| id | note |\n|---|---|\n| y | z |",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text, table := layout(tt.before, tt.table, tt.rows, "\n", tt.after)
			chunks := splitter(t, tt.size, 0, config.Characters).Split(text, table)
			if diff := cmp.Diff(tt.want, texts(chunks)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			checkTable(t, text, table, chunks, tt.size)
		})
	}
}

func TestFieldsAreCutBetweenRecords(t *testing.T) {
	record := func(n int) string {
		return fmt.Sprintf("name: Person%d\nphone: 555-%04d\nnote: %s", n, n, strings.Repeat("x", 10))
	}
	text, table := layout("", Table{Fields: true}, []string{record(1), record(2), record(3)}, "\n\n", "")
	chunks := splitter(t, 100, 20, config.Characters).Split(text, table)
	if diff := cmp.Diff([]string{record(1) + "\n\n" + record(2), record(3)}, texts(chunks)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	wide := "name: Anna\na: " + strings.Repeat("y ", 30) + "\nb: z"
	text, table = layout("", Table{Fields: true}, []string{wide}, "\n\n", "")
	for i, c := range splitter(t, 50, 0, config.Characters).Split(text, table) {
		if !strings.HasPrefix(c.Text, "name: Anna") {
			t.Errorf("part %d does not say whose it is: %q", i, c.Text)
		}
		if strings.Contains(c.Text, "y") && !strings.Contains(c.Text, "a: ") {
			t.Errorf("part %d does not name its column: %q", i, c.Text)
		}
	}
}

// checkTable checks that each chunk ends with what stands at its place, and that none is too large.
func checkTable(t *testing.T, text string, table Table, chunks []Chunk, size int) {
	t.Helper()
	at := byteOffsets(text)
	for i, c := range chunks {
		if got := text[at[c.Start]:at[c.End]]; !strings.HasSuffix(c.Text, got) {
			t.Errorf("chunk %d is %q, but %q stands at %d to %d", i, c.Text, got, c.Start, c.End)
		}
		if i > 0 && (c.Start < chunks[i-1].Start || c.End < chunks[i-1].End) {
			t.Errorf("chunk %d at %d to %d comes after the one at %d to %d", i, c.Start, c.End, chunks[i-1].Start, chunks[i-1].End)
		}
		if n := utf8.RuneCountInString(c.Text); n > size {
			t.Errorf("chunk %d has %d code points, want at most %d: %q", i, n, size, c.Text)
		}
	}
	end := 0
	for _, c := range append(chunks, Chunk{Start: len(at) - 1, End: len(at) - 1}) {
		if c.Start > end {
			lost := text[at[end]:at[c.Start]]
			if strings.TrimFunc(lost, func(r rune) bool { return isSpace(r) || r == '|' }) != "" {
				t.Errorf("%q is in no chunk", lost)
			}
		}
		end = max(end, c.End)
	}
	if t.Failed() {
		t.Fatalf("size %d, table %+v, text %q", size, table, text)
	}
}

func TestTablesKeepTheirPromisesForRandomTexts(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	word := func(n int) string { return strings.TrimSpace(strings.ReplaceAll(randomText(random, n), "\n", " ")) }
	for range 3_000 {
		table := Table{Fields: random.IntN(3) == 0}
		if random.IntN(2) == 0 {
			table.Caption = strings.Trim(word(4), "\n ")
		}
		columns := 1 + random.IntN(4)
		for range columns {
			table.Columns = append(table.Columns, strings.ToValidUTF8(word(3), "?"))
		}
		if table.Header = strings.Join(table.Columns, " | "); table.Fields || random.IntN(3) == 0 {
			table.Header, table.Columns = "", nil
		}
		var rows []string
		for range 1 + random.IntN(6) {
			var cells []string
			for i := range columns {
				if cell := word(random.IntN(12)); table.Fields {
					cells = append(cells, fmt.Sprintf("c%d: %s", i, cell))
				} else {
					cells = append(cells, cell)
				}
			}
			if table.Fields {
				rows = append(rows, strings.Join(cells, "\n"))
			} else {
				rows = append(rows, "."+strings.Join(cells, " | "))
			}
		}
		text, table := layout(randomText(random, random.IntN(10)), table, rows, "\n", randomText(random, random.IntN(10)))
		size := 10 + random.IntN(60)
		checkTable(t, text, table, splitter(t, size, random.IntN(size), config.Characters).Split(text, table), size)
		splitter(t, size, 0, config.Tokens).Split(text, table)
	}
}

func TestTheEndOfATableAndTheTextBelowShareAChunk(t *testing.T) {
	parts := Table{Caption: "Prices", Header: "part | price", Columns: []string{"part", "price"}}
	for name, tt := range map[string]struct {
		rows          []string
		before, after string
		size, overlap int
		want          []string
	}{
		"the last rows of a large one have caption and header there": {
			rows: []string{"aaaaaa | 1", "bbbbbb | 2", "cccccc | 3"}, after: "\n\nNet.", size: 42,
			want: []string{"Prices\npart | price\naaaaaa | 1\nbbbbbb | 2", "Prices\npart | price\ncccccc | 3\n\nNet."},
		},
		"the last row of one that fits is the overlap, with caption and header": {
			rows: []string{"aaaaaa | 1", "bbbbbb | 2"}, after: "\n\nTaxes come on top.", size: 52, overlap: 31,
			want: []string{
				"Prices\npart | price\naaaaaa | 1\nbbbbbb | 2",
				"Prices\npart | price\nbbbbbb | 2\n\nTaxes come on top.",
			},
		},
		"much text before the caption is a chunk of its own": {
			rows: []string{"a | 1"}, before: "All about other things.\n\n", size: 60,
			want: []string{"All about other things.", "Prices\npart | price\na | 1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, table := layout(tt.before, parts, tt.rows, "\n", tt.after)
			chunks := splitter(t, tt.size, tt.overlap, config.Characters).Split(text, table)
			if diff := cmp.Diff(tt.want, texts(chunks)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestATableWhoseHeaderIsOnThePageBeforeHasItInEachChunk(t *testing.T) {
	table := Table{Start: 0, End: 23, Header: "part | price", Columns: []string{"part", "price"}, Rows: []int{0, 12}}
	for size, want := range map[int][]string{
		60: {"part | price\naaaaaaa | 1\nbbbbbbb | 2"},
		30: {"part | price\naaaaaaa | 1", "part | price\nbbbbbbb | 2"},
	} {
		chunks := splitter(t, size, 0, config.Characters).Split("aaaaaaa | 1\nbbbbbbb | 2", table)
		if diff := cmp.Diff(want, texts(chunks)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}
