package ingest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Report says what a run did. Its JSON is for programs, String for people, Summary for the pod's
// termination message.
type Report struct {
	Pipeline   string `json:"pipeline"`
	Generation string `json:"generation"` // fingerprint

	// Listed counts the documents of all sources. After a run that was not stopped it is the sum of the next
	// four.
	Listed    int `json:"listed"`
	Unchanged int `json:"unchanged"` // indexed as they are
	Added     int `json:"added"`     // indexed, and were not before
	Changed   int `json:"changed"`   // indexed anew, for other content, metadata or readers
	Failed    int `json:"failed"`    // failed by themselves, in this run or before and unchanged since
	Removed   int `json:"removed"`   // in the ledger, and in no source any more
	// Skipped counts those of the failed documents that were not read, because they are parked.
	Skipped int `json:"skipped,omitempty"`
	// Kept and HeldBack count those that no source has any more and the index keeps: because it keeps all such, or
	// because more of a source vanished than a run may remove.
	Kept     int `json:"kept,omitempty"`
	HeldBack int `json:"heldBack,omitempty"`

	// Indexed and Chunks count what the index now holds of the listed documents.
	Indexed int `json:"indexed"`
	Chunks  int `json:"chunks"`

	// Of the chunks of added and changed documents, Embedded went to the model, Reused did not, since this generation
	// or another one had their vectors, and of Truncated the model saw only the beginning.
	Embedded  int `json:"chunksEmbedded"`
	Reused    int `json:"chunksReused"`
	Truncated int `json:"chunksTruncated"`

	// ChunksPerSecond is how many chunks were embedded in a second of indexing, by all workers together.
	// ChunkCounts are of a sample of the texts that were read.
	ChunksPerSecond float64            `json:"chunksPerSecond,omitempty"`
	ChunkCounts     config.ChunkCounts `json:"chunkCounts,omitempty"`

	Bytes    int64                   `json:"bytes"`              // read from the sources
	Failures []config.FailedDocument `json:"failures,omitempty"` // the first 10, by document
	Warnings []string                `json:"warnings,omitempty"`
	config.Losses
	// Synced has the counts of each source, and the last proof of a removal.
	Synced config.Synced `json:"synced,omitzero"`

	Seconds float64 `json:"seconds"`
	// StageSeconds sums the time in each stage over all that work in it at once, so it may exceed Seconds.
	StageSeconds map[string]float64 `json:"stageSeconds,omitempty"`
	// Unfinished reports whether other workers were still to do their shares of the run when this one was done. The
	// last of them completes the generation.
	Unfinished bool `json:"-"`
	// Error is why the run failed, empty when it did not; Reason is one word for it, where there is one.
	Error  string         `json:"error,omitempty"`
	Reason config.Failure `json:"reason,omitempty"`
}

// DocumentsPerSecond is the run's rate over all listed documents.
func (r *Report) DocumentsPerSecond() float64 {
	if r.Seconds == 0 {
		return 0
	}
	return float64(r.Listed) / r.Seconds
}

// slow is the run, in seconds, whose report says where the time went.
const slow = 2

// String is the report for people, without a newline at the end: a line of counts that leaves out what is zero, the
// stages of a run that took long, and each failure and warning.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s in %s", r.documents(), plural(r.Chunks, "chunk", "chunks"))
	if r.Listed > 0 && r.Unchanged == r.Listed && r.Removed == 0 {
		b.WriteString(", all unchanged: nothing to embed")
	} else {
		fmt.Fprintf(&b, ": %s", cmp.Or(r.outcomes(), "nothing was done"))
	}
	if r.Seconds >= slow {
		fmt.Fprintf(&b, "; %.1f s\n  %.1f documents/s: %s", r.Seconds, r.DocumentsPerSecond(), r.times())
	}
	r.writeFailures(&b)
	r.writeWarned(&b)
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "\nwarning: %s", warning)
	}
	return b.String()
}

func (r *Report) documents() string {
	if r.Indexed == r.Listed {
		return plural(r.Listed, "document", "documents")
	}
	return fmt.Sprintf("%d of %s", r.Indexed, plural(r.Listed, "document", "documents"))
}

// outcomes are the counts of documents, then of chunks, that are not zero.
func (r *Report) outcomes() string {
	documents := nonzero(count{r.Added, "added"}, count{r.Changed, "changed"}, count{r.Unchanged, "unchanged"},
		count{r.Removed, "removed"}, count{r.Kept, "kept"}, count{r.HeldBack, "held back"}, count{r.Failed, "failed"})
	chunks := nonzero(count{r.Embedded, "embedded"}, count{r.Reused, "reused"}, count{r.Truncated, "truncated"})
	if chunks != "" {
		return documents + "; chunks: " + chunks
	}
	return documents
}

type count struct {
	n    int
	what string
}

func nonzero(counts ...count) string {
	var parts []string
	for _, c := range counts {
		if c.n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

// times lists the stages in the order in which a document passes them.
func (r *Report) times() string {
	var parts []string
	for _, stage := range []string{stageRead, stageExtract, stageSplit, stageEmbed, stageWrite} {
		parts = append(parts, fmt.Sprintf("%s %.2f s", stage, r.StageSeconds[stage]))
	}
	return strings.Join(parts, ", ")
}

func (r *Report) writeFailures(b *strings.Builder) {
	if r.Failed == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, f := range r.Failures {
		what := "failed"
		if f.Parked {
			what = "failed, parked"
		}
		fmt.Fprintf(w, "\n%s\t%s\t%s\t%s", what, Printable(f.Document), f.Reason, Printable(f.Message))
	}
	if more := r.Failed - len(r.Failures); more > 0 {
		fmt.Fprintf(w, "\nfailed\tand %d more; of all, %s", more, config.Counts(r.Reasons))
	}
	w.Flush()
}

// writeWarned lists the documents of which something is missing: with a line each, as failures have.
func (r *Report) writeWarned(b *strings.Builder) {
	if r.Warned == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, d := range r.WarnedDocuments {
		warnings := make([]string, len(d.Warnings))
		for i, warning := range d.Warnings {
			warnings[i] = warning.String()
		}
		fmt.Fprintf(w, "\npartly read\t%s\t%s", Printable(d.Document), Printable(strings.Join(warnings, "; ")))
	}
	if more := r.Warned - len(r.WarnedDocuments); more > 0 {
		fmt.Fprintf(w, "\npartly read\tand %d more; of all, %s", more, config.Counts(r.WarningReasons))
	}
	w.Flush()
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Bounds of the summary's texts, in bytes, and of its lists. Without its examples, it has sixteen counts of at most
// 20 digits with names of at most 21 bytes (16 * 45 = 720), eleven reasons of failures and ten of warnings (21 * 44
// + 40 = 964), the pipeline and generation (260), an error (560) and its reason (40), and the last proof of a removal
// (100): 2,644 bytes, because no character in it needs escaping. Sources and then examples are added as long as the
// whole stays under config.MaxSummaryBytes; 32 sources of usual names and sizes fit. The index keeps all of them.
const (
	summaryPipeline = 200
	summaryExamples = 5 // of failed documents, and of documents with warnings
	summaryDocument = 96
	summaryReason   = 20
	summaryMessage  = 176
	summaryPlaces   = 3
	summaryPlace    = 40
	summaryError    = 500
)

// Summary is the report in brief: counts, a few examples, names and messages cut. Its JSON has at most
// config.MaxSummaryBytes.
func (r *Report) Summary() config.Summary {
	s := config.Summary{
		Pipeline:   cut(r.Pipeline, summaryPipeline),
		Generation: cut(r.Generation, summaryReason),
		Listed:     r.Listed, Unchanged: r.Unchanged, Added: r.Added, Changed: r.Changed, Failed: r.Failed,
		Removed: r.Removed, Skipped: r.Skipped, Kept: r.Kept, HeldBack: r.HeldBack,
		Indexed: r.Indexed, Chunks: r.Chunks, Embedded: r.Embedded, Reused: r.Reused, Truncated: r.Truncated,
		Losses: config.Losses{Reasons: r.Reasons, Warned: r.Warned, WarningReasons: r.WarningReasons},
		Synced: config.Synced{Removed: r.Synced.Removed},
		Bytes:  r.Bytes, Seconds: float64(int64(r.Seconds*10)) / 10,
		Error: cut(r.Error, summaryError), Reason: config.Failure(cut(string(r.Reason), summaryReason)),
	}
	for _, source := range r.briefSources() {
		fuller := s
		fuller.Synced.Sources = append(slices.Clip(s.Synced.Sources), source)
		if len(fuller.JSON()) > config.MaxSummaryBytes {
			break
		}
		s = fuller
	}
	for i := range summaryExamples {
		fuller := s
		if i < len(r.Failures) {
			fuller.Failures = append(fuller.Failures, briefFailure(r.Failures[i]))
		}
		if i < len(r.WarnedDocuments) {
			fuller.WarnedDocuments = append(fuller.WarnedDocuments, briefWarning(r.WarnedDocuments[i]))
		}
		if len(fuller.JSON()) > config.MaxSummaryBytes {
			break
		}
		s = fuller
	}
	return s
}

// briefSources are the sources, those with trouble first. The time of a success is the run's, and is left out.
func (r *Report) briefSources() []config.SourceSync {
	sources := slices.Clone(r.Synced.Sources)
	for i, s := range sources {
		sources[i].Name, sources[i].Revision = cut(s.Name, summaryPlace), ""
		if sources[i].Error = cut(s.Error, summaryMessage); s.Error == "" {
			sources[i].LastSuccess = time.Time{}
		}
	}
	slices.SortStableFunc(sources, func(a, b config.SourceSync) int {
		switch {
		case a.Troubled() == b.Troubled():
			return 0
		case a.Troubled():
			return -1
		}
		return 1
	})
	return sources
}

func briefFailure(f config.FailedDocument) config.FailedDocument {
	return config.FailedDocument{
		Parked:   f.Parked,
		Document: cut(f.Document, summaryDocument),
		Reason:   config.Reason(cut(string(f.Reason), summaryReason)),
		Message:  cut(f.Message, summaryMessage),
	}
}

func briefWarning(d config.WarnedDocument) config.WarnedDocument {
	brief := config.WarnedDocument{Document: cut(d.Document, summaryDocument)}
	for _, w := range d.Warnings {
		w.Reason = config.WarningReason(cut(string(w.Reason), summaryReason))
		w.Places = slices.Clone(w.Places[:min(len(w.Places), summaryPlaces)])
		for i, place := range w.Places {
			w.Places[i] = cut(place, summaryPlace)
		}
		brief.Warnings = append(brief.Warnings, w)
	}
	return brief
}

// cut makes s printable, free of what JSON escapes, and at most n bytes long. A cut takes the middle: the ends
// of paths and errors say most.
func cut(s string, n int) string {
	s = strings.NewReplacer(`"`, `'`, `\`, `/`).Replace(Printable(s))
	if len(s) <= n {
		return s
	}
	const gap = "…"
	head, tail := (n-len(gap))/2, len(s)-(n-len(gap))/2
	for !utf8.RuneStart(s[head]) {
		head--
	}
	for !utf8.RuneStart(s[tail]) {
		tail++
	}
	return s[:head] + gap + s[tail:]
}

// Printable puts a space for every character that would move a terminal's cursor or is not text.
func Printable(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "?"))
}
