// Package controllers reconciles RAGPipelines: it orders the steps, and leaves deciding to desired and status and
// writing to apply.
package controllers

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// DefaultPoll is how often pods' own reports are read, which no watch signals. Ready has to follow a question that
// is refused within 15 s.
const DefaultPoll = 5 * time.Second

// Reconciler makes what a RAGPipeline declares, and says in its status how far that is.
type Reconciler struct {
	// Client reads from the cache of CacheOptions.
	Client client.Client
	// Uncached reads what is read seldom: a generation's record once, a StorageClass while a volume is awaited.
	Uncached client.Reader
	Applier  *apply.Applier
	Operator desired.Operator
	Reports  Reports
	Events   events.EventRecorder
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Poll is DefaultPoll when zero.
	Poll time.Duration
	// Clock is time.Now when nil.
	Clock func() time.Time

	records  records
	progress progress
	metrics  conditionGauge
	once     sync.Once
}

// Reconcile is one pass over one pipeline.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	r.once.Do(r.init)
	p := new(v1alpha1.RAGPipeline)
	if err := r.Client.Get(ctx, request.NamespacedName, p); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(request)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !p.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil // the children are owned: the garbage collector takes them
	}
	p = p.DeepCopy()
	scene, err := r.look(ctx, p)
	if err != nil {
		return ctrl.Result{}, err
	}
	plan, passErr := r.act(ctx, p, scene)
	if apierrors.HasStatusCause(passErr, corev1.NamespaceTerminatingCause) {
		return ctrl.Result{}, nil // the pipeline goes with its namespace
	}
	observed := r.observe(p, scene, plan, passErr)
	if err := r.report(ctx, p, status.Compute(p, observed)); err != nil {
		return quiet(err)
	}
	return r.result(plan, passErr)
}

// act brings the cluster towards the spec. A suspended pipeline stays as it is.
func (r *Reconciler) act(ctx context.Context, p *v1alpha1.RAGPipeline, s *scene) (plan, error) {
	if p.Spec.Suspend {
		return plan{}, nil
	}
	uids, err := r.Applier.Apply(ctx, p, desired.Secrets(p))
	if err != nil {
		return plan{}, err
	}
	facts := s.facts()
	facts.WeaviateKey = uids[apply.Key{Kind: "Secret", Name: naming.For(p).WeaviateKey()}]
	wanted, err := desired.IngestConfig(p, facts)
	if err != nil {
		return plan{}, err
	}
	next := s.plan(wanted, r.now())
	if next.run != nil {
		facts.Tasks = []desired.Task{*next.run}
	}
	children, err := desired.Children(p, r.Operator, facts)
	if err != nil {
		return next, err
	}
	if _, err := r.Applier.Apply(ctx, p, children); err != nil {
		return next, err
	}
	return next, r.Applier.Prune(ctx, p, append(desired.Secrets(p), children...), s.staysFor(next, children))
}

// result says when to look again. What only a change of the spec or of the cluster can clear is no error: its
// watch, or the next reading of the reports, comes back to it.
func (r *Reconciler) result(next plan, passErr error) (ctrl.Result, error) {
	problem := problemOf(passErr)
	switch {
	case passErr == nil, problem.Terminal, errors.As(passErr, new(*apply.WaitingError)):
		after := r.Poll
		if next.wait > 0 {
			after = min(after, next.wait)
		}
		return ctrl.Result{RequeueAfter: after}, nil
	default:
		return quiet(passErr)
	}
}

// conflictPause gives the cache time to see what a conflict was with.
const conflictPause = 200 * time.Millisecond

// quiet makes a conflict, which the next pass on fresher data resolves, no error.
func quiet(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictPause}, nil
	}
	return ctrl.Result{}, err
}

func (r *Reconciler) init() {
	if r.Poll == 0 {
		r.Poll = DefaultPoll
	}
	if r.Reports == nil {
		r.Reports = HTTPReports()
	}
	if r.Registerer != nil {
		r.Registerer.MustRegister(&r.metrics)
	}
}

func (r *Reconciler) now() time.Time {
	if r.Clock != nil {
		return r.Clock()
	}
	return time.Now()
}

func (r *Reconciler) forget(request ctrl.Request) {
	r.metrics.forget(request.NamespacedName)
	r.records.forget(request.NamespacedName)
	r.progress.forget(request.NamespacedName)
	r.Applier.Forget(request.NamespacedName)
}
