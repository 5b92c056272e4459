package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// childConfig holds the config of an ingestion that the test binary, started again, runs in the place of tests.
const childConfig = "RAGPIPELINE_TEST_INGEST_CONFIG"

func TestMain(m *testing.M) {
	if c := os.Getenv(childConfig); c != "" {
		if err := ingestAsChild(c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func ingestAsChild(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var c config.Ingest
	if err := json.Unmarshal(b, &c); err != nil {
		return err
	}
	store, err := openStore(context.Background(), c)
	if err != nil {
		return err
	}
	defer store.Close()
	o, err := parts(c, Options{Index: store})
	if err != nil {
		return err
	}
	o.Progress = func(config.Progress) { fmt.Fprintln(os.Stdout, "progress") }
	_, err = Run(context.Background(), o)
	return err
}

// An ingestion that is killed at any moment, and run again until it is through, leaves what an undisturbed one
// leaves; and no document that was finished is embedded again.
func TestKilledAtAnyMoment(t *testing.T) {
	const kills = 10
	undisturbed, disturbed := newWorld(t), newWorld(t)
	for i := range 150 {
		var text strings.Builder
		for p := range 1 + i%7 {
			fmt.Fprintf(&text, "Paragraph %d of document %d is about as long as a chunk may be.\n\n", p, i)
		}
		undisturbed.write(fmt.Sprintf("%03d.md", i), text.String())
		disturbed.write(fmt.Sprintf("%03d.md", i), text.String())
	}
	undisturbed.mustRun()

	var current atomic.Pointer[axe]
	disturbed.server.fault = func(texts []string) (int, string) {
		current.Load().fall(&current.Load().texts, len(texts))
		return 0, ""
	}
	finished := map[string]bool{} // file names, which begin every embedded text
	killed, embedded := 0, 0
	random := rand.New(rand.NewPCG(3, 5))
	for {
		a := newAxe()
		// The moments are spread over the whole run, and are told by what the child sends or by what it commits.
		switch left := kills - killed; {
		case left <= 0:
		case left%2 == 0:
			a.texts.Store(1 + random.Int32N(2*int32(len(undisturbed.chunks()))/kills))
		default:
			a.documents.Store(1 + random.Int32N(2*150/kills))
		}
		current.Store(a)
		disturbed.server.reset()
		_, err := disturbed.runChild(a)
		for _, title := range disturbed.server.titles() {
			if finished[title] {
				t.Errorf("after %d kills %s was embedded again, which was finished", killed, title)
			}
		}
		embedded += len(disturbed.server.embedded())
		for _, row := range disturbed.rows() { // opens the index: it is sound after every kill
			finished[row.Title] = true
		}
		if err == nil {
			break
		}
		if !wasKilled(err) {
			t.Fatal(err)
		}
		killed++
	}
	if killed < kills {
		t.Fatalf("killed only %d times: the moments must come sooner", killed)
	}
	t.Logf("killed %d times; %d chunks, %d embedded", killed, len(undisturbed.chunks()), embedded)

	if diff := cmp.Diff(undisturbed.rows(), disturbed.rows()); diff != "" {
		t.Errorf("ledger (-undisturbed +killed):\n%s", diff)
	}
	if diff := cmp.Diff(undisturbed.chunks(), disturbed.chunks()); diff != "" {
		t.Errorf("chunks (-undisturbed +killed):\n%s", diff)
	}
	for _, question := range []string{"paragraph 3 of document 17", "long", "chunk 149"} {
		if diff := cmp.Diff(undisturbed.nearest(question), disturbed.nearest(question)); diff != "" {
			t.Errorf("vectors near %q (-undisturbed +killed):\n%s", question, diff)
		}
	}
}

// axe kills a process when it has sent so many texts, or finished so many documents. Zero never comes.
type axe struct {
	texts, documents atomic.Int32
	process          chan *os.Process
}

func newAxe() *axe { return &axe{process: make(chan *os.Process, 1)} }

func (a *axe) fall(left *atomic.Int32, n int) {
	if after := left.Add(-int32(n)); after <= 0 && after+int32(n) > 0 {
		_ = (<-a.process).Kill() // it may have ended by itself
	}
}

// Write makes the axe the child's output: a line there is a document.
func (a *axe) Write(p []byte) (int, error) {
	a.fall(&a.documents, bytes.Count(p, []byte("\n")))
	return len(p), nil
}

// runChild ingests in a process of its own, under the axe, and says what the process used.
func (w *world) runChild(a *axe) (*syscall.Rusage, error) {
	w.t.Helper()
	executable, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := json.Marshal(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(w.t.TempDir(), "ingest.json")
	writeFile(w.t, file, string(b))
	child := exec.CommandContext(w.t.Context(), executable)
	child.Env = append(os.Environ(), childConfig+"="+file)
	var stderr strings.Builder
	child.Stdout, child.Stderr = a, &stderr
	if err := child.Start(); err != nil {
		w.t.Fatal(err)
	}
	a.process <- child.Process
	if err := child.Wait(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, stderr.String())
	}
	return child.ProcessState.SysUsage().(*syscall.Rusage), nil
}

func wasKilled(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// nearest is the ranking of all chunks for a question.
func (w *world) nearest(question string) []index.Hit {
	w.t.Helper()
	embedder := model.NewEmbedder(w.config.Embedding, w.config.Generation.Embedding, nil, model.Transport{})
	vector, err := embedder.Query(w.t.Context(), question)
	if err != nil {
		w.t.Fatal(err)
	}
	store := w.open()
	defer store.Close()
	hits, err := store.Vector(w.t.Context(), vector, 1000, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return hits
}
