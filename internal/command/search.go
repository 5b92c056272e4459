package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/client"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
	"github.com/ragpipeline/ragpipeline/internal/query"
)

type searchFlags struct {
	connection
	filter  string
	whyNot  string
	request gateway.SearchRequest
}

func newSearchCommand() *cobra.Command {
	var f searchFlags
	cmd := &cobra.Command{
		Use:   "search NAME QUERY",
		Short: "Find passages without an answer, and explain how they were found, or why not",
		Example: `  ragpipeline search quickstart maxSurge
  ragpipeline search quickstart "How long is a startup?" --filter '{"team": "vision"}' --explain
  ragpipeline search quickstart "How long is a startup?" --why-not docs/models.md`,
		RunE: func(cmd *cobra.Command, args []string) error {
			name, rest, err := f.named(cmd, args, "QUERY")
			if err != nil {
				return err
			}
			if f.filter != "" && !json.Valid([]byte(f.filter)) {
				return unusable{errFilter}
			}
			f.request.Query, f.request.Filter = rest[0], json.RawMessage(cmp.Or(f.filter, "null"))
			f.request.FilterExpr = json.RawMessage("null")
			f.request.Document, f.request.Explain = f.whyNot, f.request.Explain || f.whyNot != ""
			return f.run(cmd.Context(), name)
		},
	}
	f.register(cmd)
	flags := cmd.Flags()
	flags.IntVarP(&f.request.RerankerTopK, "top", "t", 0, "how many passages (default the pipeline's topN)")
	flags.IntVarP(&f.request.VDBTopK, "candidates", "k", 0, "how many candidates are reranked (default the pipeline's k)")
	flags.Float64Var(&f.request.ConfidenceThreshold, "threshold", 0, "lowest score, from 0 to 1")
	flags.StringVar(&f.filter, "filter", "", "limit the passages by metadata, as a JSON object")
	flags.BoolVar(&f.request.Explain, "explain", false, "show what each stage made of each candidate")
	flags.StringVar(&f.whyNot, "why-not", "", "explain why this document, SOURCE/PATH, is not found")
	return cmd
}

var errFilter = errors.New(`--filter must be a JSON object, such as '{"team": "vision"}'`)

func (f *searchFlags) run(ctx context.Context, name string) error {
	g, end, err := f.gateway(ctx, name)
	if err != nil {
		return err
	}
	defer end()
	found, body, err := g.Search(ctx, f.request)
	if err != nil {
		return err
	}
	if f.json() {
		_, err := fmt.Fprintf(f.stdout, "%s\n", strings.TrimSpace(string(body)))
		return err
	}
	printWarnings(f.stderr, found.Warnings)
	printPassages(f.stdout, found.Results)
	if f.request.Explain && found.Explanation == nil {
		fmt.Fprintln(f.stderr, "warning: this gateway is of a version that explains no search")
	}
	if e := found.Explanation; e != nil {
		if err := printExplanation(f.stdout, e); err != nil {
			return err
		}
	}
	if answer := (client.Answer{Metrics: found.Metrics}); len(found.Results) > 0 {
		fmt.Fprintf(f.stdout, "Times: %s\n", stageTimes(&answer.Metrics))
	}
	return nil
}

func printPassages(w io.Writer, passages []gateway.Citation) {
	if len(passages) == 0 {
		fmt.Fprint(w, "No passage matches; --explain shows why, and --why-not DOCUMENT for one document.\n\n")
	}
	for i := range passages {
		p := &passages[i]
		fmt.Fprintf(w, "[%d] %s (score %.2f)\n", i+1, location(p), p.Score)
		for line := range strings.Lines(strings.TrimSpace(p.Content)) {
			fmt.Fprintf(w, "    %s\n", strings.TrimRight(line, "\r\n"))
		}
		fmt.Fprintln(w)
	}
}

// printExplanation prints a row for each candidate, in the order of the fusion, then what became of the document that
// was asked about.
func printExplanation(w io.Writer, e *query.Explanation) error {
	fmt.Fprintf(w, "Words      %s\n", strings.Join(e.Words, " "))
	for _, leg := range []struct {
		name string
		leg  *query.Leg
	}{{"By vector", e.Vector}, {"By keyword", e.Keyword}} {
		if leg.leg == nil {
			continue
		}
		fmt.Fprintf(w, "%-10s candidates: %d", leg.name, leg.leg.Candidates)
		if leg.leg.Removed > 0 {
			fmt.Fprintf(w, "; removed by the filter: %d", leg.leg.Removed)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	row, flush := table(w, "RESULT", "VECTOR", "KEYWORD", "FUSED", "RERANKED", "OUTCOME", "PASSAGE", "WORDS")
	for i := range e.Candidates {
		c := &e.Candidates[i]
		result := "-"
		if c.Result > 0 {
			result = fmt.Sprintf("[%d]", c.Result)
		}
		row(result, standing(c.Vector), standing(c.Keyword), standing(c.Fused), standing(c.Reranking), string(c.Outcome),
			candidatePlace(c), strings.Join(c.Words, " "))
	}
	if err := flush(); err != nil {
		return err
	}
	if more := e.TotalCandidates - len(e.Candidates); more > 0 {
		fmt.Fprintf(w, "and %d more candidates\n", more)
	}
	fmt.Fprintln(w)
	if d := e.Document; d != nil {
		fmt.Fprintf(w, "%s: %s: %s\n\n", d.Document, d.Outcome, d.Message)
	}
	return nil
}

// standing is a rank with its score.
func standing(s *query.Standing) string {
	switch {
	case s == nil:
		return "-"
	case s.Rank == 0:
		return fmt.Sprintf("(%.2f)", s.Score)
	}
	return fmt.Sprintf("%d (%.2f)", s.Rank, s.Score)
}

func candidatePlace(c *query.Candidate) string {
	place := c.Document
	if c.PageNumber > 0 {
		place += fmt.Sprintf(", %d", c.PageNumber)
	}
	if c.Heading != "" {
		place += ", " + c.Heading
	}
	return place
}
