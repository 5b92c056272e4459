package command

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/query"
)

// printAnswer prints what a person wants to see: the answer, its citations, and where the time went. Warnings go to
// stderr, so that a script that keeps stdout has the answer alone.
func printAnswer(stdout, stderr io.Writer, r *query.Result) {
	for _, w := range r.Warnings {
		fmt.Fprintf(stderr, "warning: %s: %s\n", w.Stage, w.Message)
	}
	fmt.Fprintln(stdout, strings.TrimSpace(r.Answer))
	if len(r.Passages) > 0 {
		fmt.Fprint(stdout, "\nCitations\n")
	}
	for i := range r.Passages {
		fmt.Fprintf(stdout, "  [%d] %s (score %.2f)\n", i+1, place(&r.Passages[i]), r.Passages[i].Score)
	}
	fmt.Fprintf(stdout, "\nTimes: %s\n", stageTimes(&r.Times))
}

// place says where a passage stands: the document, then the page and the heading where there are such.
func place(p *query.Passage) string {
	parts := []string{p.Document}
	if p.Page > 0 {
		parts = append(parts, fmt.Sprintf("page %d", p.Page))
	}
	if p.Heading != "" {
		parts = append(parts, p.Heading)
	}
	return strings.Join(parts, ", ")
}

func stageTimes(t *query.Times) string {
	var parts []string
	for _, s := range []struct {
		name string
		took time.Duration
	}{{"retrieval", t.Retrieval}, {"reranking", t.Reranking}, {"answer", t.LLM}, {"total", t.Total}} {
		if s.took > 0 {
			parts = append(parts, s.name+" "+milliseconds(s.took))
		}
	}
	return strings.Join(parts, ", ")
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
