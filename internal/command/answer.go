package command

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/ingest"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// printWarnings prints the warnings of a reply to stderr, so that stdout holds the answer alone.
func printWarnings(stderr io.Writer, r *query.Result) {
	for _, w := range r.Warnings {
		fmt.Fprintf(stderr, "warning: %s: %s\n", w.Stage, ingest.Printable(w.Message))
	}
}

// printAnswer prints the answer, its citations, and the time of each stage.
func printAnswer(stdout io.Writer, r *query.Result) {
	fmt.Fprintln(stdout, withoutControls(strings.TrimSpace(r.Answer)))
	switch {
	case len(r.Passages) == 0:
	case r.Cited != nil && len(r.Cited) == 0:
		fmt.Fprint(stdout, "\nPassages, none of them cited\n")
	default:
		fmt.Fprint(stdout, "\nCitations\n")
	}
	for i := range r.Passages {
		note := ""
		if len(r.Cited) > 0 && !slices.Contains(r.Cited, i+1) {
			note = ", not cited"
		}
		fmt.Fprintf(stdout, "  [%d] %s (score %.2f%s)\n", i+1, location(&r.Passages[i]), r.Passages[i].Score, note)
	}
	fmt.Fprintf(stdout, "\nTimes: %s\n", stageTimes(&r.Times))
}

// withoutControls is a text without the characters by which a passage could drive the terminal.
func withoutControls(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' && c != '\t' {
			return -1
		}
		return c
	}, text)
}

// location names a passage's document, then its page and heading if it has them.
func location(p *query.Passage) string {
	parts := []string{p.Document}
	if page := p.PageName(); page != "" {
		parts = append(parts, page)
	}
	if p.Heading != "" {
		parts = append(parts, p.Heading)
	}
	return ingest.Printable(strings.Join(parts, ", "))
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
