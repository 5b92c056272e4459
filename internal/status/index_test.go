package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// indexOf is the index status at the end of a history.
func indexOf(t *testing.T, steps []step) *v1alpha1.IndexStatus {
	t.Helper()
	return testCase{steps: steps}.run(t, func(*world) {}).p.Status.Index
}

func TestIndexOfAReadyPipeline(t *testing.T) {
	want := &v1alpha1.IndexStatus{
		Generation: first, Documents: 208, Chunks: 1400, FailedDocuments: 2, EmbeddingModel: "nvidia/embed", Dimensions: 1024,
		LastSyncTime: new(metav1.NewTime(noon.Add(-time.Minute))),
		Failures: []v1alpha1.DocumentFailure{
			{Document: "papers/locked.pdf", Reason: "Encrypted", Message: "a password is needed"},
			{Document: "papers/scan.pdf", Reason: "NoTextLayer", Message: "its pages are images"},
		},
	}
	for name, steps := range map[string][]step{
		"as a gateway reports it":                    fromReady(),
		"while no report can be read":                fromReady(at(time.Minute, unreadable)),
		"while the store is down":                    fromReady(at(time.Minute, stageFails(config.StageIndex, "IndexUnreachable", "", 0), emptied)),
		"after its run's Job is gone":                fromReady(at(time.Minute, func(w *world) { w.o.Run = nil }, unreadable)),
		"while a gateway still has another index":    fromReady(at(time.Minute, func(w *world) { w.o.Gateways = append(w.o.Gateways, other()) })),
		"while a gateway has not seen the last sync": fromReady(at(time.Minute, func(w *world) { w.o.Gateways = append(w.o.Gateways, stale()) })),
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(want, indexOf(t, steps)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func emptied(w *world) { w.o.Gateways[0].Index = config.IndexStatus{} }

func other() config.OpsStatus {
	r := report(second, true)
	r.Index.LastSync = noon.Add(time.Hour)
	return r
}

func stale() config.OpsStatus {
	r := report(first, true)
	r.Index.Documents, r.Index.LastSync = 3, noon.Add(-time.Hour)
	return r
}

func TestARunsSummaryIsTakenUntilAGatewayReports(t *testing.T) {
	got := indexOf(t, fromReady(at(time.Minute, edit, rebuilds(40, 200)), at(time.Minute, switched)))
	want := &v1alpha1.IndexStatus{
		Generation: second, Documents: 200, Chunks: 2600, FailedDocuments: 1, LastSyncTime: new(metav1.NewTime(noon.Add(10 * time.Minute))),
		EmbeddingModel: "nvidia/embed", Failures: []v1alpha1.DocumentFailure{{Document: "papers/locked.pdf", Reason: "Encrypted"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheIndexTellsWhatItLacks(t *testing.T) {
	want := &v1alpha1.IndexStatus{
		FailureReasons:        []v1alpha1.ReasonCount{{Reason: "Encrypted", Documents: 1}, {Reason: "NoTextLayer", Documents: 1}},
		DocumentsWithWarnings: 12,
		WarningReasons:        []v1alpha1.ReasonCount{{Reason: "PagesWithoutText", Documents: 9}, {Reason: "HiddenText", Documents: 5}},
		Warnings: []v1alpha1.DocumentWarning{
			{Document: "papers/a.docx", Reason: "HiddenText", Count: 2},
			{Document: "papers/a.docx", Reason: "PagesWithoutText", Count: 1},
			{Document: "papers/b.pdf", Reason: "PagesWithoutText", Count: 4, Places: []string{"page 2", "page 3", "page 5"}},
		},
	}
	summarised := func(w *world) {
		partlyReads(w)
		w.o.Run.Summary.Losses = w.o.Gateways[0].Index.Losses
		w.o.Gateways = nil
	}
	for name, steps := range map[string][]step{
		"as a gateway reports it":     fromReady(at(time.Minute, partlyReads)),
		"while no report can be read": fromReady(at(time.Minute, partlyReads), at(time.Minute, unreadable)),
		"as the run leaves it":        fromStart(running1, at(time.Minute, serves, summarised)),
	} {
		t.Run(name, func(t *testing.T) {
			got := indexOf(t, steps)
			lacks := &v1alpha1.IndexStatus{
				FailureReasons: got.FailureReasons, DocumentsWithWarnings: got.DocumentsWithWarnings,
				WarningReasons: got.WarningReasons, Warnings: got.Warnings,
			}
			if diff := cmp.Diff(want, lacks); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	mended := indexOf(t, fromReady(at(time.Minute, partlyReads), at(time.Minute, serves)))
	if mended.DocumentsWithWarnings != 0 || mended.Warnings != nil || mended.FailureReasons != nil {
		t.Errorf("after a run that read everything: %+v", mended)
	}
}

func TestWarningsFitTheSchema(t *testing.T) {
	l := config.Losses{Reasons: map[config.Reason]int{}, WarningReasons: map[config.WarningReason]int{"": -3}, Warned: -1}
	for i := range 50 {
		long := strings.Repeat("ü", 2000) + fmt.Sprint(i)
		l.Reasons[config.Reason(fmt.Sprint(i)+long)] = i
		l.WarnedDocuments = append(l.WarnedDocuments, config.WarnedDocument{Document: fmt.Sprintf("papers/%02d%s", 49-i, long), Warnings: config.Warnings{
			{Reason: "HiddenText", Count: 1, Places: []string{long, "\x1b[2J", "\xff", "a fourth"}},
			{Reason: config.WarningReason(fmt.Sprintf("R%d", i/7)), Count: -1},
		}})
	}
	l.WarnedDocuments = append(l.WarnedDocuments, l.WarnedDocuments[0])
	var s v1alpha1.IndexStatus
	takeLosses(&s, l)
	if len(s.FailureReasons) != 32 || s.WarningReasons != nil || s.DocumentsWithWarnings != 0 || len(s.Warnings) != 10 {
		t.Fatalf("%d and %d reasons, %d documents, %d warnings", len(s.FailureReasons), len(s.WarningReasons), s.DocumentsWithWarnings, len(s.Warnings))
	}
	reasons := map[string]bool{}
	for i, w := range s.Warnings {
		reasons[w.Reason] = true
		if len([]rune(w.Document)) > 1024 || len(w.Places) > 3 || w.Count < 0 {
			t.Errorf("warning %d does not fit: %+v", i, w)
		}
		for _, place := range w.Places {
			if len([]rune(place)) > 128 || strings.ContainsRune(place, '\x1b') {
				t.Errorf("warning %d: place %q", i, place)
			}
		}
	}
	if len(reasons) != 9 { // HiddenText, and R0 to R7
		t.Errorf("the examples have %d reasons: %v", len(reasons), reasons)
	}
}

func TestProgressMovesByWholePercentsAndPhases(t *testing.T) {
	removing := func(w *world) {
		w.o.Run.Reports[0].Progress = &config.Progress{Phase: "Removing", DocumentsDone: 2000, DocumentsTotal: 2000}
	}
	silent := func(w *world) { w.o.Run.Reports = nil }
	another := func(w *world) {
		w.o.Run.Reports = append(w.o.Run.Reports, config.OpsStatus{}, config.OpsStatus{Progress: &config.Progress{DocumentsDone: 100, DocumentsTotal: 500}})
	}
	ended := func(w *world) {
		w.o.Run.Ended = []config.Progress{{Phase: config.PhaseDone, DocumentsDone: 500, DocumentsTotal: 500}}
	}
	counted := func(w *world) {
		w.o.Run.Reports[0].Progress.AllDocuments = 3000
		w.o.Run.Reports = append(w.o.Run.Reports, config.OpsStatus{Progress: &config.Progress{Phase: config.PhaseListing}})
	}
	for _, c := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"a run has begun", fromReady(at(0, rebuilds(0, 0))), "2222bbbb Indexing 0/0"},
		{"it has counted its documents", fromReady(at(0, rebuilds(0, 0)), at(0, rebuilds(0, 2000))), "2222bbbb Indexing 0/2000"},
		{"less than a percent was done", fromReady(at(0, rebuilds(0, 2000)), at(0, rebuilds(19, 2000))), "2222bbbb Indexing 0/2000"},
		{"a percent was done", fromReady(at(0, rebuilds(0, 2000)), at(0, rebuilds(21, 2000))), "2222bbbb Indexing 21/2000"},
		{"another phase has begun", fromReady(at(0, rebuilds(2000, 2000)), at(0, removing)), "2222bbbb Removing 2000/2000"},
		{"several pods work", fromReady(at(0, rebuilds(40, 2000), another)), "2222bbbb Indexing 140/2500"},
		{"a worker has ended", fromReady(at(0, rebuilds(40, 2000), ended)), "2222bbbb Indexing 540/2500"},
		{"a worker has not listed yet", fromReady(at(0, rebuilds(40, 1000), counted)), "2222bbbb Listing 40/3000"},
		{"its report cannot be read", fromReady(at(0, rebuilds(40, 2000)), at(0, silent)), "2222bbbb Indexing 40/2000"},
		{"its report could never be read", fromReady(at(0, rebuilds(40, 2000), silent)), "nothing"},
		{"it waits", fromReady(at(0, rebuilds(40, 2000)), at(0, runWaits)), "nothing"},
		{"it has ended", fromReady(at(0, rebuilds(40, 2000)), at(0, switched)), "nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := "nothing"
			if b := indexOf(t, c.steps).Building; b != nil {
				got = fmt.Sprintf("%s %s %d/%d", b.Generation, b.Phase, b.DocumentsDone, b.DocumentsTotal)
			}
			if got != c.want {
				t.Errorf("building %s, want %s", got, c.want)
			}
		})
	}
}

// The rate and the end change with the figures, and no message has them.
func TestWhatIsBeingBuiltHasItsRateEndAndCause(t *testing.T) {
	at40 := func(w *world) {
		rebuilds(40, 200)(w)
		p := w.o.Run.Reports[0].Progress
		p.Chunks, p.ChunksPerSecond, p.SecondsLeft = 280, 12.34, 90
		w.o.Build = &Build{Chunks: 1400, Changes: []config.Change{{Field: "spec.models.embedding", Old: "a", New: "b", Cause: config.ModelChanged}}}
	}
	faster := func(w *world) { w.o.Run.Reports[0].Progress.ChunksPerSecond = 99 }
	status := indexOf(t, fromReady(at(time.Minute, edit, at40), at(time.Minute, faster)))
	end := *status.Building.EstimatedEnd
	status.Building.EstimatedEnd = nil
	want := v1alpha1.Building{
		Generation: second, Phase: "Indexing", DocumentsDone: 40, DocumentsTotal: 200,
		ChunksDone: 280, ChunksTotal: 1400, ChunksPerSecond: "12.3",
		Reason: "ModelChanged", Message: "spec.models.embedding: a -> b",
	}
	if diff := cmp.Diff(want, *status.Building); diff != "" {
		t.Errorf("building (-want +got):\n%s", diff)
	}
	// From apply: 1 minute to the objects, 1 to the models, 2 to the first answer, 1 to this, and then 90 seconds.
	if got := end.Sub(noon); got != 6*time.Minute+30*time.Second {
		t.Errorf("it is to end %s after the beginning", got)
	}
}

// During an update in place, the counts of the index cause no writes between whole percents.
func TestFiguresRestWhileProgressDoes(t *testing.T) {
	updates := func(done, chunks int) func(*world) {
		return func(w *world) {
			w.o.Run = &Run{State: RunActive, Generation: first, Reports: []config.OpsStatus{{Progress: &config.Progress{Phase: "Indexing", DocumentsDone: done, DocumentsTotal: 2000}}}}
			w.o.Gateways[0].Index.Chunks = chunks
		}
	}
	if got := indexOf(t, fromReady(at(0, updates(0, 1400)), at(0, updates(3, 1430)))).Chunks; got != 1400 {
		t.Errorf("got %d chunks within a percent, want 1400", got)
	}
	if got := indexOf(t, fromReady(at(0, updates(0, 1400)), at(0, updates(21, 1500)))).Chunks; got != 1500 {
		t.Errorf("got %d chunks after a percent, want 1500", got)
	}
}

func TestFailuresFitTheSchema(t *testing.T) {
	var list []config.FailedDocument
	for i := range 15 {
		list = append(list, config.FailedDocument{Document: fmt.Sprintf("papers/%02d-%s", 14-i, strings.Repeat("ü", 2000)), Reason: "Malformed\x00" + config.Reason(strings.Repeat("x", 90)), Message: "\xff" + strings.Repeat("y", 3000)})
	}
	list = append(list, list[0])
	got := failures(list)
	if len(got) != 10 || !strings.HasPrefix(got[0].Document, "papers/00-") {
		t.Fatalf("got %d failures, the first %.12s", len(got), got[0].Document)
	}
	for i, f := range got {
		if len([]rune(f.Document)) > 1024 || len([]rune(f.Reason)) > 64 || len([]rune(f.Message)) > 1024 {
			t.Errorf("failure %d is too long", i)
		}
		if i > 0 && got[i-1].Document >= f.Document {
			t.Errorf("failure %d is out of order, or twice", i)
		}
	}
}

func TestAnIndexThatWasBuiltSinceTheGatewayLookedIsNotCalledGone(t *testing.T) {
	for name, c := range map[string]struct {
		built func(*world)
		want  string
	}{
		"before it looked": {func(*world) {}, string(config.IndexNotBuilt)},
		"since":            {func(w *world) { w.o.Run.Finished = noon.Add(time.Second) }, v1alpha1.ReasonReady},
		"since, while its Job ends": {func(w *world) {
			w.o.Run.State, w.o.Run.Finished = RunActive, time.Time{}
			for i := range w.o.Gateways {
				w.o.Gateways[i].Index.LastSync = noon.Add(time.Second)
			}
		}, v1alpha1.ReasonReady},
	} {
		t.Run(name, func(t *testing.T) {
			gone := stageFails(config.StageIndex, config.IndexNotBuilt, "the index is not built yet", 0)
			w := testCase{steps: fromReady(at(time.Minute, gone, c.built))}.run(t, func(*world) {})
			if got := meta.FindStatusCondition(w.p.Status.Conditions, v1alpha1.ConditionIndexReady); got == nil || got.Reason != c.want {
				t.Errorf("IndexReady is %+v, want the reason %s", got, c.want)
			}
		})
	}
}

func TestTheSourcesOfTheSpec(t *testing.T) {
	success := new(metav1.NewTime(noon))
	both := []v1alpha1.SourceStatus{
		{Name: "papers", Documents: 50, Scanned: 10, Added: 1, Unchanged: 9, HeldBack: 40, StraySidecars: 2, LastSuccessTime: success},
		{Name: "talks", Documents: 12, Scanned: 12, Unchanged: 12, LastSuccessTime: success},
	}
	brief := func(w *world) {
		w.p.Spec.Documents = []v1alpha1.Source{{Name: "papers"}, {Name: "talks"}}
		w.o.Run = &Run{State: RunFailed, Generation: first, Finished: noon, Summary: &config.Summary{Synced: config.Synced{
			Sources: []config.SourceSync{{Name: "talks", Error: "no \x1bsuch bucket"}, {Name: "papers", Documents: 3, Scanned: 3, Added: 3}},
		}}}
	}
	for name, c := range map[string]struct {
		steps []step
		want  []v1alpha1.SourceStatus
	}{
		"the gateway reports them": {fromReady(at(time.Minute, holdsBack(40, 0))), both},
		"no report can be read":    {fromReady(at(time.Minute, holdsBack(40, 0)), at(time.Minute, unreadable)), both},
		"one has left the spec":    {fromReady(at(time.Minute, holdsBack(40, 0)), at(time.Minute, func(w *world) { w.p.Spec.Documents = w.p.Spec.Documents[1:] })), both[1:]},
		"before the first index, a run": {fromStart(running1, at(time.Minute, brief)), []v1alpha1.SourceStatus{
			{Name: "papers", Documents: 3, Scanned: 3, Added: 3, LastSuccessTime: success}, {Name: "talks", Message: "no such bucket"},
		}},
	} {
		got := testCase{steps: c.steps}.run(t, func(*world) {}).p.Status.Sources
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAProvedRemovalIsToldOnce(t *testing.T) {
	proof := func(documents int, at time.Time) func(*world) {
		return func(w *world) {
			w.o.Gateways[0].Index.Synced.Removed = config.Removed{Documents: documents, VerifiedAt: at}
		}
	}
	w := testCase{steps: fromReady(at(time.Minute, proof(3, noon)))}.run(t, func(*world) {})
	want := &v1alpha1.RemovedStatus{Documents: 3, VerifiedAt: metav1.NewTime(noon)}
	if diff := cmp.Diff(want, w.p.Status.Index.Removed); diff != "" {
		t.Errorf("status.index.removed (-want +got):\n%s", diff)
	}
	removals := func(before, now *v1alpha1.RemovedStatus) (told []string) {
		for _, e := range indexEvents(&v1alpha1.IndexStatus{Removed: before}, &v1alpha1.IndexStatus{Removed: now}) {
			told = append(told, e.Reason+": "+e.Message)
		}
		return told
	}
	message := "Removed: 3 documents that the sources no longer list: removed, and asked for in the store, which has nothing of them any more"
	if diff := cmp.Diff([]string{message}, removals(nil, want)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if told := removals(want, want.DeepCopy()); len(told) > 0 {
		t.Errorf("the same proof is told again: %q", told)
	}
}
