package command

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/ragpipeline/ragpipeline/internal/client"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/ingest"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

// answerOf is what is printed of an answer's body.
func answerOf(c *gateway.Completion) *client.Answer {
	return &client.Answer{
		Text:      c.Choices[0].Message.Content,
		Citations: c.Citations.Results,
		Cited:     c.Cited,
		Warnings:  c.Warnings,
		Metrics:   c.Metrics,
	}
}

// printWarnings prints the warnings of a reply to stderr, so that stdout holds the answer alone.
func printWarnings(stderr io.Writer, warnings []query.Warning) {
	for _, w := range warnings {
		fmt.Fprintf(stderr, "warning: %s: %s\n", w.Stage, ingest.Printable(w.Message))
	}
}

// printAnswer prints the answer, its citations, and the time of each stage.
func printAnswer(stdout io.Writer, a *client.Answer) {
	fmt.Fprintln(stdout, withoutControls(strings.TrimSpace(a.Text)))
	printCitations(stdout, a)
}

// printCitations prints what stands below an answer.
func printCitations(stdout io.Writer, a *client.Answer) {
	switch {
	case len(a.Citations) == 0:
	case a.Cited != nil && len(a.Cited) == 0:
		fmt.Fprint(stdout, "\nPassages, none of them cited\n")
	default:
		fmt.Fprint(stdout, "\nCitations\n")
	}
	for i := range a.Citations {
		note := ""
		if len(a.Cited) > 0 && !slices.Contains(a.Cited, i+1) {
			note = ", not cited"
		}
		c := &a.Citations[i]
		fmt.Fprintf(stdout, "  [%d] %s (score %.2f%s)\n", i+1, location(c), c.Score, note)
	}
	fmt.Fprintf(stdout, "\nTimes: %s\n", stageTimes(&a.Metrics))
}

// withoutControls is a text without the characters by which a passage could drive the terminal.
func withoutControls(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' && c != '\t' || unicode.Is(unicode.Bidi_Control, c) {
			return -1
		}
		return c
	}, text)
}

// location names a passage's document, then its page and heading if it has them.
func location(c *gateway.Citation) string {
	parts := []string{c.DocumentID}
	if place := c.Metadata; place.PageNumber > 0 {
		parts = append(parts, fmt.Sprintf("%s %d", place.PageKind, place.PageNumber))
	}
	if c.Metadata.Heading != "" {
		parts = append(parts, c.Metadata.Heading)
	}
	return ingest.Printable(strings.Join(parts, ", "))
}

func stageTimes(m *gateway.Metrics) string {
	var parts []string
	for _, s := range []struct {
		name string
		took float64
	}{{"retrieval", m.Retrieval}, {"reranking", m.Reranking}, {"answer", m.Generation}, {"total", m.Total}} {
		if s.took > 0 {
			parts = append(parts, fmt.Sprintf("%s %.1f ms", s.name, s.took))
		}
	}
	return strings.Join(parts, ", ")
}
