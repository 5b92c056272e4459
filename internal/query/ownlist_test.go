package query

import (
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/index"
)

func listed() []Passage {
	return []Passage{
		{Chunk: index.Chunk{Document: "docs/manuals/pump-p100.pdf", Source: "docs", Title: "Pump P-100 manual", Heading: "Warranty", Page: 3}},
		{Chunk: index.Chunk{Document: "docs/valve.md", Source: "docs", Title: "Valve V-7"}},
	}
}

// withoutList passes an answer on in pieces of so many code points.
func withoutList(answer string, size int) (string, Result) {
	r := Result{Passages: listed()}
	c := newCitations(r.Passages)
	c.list = &ownList{passages: r.Passages}
	var text string
	for piece := range slices.Chunk(strings.Split(answer, ""), size) {
		text += c.next(strings.Join(piece, ""))
	}
	r.Answer = text + c.rest()
	c.report(&r)
	return r.Answer, r
}

func TestTheLLMsOwnListOfSourcesIsLeftOut(t *testing.T) {
	const answer = "The warranty is 24 months [1]. It is sealed [2]."
	for _, list := range []string{
		"\n\nSources:\n[1] Pump P-100 manual, Warranty\n[2] Valve V-7",
		"\n\nSources:\n[1] Pump P-100 manual",
		"\n\n**Sources:**\n- [1] Pump P-100 manual, page 3\n- [2] valve.md\n",
		"\n\n## References\n\n1. Pump P-100 manual (p. 3)\n2. Valve V-7",
		"\n\n---\nSources used:\n* **[1]** docs/manuals/pump-p100.pdf\n* **[2]** docs/valve.md\n\n",
		"\n\nSources: [1], [2]",
		"\n\n*Source: [1] Pump P-100 manual; [2] Valve V-7*",
		"\nQuellen:\n[1] Pump P-100 manual, Seite 3",
		"\n\n[^1]: Pump P-100 manual\n[^2]: Valve V-7",
		"\n\nSources\n[1][2]",
		"\n\nReferences:\n- Pump P-100 manual [1]\n- Valve V-7 [2]",
		"\n\n参考：\n[1] Pump P-100 manual",
		"\n\nSources:\n[1](https://example.com/a) Pump P-100 manual\n[2] https://example.com/valve",
	} {
		t.Run(list, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 5, 8, 13, 34, len(answer + list)} {
				text, r := withoutList(answer+list, size)
				if text != answer || !cmp.Equal(r.Cited, []int{1, 2}) || len(r.Marks) != 2 || len(r.Warnings) > 0 {
					t.Fatalf("in pieces of %d: %q, cited %v at %v, warned %v", size, text, r.Cited, r.Marks, r.Warnings)
				}
			}
		})
	}
}

func TestWhatMayNotBeAListOfSourcesIsKept(t *testing.T) {
	for _, answer := range []string{
		"So [1].\n\nSources:\n[1] Pump P-100 manual\n\nCall us for more.",
		"So [1].\n\nSources:\n[1] says that the warranty is 24 months.",
		"So [1].\n\nSources:\n- Pump P-100 manual\n- Valve V-7",
		"So [1].\n\nSources of heat:\n[1] Pump P-100 manual",
		"Two parts:\n\n1. Pump P-100\n2. Valve V-7",
		"Two parts:\n[1] The pump P-100 lasts.\n[2] The valve V-7 does not.",
		"So [1].\n\nReferences:\n1. Smith, On Pumps, 2017\n2. Miller, On Valves, 2019",
		"So [1].\n\nSources: [1] has the price, [2] the date.",
		"So [1].\n\n---\nThe end.",
		"So [1].\n\nSources:\n",
		"So [1].\n\nSource",
		"Sources:\n[1] Pump P-100 manual",
		"So [1].\n\nDocument:\nthe passport",
		"So:\n\n[1]\n\n[2]",
		"Two manuals cover it:\n\n[1] Pump P-100 manual\n[2] Valve V-7",
		"Both are in\n[1] Pump P-100 manual",
		"The pump lasts.\nSource: [1]\n\nThe valve does not.\nSource: [2]",
	} {
		t.Run(answer, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 5, 8, 13, 34, len(answer)} {
				if text, _ := withoutList(answer, size); text != answer {
					t.Fatalf("in pieces of %d: %q", size, text)
				}
			}
		})
	}
}

// An answer that cites nothing but in a list of its own has these sources still.
func TestSourcesThatOnlyTheListNamesAreCited(t *testing.T) {
	text, r := withoutList("The warranty is 24 months.\n\nSources:\n[1] Pump P-100 manual", 1)
	if text != "The warranty is 24 months." || !cmp.Equal(r.Cited, []int{1}) || len(r.Marks) > 0 {
		t.Errorf("%q, cited %v at %v", text, r.Cited, r.Marks)
	}
	if _, r := withoutList("I cannot find that in the documents.\n\nSources:\n[1] Pump P-100 manual", 1); len(r.Cited) > 0 {
		t.Errorf("a refusal cites %v", r.Cited)
	}
}

func TestALongListIsNotHeldBack(t *testing.T) {
	l := &ownList{passages: listed()}
	l.next("So.\n\nSources:")
	for range maxOwnList {
		l.next("\n[1] ")
		if len(l.held) > maxOwnList+8 {
			t.Fatalf("%d bytes are held back", len(l.held))
		}
	}
}

// A line that begins as an item does is passed on as soon as it has a word of no passage's name.
func TestALineThatBeginsInBracketsIsNotHeldBack(t *testing.T) {
	for _, answer := range []string{
		"To do.\n\n- [x] Order a gasket ", "To do.\n- [ ] Order", "So.\n\n[1] The pump costs 5", "See\n[the page",
	} {
		l := &ownList{passages: listed()}
		var text string
		for _, piece := range strings.SplitAfter(answer, "") {
			text += l.next(piece)
		}
		if text != answer {
			t.Errorf("%q holds %q back", answer, l.held)
		}
	}
}

// An answer that comes in one piece is looked through once: to split what follows at each line takes the square, 20 GB.
// The race detector makes expressions take some hundred MiB.
func TestManyLinesTakeLittle(t *testing.T) {
	answer := strings.Repeat("a\n", 20_000) + strings.Repeat("\n \n", 20_000)
	l := &ownList{passages: listed()}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := l.next(answer) + l.rest()
	runtime.ReadMemStats(&after)
	if got != answer {
		t.Errorf("%d bytes became %d", len(answer), len(got))
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 2<<30 {
		t.Errorf("%d bytes were taken for %d", took, len(answer))
	}
}

func FuzzOwnList(f *testing.F) {
	for _, s := range []string{
		"So [1].\n\nSources:\n[1] Pump P-100 manual\n[2] Valve V-7\n", "a\n---\n\n[1] Valve", "a\nSources: [1]\n\nb\n\nRef\n1. valve",
		"a\nSource: [1]\n\nb\nSource: [2]", "a\n\n[1](https://a.example/b) valve https://c.example d [2]",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		whole, _ := withoutList(answer, max(1, len(answer)))
		if pieces, _ := withoutList(answer, 1); pieces != whole {
			t.Fatalf("%q in pieces is %q, whole %q", answer, pieces, whole)
		}
		checked := newCitations(listed())
		if all := checked.next(answer) + checked.rest(); !strings.HasPrefix(all, whole) {
			t.Fatalf("%q became %q", all, whole)
		}
	})
}
