//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// How soon Ready has to follow what a client sees, and how often the prober asks.
const (
	readyFollows = 15 * time.Second
	askEvery     = 250 * time.Millisecond
)

// question is one that the prober asked.
type question struct {
	asked, done time.Time
	ready       bool  // as a watch had shown it when the question was asked
	err         error // nil: answered
}

// change is one of Ready, when a watch showed it.
type change struct {
	at    time.Time
	ready bool
	why   string
}

// prober asks a pipeline's gateway all the time, and watches Ready of the pipeline, or of an object of a tool that
// applies it.
type prober struct {
	p    *pipeline
	kind schema.GroupVersionKind
	name string // of the object whose Ready is watched
	stop context.CancelFunc
	work sync.WaitGroup
	text string
	key  string

	mu        sync.Mutex
	changes   []change
	questions []question
}

// probe asks the question from now on; with the operator's key unless one is given.
func (p *pipeline) probe(text string, key ...string) *prober {
	return p.probeUnder(v1alpha1.GroupVersion.WithKind(v1alpha1.Kind), p.name, text, key...)
}

// probeUnder is probe, but for whose Ready is watched.
func (p *pipeline) probeUnder(kind schema.GroupVersionKind, name, text string, key ...string) *prober {
	ctx, stop := context.WithCancel(p.t.Context())
	b := &prober{p: p, kind: kind, name: name, stop: stop, text: text}
	if len(key) > 0 {
		b.key = key[0]
	}
	b.work.Go(func() { b.watch(ctx) })
	b.work.Go(func() { b.askOn(ctx) })
	p.t.Cleanup(b.end)
	return b
}

// end stops the prober; it may be called more than once.
func (b *prober) end() {
	b.stop()
	b.work.Wait()
}

func (b *prober) askOn(ctx context.Context) {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for {
		b.work.Go(func() { b.askOnce(ctx) })
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (b *prober) askOnce(ctx context.Context) {
	q := question{asked: time.Now(), ready: b.ready()}
	var err error
	if b.key == "" {
		_, err = b.p.ask(ctx, b.text)
	} else {
		_, err = b.p.askWith(ctx, b.key, b.text)
	}
	if ctx.Err() != nil {
		return // nobody waits for this one
	}
	q.done, q.err = time.Now(), err
	b.mu.Lock()
	defer b.mu.Unlock()
	b.questions = append(b.questions, q)
}

func (b *prober) ready() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.changes) > 0 && b.changes[len(b.changes)-1].ready
}

// watch notes what Ready is, and starts again when a watch ends.
func (b *prober) watch(ctx context.Context) {
	for ctx.Err() == nil {
		list := new(unstructured.UnstructuredList)
		list.SetGroupVersionKind(b.kind.GroupVersion().WithKind(b.kind.Kind + "List"))
		watcher, err := api.Watch(ctx, list, client.InNamespace(b.p.namespace.name), client.MatchingFields{"metadata.name": b.name})
		if err != nil {
			continue
		}
		for event := range watcher.ResultChan() {
			if object, ok := event.Object.(*unstructured.Unstructured); ok {
				b.note(object)
			}
		}
	}
}

func (b *prober) note(object *unstructured.Unstructured) {
	now := change{at: time.Now()}
	var said struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &said); err != nil {
		return // an error of the watch
	}
	if c := meta.FindStatusCondition(said.Status.Conditions, v1alpha1.ConditionReady); c != nil {
		now.ready, now.why = c.Status == "True", c.Reason+": "+c.Message
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.changes) == 0 || b.changes[len(b.changes)-1].ready != now.ready {
		b.changes = append(b.changes, now)
	}
}

func (b *prober) seen() ([]question, []change) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]question(nil), b.questions...), append([]change(nil), b.changes...)
}

// unfailing fails the test for every question that was asked while Ready was true and not answered,
// and unless some were answered.
func (b *prober) unfailing(t *testing.T) {
	t.Helper()
	questions, changes := b.seen()
	answered, failed := 0, 0
	for _, q := range questions {
		switch {
		case q.err == nil:
			answered++
		case q.ready:
			failed++
			if failed <= 5 {
				t.Errorf("asked at %s while Ready was true, and not answered: %v", q.asked.Format("15:04:05.000"), q.err)
			}
		}
	}
	t.Logf("prober: %d questions, %d answered, %d failed while Ready was true; %s", len(questions), answered, failed, describe(changes))
	if answered == 0 {
		t.Error("the prober got no answer at all")
	}
}

// ready objects when Ready was false since some time.
func (b *prober) neverUnready(t *testing.T, since time.Time) {
	t.Helper()
	_, changes := b.seen()
	for _, c := range changes {
		if !c.ready && c.at.After(since) {
			t.Errorf("Ready became false at %s: %s", c.at.Format("15:04:05.000"), c.why)
		}
	}
}

// follows waits until questions are answered again after a failure at some time, and checks that
// Ready followed: false within 15 s of the first that was refused, if they were refused for that
// long, and true within 15 s of the first that was answered.
func (b *prober) follows(t *testing.T, since time.Time, within time.Duration) {
	t.Helper()
	eventually(t, within, "the pipeline answers again and says so", func(context.Context) error {
		outage, err := b.outage(since)
		if err != nil {
			return err
		}
		if time.Since(outage.answered) < readyFollows && !b.ready() {
			return fmt.Errorf("answered since %s", outage.answered.Format(time.TimeOnly))
		}
		return nil
	})
	outage, err := b.outage(since)
	if err != nil {
		t.Fatal(err)
	}
	_, changes := b.seen()
	t.Logf("refused from %s to %s; %s", outage.refused.Format("15:04:05.0"), outage.answered.Format("15:04:05.0"), describe(changes))
	if outage.answered.Sub(outage.refused) > readyFollows && !was(changes, false, since, outage.refused.Add(readyFollows)) {
		t.Errorf("Ready was not false within %s of the first refused question", readyFollows)
	}
	if !b.ready() {
		t.Errorf("Ready is not true %s after the first answered question", readyFollows)
	}
}

// was says whether Ready became so between two moments.
func was(changes []change, ready bool, from, to time.Time) bool {
	for _, c := range changes {
		if c.ready == ready && c.at.After(from) && c.at.Before(to) {
			return true
		}
	}
	return false
}

// outage is the time in which questions were refused.
type outage struct{ refused, answered time.Time }

// settledAfter is how many answers in a row end an outage.
const settledAfter = 8

func (b *prober) outage(since time.Time) (o outage, err error) {
	questions, _ := b.seen()
	row := 0
	for _, q := range questions { // in the order in which they ended
		switch {
		case q.asked.Before(since):
		case q.err != nil:
			row = 0
			if o.refused.IsZero() {
				o.refused = q.done
			}
		case !o.refused.IsZero():
			if row == 0 {
				o.answered = q.done
			}
			row++
		}
	}
	switch {
	case o.refused.IsZero():
		return o, fmt.Errorf("no question was refused since %s", since.Format(time.TimeOnly))
	case row < settledAfter:
		return o, fmt.Errorf("refused since %s, and answered %d times since", o.refused.Format(time.TimeOnly), row)
	}
	return o, nil
}

func describe(changes []change) string {
	text := "Ready"
	for _, c := range changes {
		text += fmt.Sprintf(" %t at %s", c.ready, c.at.Format("15:04:05.0"))
	}
	return text
}
