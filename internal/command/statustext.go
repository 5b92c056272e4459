package command

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/gateway"
)

// table aligns columns, as kubectl does.
func table(w io.Writer, header ...string) (row func(cells ...string), flush func() error) {
	t := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	row = func(cells ...string) {
		for i, cell := range cells {
			cells[i] = strings.Join(strings.Fields(cell), " ") // a cell is one line
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	row(header...)
	return row, t.Flush
}

// printList prints a row for each pipeline.
func printList(w io.Writer, pipelines []v1alpha1.RAGPipeline, all bool, now time.Time) error {
	header := []string{"NAME", "READY", "DOCUMENTS", "CHUNKS", "FAILED", "BUILDING", "AGE", "STATUS"}
	if all {
		header = slices.Insert(header, 0, "NAMESPACE")
	}
	row, flush := table(w, header...)
	for i := range pipelines {
		p := &pipelines[i]
		ready := readyOf(p)
		index := cmp.Or(p.Status.Index, new(v1alpha1.IndexStatus))
		building := ""
		if b := index.Building; b != nil {
			building = fmt.Sprintf("%s %d/%d", b.Phase, b.DocumentsDone, b.DocumentsTotal)
		}
		cells := []string{p.Name, string(ready.Status), count(index.Documents), count(index.Chunks),
			count(index.FailedDocuments), cmp.Or(building, "-"), age(p.CreationTimestamp.Time, now), ready.Message}
		if all {
			cells = slices.Insert(cells, 0, p.Namespace)
		}
		row(cells...)
	}
	return flush()
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func age(since, now time.Time) string { return duration.HumanDuration(now.Sub(since)) }

// readyOf is the condition Ready of the present spec.
func readyOf(p *v1alpha1.RAGPipeline) metav1.Condition {
	if p.Status.ObservedGeneration != p.Generation {
		return metav1.Condition{Status: metav1.ConditionUnknown, Message: "waiting for the operator to act on the spec"}
	}
	if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		return *c
	}
	return metav1.Condition{Status: metav1.ConditionUnknown, Message: "waiting for the operator"}
}

// printStatus prints everything that the status of a pipeline has, for people.
func printStatus(w io.Writer, p *v1alpha1.RAGPipeline, now time.Time) error {
	ready := readyOf(p)
	line := func(label, format string, args ...any) {
		fmt.Fprintf(w, "%-10s "+format+"\n", append([]any{label}, args...)...)
	}
	line("Pipeline", "%s/%s", p.Namespace, p.Name)
	line("Ready", "%s: %s", ready.Status, ready.Message)
	if p.Spec.Suspend {
		line("Suspended", "no run starts and nothing is changed until spec.suspend is false")
	}
	if p.Status.Endpoint != "" {
		line("Endpoint", "%s", p.Status.Endpoint)
	}
	printIndex(line, p, now)
	fmt.Fprintln(w)
	row, flush := table(w, "CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE")
	for _, c := range p.Status.Conditions {
		row(c.Type, string(c.Status), c.Reason, age(c.LastTransitionTime.Time, now), c.Message)
	}
	if err := flush(); err != nil || len(p.Status.Sources) == 0 {
		return err
	}
	fmt.Fprintln(w)
	return printSources(w, p, now)
}

// printSources prints what the last run found in each source.
func printSources(w io.Writer, p *v1alpha1.RAGPipeline, now time.Time) error {
	row, flush := table(w, "SOURCE", "DOCUMENTS", "ADDED", "CHANGED", "REMOVED", "FAILED", "WARNINGS", "LISTED", "MESSAGE")
	for _, s := range p.Status.Sources {
		listed := "never"
		if s.LastSuccessTime != nil {
			listed = age(s.LastSuccessTime.Time, now) + " ago"
		}
		row(s.Name, count(s.Documents), count(s.Added), count(s.Changed), count(s.Removed), count(s.Failed),
			count(s.WithWarnings), listed, sourceMessage(&s))
	}
	return flush()
}

// sourceMessage is why a source is not as its documents are.
func sourceMessage(s *v1alpha1.SourceStatus) string {
	switch {
	case s.Message != "":
		return s.Message
	case s.HeldBack > 0:
		return fmt.Sprintf("%d documents vanished and are kept until you confirm it by sync --confirm-prune", s.HeldBack)
	}
	return ""
}

func printIndex(line func(label, format string, args ...any), p *v1alpha1.RAGPipeline, now time.Time) {
	index := p.Status.Index
	if index == nil {
		line("Serving", "nothing yet")
		return
	}
	if index.Generation == "" {
		line("Serving", "nothing yet: the first index is not complete")
	} else {
		line("Serving", "%d documents in %d chunks, generation %s, embedded by %s (%d dimensions)%s",
			index.Documents, index.Chunks, index.Generation, index.EmbeddingModel, index.Dimensions,
			synced(index.LastSyncTime, now))
	}
	if b := index.Building; b != nil {
		line("Building", "%s", buildingText(b, now))
		if b.Generation != index.Generation && b.Message != "" {
			line("", "because of %s", b.Message)
		}
	}
	for _, r := range index.Retained {
		line("Retained", "generation %s for a way back, until %s", r.Generation, r.Until.Format(time.RFC3339))
	}
	if index.FailedDocuments > 0 {
		line("Failed", "%d documents (%s); `ragpipeline failures %s` lists them", index.FailedDocuments,
			reasons(index.FailureReasons), p.Name)
	}
	if index.DocumentsWithWarnings > 0 {
		line("Warnings", "documents that were only partly read: %d (%s); `ragpipeline failures %s` lists them",
			index.DocumentsWithWarnings, reasons(index.WarningReasons), p.Name)
	}
}

func synced(at *metav1.Time, now time.Time) string {
	if at == nil {
		return ""
	}
	return ", synced " + age(at.Time, now) + " ago"
}

// buildingText is how far a run is.
func buildingText(b *v1alpha1.Building, now time.Time) string {
	text := fmt.Sprintf("generation %s: %s, %d of %d documents", b.Generation, strings.ToLower(b.Phase),
		b.DocumentsDone, b.DocumentsTotal)
	if b.ChunksPerSecond != "" {
		text += ", " + b.ChunksPerSecond + " chunks a second"
	}
	if b.EstimatedEnd != nil && b.EstimatedEnd.After(now) {
		text += fmt.Sprintf(", about %s left", roughly(b.EstimatedEnd.Sub(now)))
	}
	if b.Reason != "" {
		text += " (" + b.Reason + ")"
	}
	return text
}

func reasons(counts []v1alpha1.ReasonCount) string {
	parts := make([]string, len(counts))
	for i, c := range counts {
		parts[i] = fmt.Sprintf("%s %d", c.Reason, c.Documents)
	}
	return strings.Join(parts, ", ")
}

// printIndexState prints what a gateway outside of a cluster serves.
func printIndexState(w io.Writer, url string, s *gateway.IndexState, now time.Time) {
	line := func(label, format string, args ...any) {
		fmt.Fprintf(w, "%-10s "+format+"\n", append([]any{label}, args...)...)
	}
	line("Pipeline", "%s", s.Pipeline)
	line("Gateway", "%s", url)
	if s.Ready {
		line("Ready", "True: questions are answered")
	} else {
		line("Ready", "False: no retrieval has succeeded yet")
	}
	lastSync := ""
	if !s.LastSync.IsZero() {
		lastSync = synced(&metav1.Time{Time: s.LastSync}, now)
	}
	line("Serving", "%d documents in %d chunks, generation %s, embedded by %s (%d dimensions)%s",
		s.Documents, s.Chunks, s.Generation, s.Models.Embedding, s.Dimensions, lastSync)
	line("Models", "embedding %s, reranking %s, LLM %s", s.Models.Embedding, cmp.Or(s.Models.Reranking, "none"),
		cmp.Or(s.Models.LLM, "none"))
	if s.FailedDocuments > 0 {
		line("Failed", "%d documents; `ragpipeline failures --url %s` lists them", s.FailedDocuments, url)
	}
	if s.DocumentsWithWarnings > 0 {
		line("Warnings", "documents that were only partly read: %d; `ragpipeline failures --url %s` lists them",
			s.DocumentsWithWarnings, url)
	}
}
