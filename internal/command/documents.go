package command

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/client"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
)

type documentsFlags struct {
	connection
	state, source string
}

func newDocumentsCommand() *cobra.Command {
	var f documentsFlags
	cmd := &cobra.Command{
		Use:   "documents NAME",
		Short: "List the documents of a pipeline's index",
		Example: `  ragpipeline documents quickstart
  ragpipeline documents quickstart --source papers --state Indexed -o json`,
		RunE: f.ofPipeline(f.run),
	}
	f.register(cmd)
	cmd.Flags().StringVar(&f.state, "state", "", "list those that are Indexed, or Failed, alone")
	cmd.Flags().StringVar(&f.source, "source", "", "list those of a source alone")
	complete(cmd, "state", cobra.FixedCompletions([]string{"Indexed", "Failed"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (f *documentsFlags) run(ctx context.Context, name string) error {
	g, end, err := f.gateway(ctx, name)
	if err != nil {
		return err
	}
	defer end()
	all, err := listed(ctx, g, client.Selection{State: f.state})
	if err != nil {
		return err
	}
	if f.source != "" {
		all = slices.DeleteFunc(all, func(d gateway.Document) bool { return d.Source != f.source })
	}
	if f.json() {
		return json.NewEncoder(f.stdout).Encode(gateway.DocumentPage{Documents: all})
	}
	if len(all) == 0 {
		fmt.Fprintln(f.stderr, "no documents found")
		return nil
	}
	now := time.Now()
	row, flush := table(f.stdout, "DOCUMENT", "STATE", "CHUNKS", "WARNINGS", "UPDATED", "TITLE")
	for _, d := range all {
		row(d.DocumentID, cmp.Or(string(d.Reason), string(d.State)), strconv.Itoa(d.Chunks), strconv.Itoa(len(d.Warnings)),
			age(d.Updated, now), d.Title)
	}
	return flush()
}

// listed returns the selected documents. It never returns nil, which in JSON would not be a list.
func listed(ctx context.Context, g *client.Client, s client.Selection) ([]gateway.Document, error) {
	all := []gateway.Document{}
	err := g.Documents(ctx, s, func(d gateway.Document) error {
		all = append(all, d)
		return nil
	})
	return all, err
}

func newFailuresCommand() *cobra.Command {
	var f connection
	cmd := &cobra.Command{
		Use:   "failures NAME",
		Short: "List the documents that are not in the index, or only in part, with reason and remedy",
		RunE:  f.ofPipeline(f.failures),
	}
	f.register(cmd)
	return cmd
}

func (c *connection) failures(ctx context.Context, name string) error {
	g, end, err := c.gateway(ctx, name)
	if err != nil {
		return err
	}
	defer end()
	failed, err := listed(ctx, g, client.Selection{State: "Failed"})
	if err != nil {
		return err
	}
	warned, err := listed(ctx, g, client.Selection{Warnings: true})
	switch {
	case err != nil:
		return err
	case c.json():
		return json.NewEncoder(c.stdout).Encode(gateway.DocumentPage{Documents: append(failed, warned...)})
	case len(failed)+len(warned) == 0:
		fmt.Fprintln(c.stderr, "every document is in the index, and was read as a whole")
		return nil
	}
	if err := c.printFailed(failed, name); err != nil || len(warned) == 0 {
		return err
	}
	return c.printWarned(warned)
}

func (c *connection) printFailed(failed []gateway.Document, name string) error {
	if len(failed) == 0 {
		return nil
	}
	parked := false
	row, flush := table(c.stdout, "NOT IN THE INDEX", "REASON", "ATTEMPTS", "MESSAGE")
	for _, d := range failed {
		attempts := strconv.Itoa(d.Attempts)
		if d.Parked {
			attempts, parked = attempts+", parked", true
		}
		row(d.DocumentID, string(d.Reason), attempts, d.Message)
	}
	if err := flush(); err != nil {
		return err
	}
	if parked {
		retry := "`ragpipeline sync " + name + " --retry-failed`"
		if c.url != "" {
			retry = "`run` with --retry-failed"
		}
		fmt.Fprintf(c.stdout, "\nParked documents are read again when they change, or by %s.\n", retry)
	}
	fmt.Fprintln(c.stdout)
	return nil
}

func (c *connection) printWarned(warned []gateway.Document) error {
	row, flush := table(c.stdout, "ONLY IN PART", "REASON", "COUNT", "PLACES")
	for _, d := range warned {
		for _, w := range d.Warnings {
			places := strings.Join(w.Places, ", ")
			if w.Count > len(w.Places) && len(w.Places) > 0 {
				places += ", ..."
			}
			row(d.DocumentID, string(w.Reason), strconv.Itoa(w.Count), places)
		}
	}
	return flush()
}
