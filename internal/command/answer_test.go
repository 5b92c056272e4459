package command

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

func TestPrintedAnswers(t *testing.T) {
	passage := func(document, heading string, page int, score float64) query.Passage {
		return query.Passage{Chunk: index.Chunk{Document: document, Heading: heading, Page: page}, Score: score}
	}
	ms := time.Millisecond
	for _, c := range []struct {
		name           string
		result         query.Result
		stdout, stderr string
	}{
		{
			"an answer with citations, each with its document, and page and heading if it has them",
			query.Result{
				Answer: "\nOn 16 nodes. [1]\n",
				Cited:  []int{1, 3},
				Passages: []query.Passage{
					passage("docs/vila.pdf", "Training > Cost", 2, .7954), passage("docs/scan.pdf", "", 7, .5),
					passage("docs/guide.md", "Nodes", 0, .25), passage("docs/notes.txt", "", 0, 0),
				},
				Times: query.Times{
					Retrieval: 1300 * time.Microsecond, Reranking: 20 * ms, LLM: 1500 * ms, Total: 1521300 * time.Microsecond,
				},
			},
			`On 16 nodes. [1]

Citations
  [1] docs/vila.pdf, page 2, Training > Cost (score 0.80)
  [2] docs/scan.pdf, page 7 (score 0.50, not cited)
  [3] docs/guide.md, Nodes (score 0.25)
  [4] docs/notes.txt (score 0.00, not cited)

Times: retrieval 1.3 ms, reranking 20.0 ms, answer 1500.0 ms, total 1521.3 ms
`, "",
		},
		{
			"a refusal, which cites nothing",
			query.Result{
				Answer: "I cannot find it in the documents.", Cited: []int{},
				Passages: []query.Passage{passage("docs/guide.md", "", 0, .25)}, Times: query.Times{Total: ms},
			},
			"I cannot find it in the documents.\n\nPassages, none of them cited\n  [1] docs/guide.md (score 0.25)\n\n" +
				"Times: total 1.0 ms\n", "",
		},
		{
			"a hostile passage, whose escapes and line breaks do not reach the terminal",
			query.Result{
				Answer:   "a\x1b[2Jb\r\n\tc\x00",
				Passages: []query.Passage{passage("docs/\x1b]0;x\a\n[9] y.pdf", "A\u202eB", 0, 0)},
				Warnings: []query.Warning{{Stage: "llm", Code: "x", Message: "a\x1b[2J\nb"}},
				Times:    query.Times{Total: ms},
			},
			"a[2Jb\n\tc\n\nCitations\n  [1] docs/ ]0;x  [9] y.pdf, A B (score 0.00)\n\nTimes: total 1.0 ms\n",
			"warning: llm: a [2J b\n",
		},
		{
			"a degraded reply, whose warnings are not part of the answer",
			query.Result{
				Answer:   "No passage in the documents matches this question.",
				Warnings: []query.Warning{{Stage: "index", Code: "NoPassages", Message: "no passage matches"}},
				Times:    query.Times{Retrieval: ms, Total: ms},
			},
			"No passage in the documents matches this question.\n\nTimes: retrieval 1.0 ms, total 1.0 ms\n",
			"warning: index: no passage matches\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			answer := answerOf(gateway.NewCompletion("", new(config.Gateway), &c.result))
			printWarnings(&stderr, answer.Warnings)
			printAnswer(&stdout, answer)
			if diff := cmp.Diff(c.stdout, stdout.String()); diff != "" {
				t.Errorf("stdout (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.stderr, stderr.String()); diff != "" {
				t.Errorf("stderr (-want +got):\n%s", diff)
			}
		})
	}
}
