package query

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func checked(passages int, pieces ...string) (text string, r Result) {
	c := newCitations(passages)
	for _, p := range pieces {
		text += c.next(p)
	}
	text += c.rest()
	c.report(&r)
	return text, r
}

func TestCitationsAreChecked(t *testing.T) {
	for _, tc := range []struct {
		name, answer, want string
		cited              []int
		removed            bool
	}{
		{"none", "It is so.", "It is so.", []int{}, false},
		{"true ones", "It is so [1]. And so [3][2].", "It is so [1]. And so [3][2].", []int{1, 2, 3}, false},
		{"a false one", "It is so [7]. Really.", "It is so. Really.", []int{}, true},
		{"a false one at the end", "It is so [4]", "It is so", []int{}, true},
		{"zero", "It is so [0].", "It is so.", []int{}, true},
		{"a list", "It is so [1, 3].", "It is so [1, 3].", []int{1, 3}, false},
		{"a list, partly false", "It is so [1,9, 3].", "It is so [1, 3].", []int{1, 3}, true},
		{"a false list", "It is so [8, 9].", "It is so.", []int{}, true},
		{"years", "In [2023], and [1999, 2000].", "In [2023], and [1999, 2000].", []int{}, false},
		{"other brackets", "A [note], [ ], [], [^1], [1a] and [x](y).", "A [note], [ ], [], [^1], [1a] and [x](y).", []int{}, false},
		{"unfinished", "It is so [1", "It is so [1", []int{}, false},
		{"code", "Use `a[9]` [1], or\n```go\nx[8] = y[7]\n```\nas said [8].", "Use `a[9]` [1], or\n```go\nx[8] = y[7]\n```\nas said.",
			[]int{1}, true},
		{"a backtick alone ends with its line", "It`s so.\nReally [9].", "It`s so.\nReally.", []int{}, true},
		{"double backticks", "``a`[9]`` [9]", "``a`[9]``", []int{}, true},
		{"spaces", "So   [1]  [9]  it is. ", "So   [1]  it is. ", []int{1}, true},
		{"brackets in brackets", "[[1]] and [[9]]", "[[1]] and []", []int{1}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, r := checked(3, tc.answer)
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if diff := cmp.Diff(tc.cited, r.Cited); diff != "" {
				t.Errorf("cited (-want +got):\n%s", diff)
			}
			if removed := len(r.Warnings) == 1 && r.Warnings[0].Code == config.FalseCitations; removed != tc.removed {
				t.Errorf("warnings %+v, want one: %v", r.Warnings, tc.removed)
			}
		})
	}
}

func FuzzCitations(f *testing.F) {
	f.Add("It is so [1]. `a[9]` [7, 2] and ```x[3]``` [12", 3)
	f.Add("  [9]\n`[1]\n[1]", 2)
	f.Fuzz(func(t *testing.T, answer string, passages int) {
		passages = min(max(passages, 0), 25)
		whole, want := checked(passages, answer)
		if pieces, got := checked(passages, strings.Split(answer, "")...); pieces != whole || !cmp.Equal(got, want) {
			t.Fatalf("in pieces %q %+v, whole %q %+v", pieces, got, whole, want)
		}
		if strings.Join(strings.Fields(answer), "") == strings.Join(strings.Fields(whole), "") && len(want.Warnings) > 0 {
			t.Fatalf("nothing was removed from %q, and yet %+v", answer, want.Warnings)
		}
		if again, r := checked(passages, whole); len(want.Warnings) == 0 && (again != whole || len(r.Warnings) > 0) {
			t.Fatalf("checked twice: %q, then %q", whole, again)
		}
	})
}
