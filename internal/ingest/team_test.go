package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/index/local"
)

// board is the marks of a team, beside a local index that its workers share within this process.
type board struct {
	*local.Store
	mu        sync.Mutex
	marks     map[string]map[int][]byte // by run
	completed int
	fails     error // what Done returns after it has recorded the mark
}

func (b *board) as(worker int) index.Shared { return &seat{b, worker} }

func (b *board) Complete(ctx context.Context, at time.Time, losses config.Losses) error {
	b.mu.Lock()
	b.completed++
	b.mu.Unlock()
	return b.Store.Complete(ctx, at, losses)
}

// seat is one worker's view of the board.
type seat struct {
	*board
	worker int
}

func (s *seat) Done(_ context.Context, run string, report []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.marks[run] == nil {
		s.marks[run] = map[int][]byte{}
	}
	s.marks[run][s.worker] = report
	return s.fails
}

func (s *seat) Reports(_ context.Context, run string) (map[int][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.marks[run]), nil
}

func (s *seat) ForgetRuns(_ context.Context, except string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.marks, func(run string, _ map[int][]byte) bool { return run != except })
	return nil
}

// team is a world whose runs several workers share.
type team struct {
	*world
	*board
	workers int
}

func newTeam(t *testing.T, workers int) *team {
	w := newWorld(t)
	for i := range 60 {
		w.write(fmt.Sprintf("%02d.md", i), fmt.Sprintf("Document %d speaks of valve V%d.", i, i))
	}
	store := w.open()
	t.Cleanup(func() { store.Close() })
	return &team{world: w, board: &board{Store: store, marks: map[string]map[int][]byte{}}, workers: workers}
}

// remove removes documents from the source.
func (m *team) remove(names ...string) {
	m.t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(m.docs(), name)); err != nil {
			m.t.Fatal(err)
		}
	}
}

// work does one worker's share of the run.
func (m *team) work(ctx context.Context, run string, worker int) (*Report, error) {
	m.t.Helper()
	o, err := parts(m.config, m.options)
	if err != nil {
		m.t.Fatal(err)
	}
	o.Index = m.board
	o.Team = &Team{Share: index.Share{Worker: worker, Workers: m.workers}, Run: run, Index: m.as(worker)}
	return Run(ctx, o)
}

// all has every worker do its share at once, and adds up their reports.
func (m *team) all(run string) (sum Report, finished int) {
	m.t.Helper()
	var mu sync.Mutex
	var group sync.WaitGroup
	for worker := range m.workers {
		group.Go(func() {
			report, err := m.work(m.t.Context(), run, worker)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				m.t.Error(err)
			}
			sum.add(*report)
			if !report.Unfinished {
				finished++
			}
		})
	}
	group.Wait()
	return sum, finished
}

// documents are those of the ledger.
func (m *team) documents() (names []string) {
	m.t.Helper()
	rows, err := m.Documents(m.t.Context(), "", 1000)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, row := range rows {
		names = append(names, row.Document)
	}
	return names
}

func TestWorkersShareARun(t *testing.T) {
	m := newTeam(t, 4)
	sum, finished := m.all("first")
	if sum.Added != 60 || sum.Listed != 60 || sum.Indexed != 60 || finished == 0 || m.completed != finished {
		t.Errorf("%d added of %d listed, %d indexed; %d workers finished, %d completions",
			sum.Added, sum.Listed, sum.Indexed, finished, m.completed)
	}
	embedded := m.server.embedded()
	if once := slices.Compact(slices.Clone(embedded)); len(once) != 60 || len(embedded) != 60 {
		t.Errorf("%d texts were embedded, %d different ones, want 60 once each", len(embedded), len(once))
	}

	m.server.reset()
	m.write("07.md", "Another text.")
	m.remove("08.md", "09.md", "10.md", "11.md")
	sum, _ = m.all("second")
	if sum.Changed != 1 || sum.Removed != 4 || sum.Unchanged != 55 || len(m.documents()) != 56 {
		t.Errorf("%d changed, %d removed, %d unchanged, %d documents in the ledger",
			sum.Changed, sum.Removed, sum.Unchanged, len(m.documents()))
	}
	if len(m.marks) != 1 {
		t.Errorf("the marks of %d runs are left, want those of the last", len(m.marks))
	}
}

// A worker that is lost is missed by all others, and its successor completes the generation.
func TestAGenerationIsNotCompleteBeforeEveryShareIsDone(t *testing.T) {
	m := newTeam(t, 3)
	dead, die := context.WithCancel(t.Context())
	die()
	if _, err := m.work(dead, "run", 1); !errors.Is(err, context.Canceled) {
		t.Fatalf("the dead worker ended with %v", err)
	}
	for _, worker := range []int{0, 2} {
		report, err := m.work(t.Context(), "run", worker)
		if err != nil || !report.Unfinished {
			t.Errorf("worker %d: %v, unfinished %t", worker, err, report.Unfinished)
		}
	}
	if m.completed != 0 || len(m.documents()) == 60 {
		t.Fatalf("%d completions with %d documents", m.completed, len(m.documents()))
	}
	report, err := m.work(t.Context(), "run", 1)
	if err != nil || report.Unfinished || m.completed != 1 || len(m.documents()) != 60 {
		t.Errorf("the successor: %v, unfinished %t, %d completions, %d documents",
			err, report.Unfinished, m.completed, len(m.documents()))
	}
}

// A worker that died after its share was done left its report: its successor reads nothing again.
func TestAShareThatIsDoneIsNotDoneAgain(t *testing.T) {
	m := newTeam(t, 2)
	if _, err := m.work(t.Context(), "run", 0); err != nil {
		t.Fatal(err)
	}
	m.fails = errors.New("the worker died")
	before, err := m.work(t.Context(), "run", 1)
	if !errors.Is(err, m.fails) || m.completed != 0 {
		t.Fatalf("the worker ended with %v, %d completions", err, m.completed)
	}
	m.fails = nil
	m.server.reset()
	m.write("new.md", "A document that came since.")
	after, err := m.work(t.Context(), "run", 1)
	if err != nil || m.completed != 1 || len(m.server.embedded()) != 0 {
		t.Errorf("the successor ended with %v; %d completions, embedded %v", err, m.completed, m.server.embedded())
	}
	if diff := cmp.Diff([]int{before.Added, before.Chunks}, []int{after.Added, after.Chunks}); diff != "" {
		t.Errorf("the report (-worker +successor):\n%s", diff)
	}
	// Another run of the same name would be another Job: its workers find no marks.
	if sum, _ := m.all("next"); sum.Added != 1 || sum.Unchanged != 60 {
		t.Errorf("the next run: %d added, %d unchanged", sum.Added, sum.Unchanged)
	}
}

// A worker that could not list a source whole leaves no mark, so that nobody completes the generation.
func TestASourceThatOneWorkerCannotListLeavesTheGenerationIncomplete(t *testing.T) {
	m := newTeam(t, 2)
	m.all("first")
	m.remove("08.md")
	if _, err := m.work(t.Context(), "second", 0); err != nil {
		t.Fatal(err)
	}
	m.config.Sources[0].Directory.Path = filepath.Join(t.TempDir(), "missing")
	completed := m.completed
	if _, err := m.work(t.Context(), "second", 1); !errors.Is(err, ErrIncomplete) {
		t.Errorf("the worker ended with %v", err)
	}
	if m.completed != completed {
		t.Error("the generation was completed")
	}
}

// The outcome of a run is that of all shares: a worker without documents is no failure.
func TestWorkersWithoutDocuments(t *testing.T) {
	m := newTeam(t, 8)
	for i := range 59 {
		m.remove(fmt.Sprintf("%02d.md", i))
	}
	if sum, finished := m.all("run"); sum.Added != 1 || finished == 0 {
		t.Errorf("%d added, %d finished", sum.Added, finished)
	}
	empty := newTeam(t, 2)
	for i := range 60 {
		empty.remove(fmt.Sprintf("%02d.md", i))
	}
	if report, err := empty.work(t.Context(), "run", 0); err != nil || !report.Unfinished {
		t.Errorf("the first worker ended with %v", err)
	}
	if _, err := empty.work(t.Context(), "run", 1); !errors.Is(err, ErrNoDocuments) {
		t.Errorf("the last worker ended with %v", err)
	}
}

// The report of several workers counts everything that each of them counts.
func TestReportsAddUp(t *testing.T) {
	filled := func(n int64) (r Report) {
		for _, field := range reflect.ValueOf(&r).Elem().Fields() {
			if field.CanInt() {
				field.SetInt(n)
			}
		}
		return r
	}
	sum := filled(1)
	sum.add(filled(2))
	if diff := cmp.Diff(filled(3), sum, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A worker's share of what vanished is small; how much may be removed is decided on that of all.
func TestWorkersHoldBackAlike(t *testing.T) {
	m := newTeam(t, 4)
	m.all("first")
	for i := range 35 {
		m.remove(fmt.Sprintf("%02d.md", i))
	}
	sum, _ := m.all("second")
	if sum.Removed != 0 || sum.HeldBack != 35 || len(m.documents()) != 60 {
		t.Errorf("%d removed, %d held back, %d documents", sum.Removed, sum.HeldBack, len(m.documents()))
	}
	m.options.ConfirmPrune = true
	if sum, _ = m.all("third"); sum.Removed != 35 || len(m.documents()) != 25 {
		t.Errorf("after the confirmation: %d removed, %d documents", sum.Removed, len(m.documents()))
	}
}
