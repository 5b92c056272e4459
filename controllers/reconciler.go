// Package controllers reconciles RAGPipelines: it watches, and in each pass it reads, acts and
// reports. Decisions are made in plan, desired and status, and children are written by apply.
package controllers

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/internal/plan"
	"github.com/ragpipeline/ragpipeline/internal/status"
)

// DefaultPoll is how often pods' own reports are read, which no watch signals. Ready has to follow
// a question that is refused within 15 s.
const DefaultPoll = 5 * time.Second

// Reconciler makes what a RAGPipeline declares, and says in its status how far that is.
type Reconciler struct {
	// Client reads from the cache of CacheOptions.
	Client client.Client
	// Uncached reads what is read seldom: a generation's record once, a StorageClass while a volume
	// is awaited.
	Uncached client.Reader
	Applier  *apply.Applier
	Operator desired.Operator
	Reports  Reports
	Events   events.EventRecorder
	// Identity names this installation in the Leases by which operators notice each other; empty to take none.
	Identity string
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Rules are config.Rules when empty.
	Rules string
	// Poll is DefaultPoll when zero.
	Poll time.Duration
	// Clock is time.Now when nil.
	Clock func() time.Time

	territories territories
	claims      claims
	records     records
	upgrades    upgrades
	routes      routes
	progress    progress
	metrics     statusMetrics
	once        sync.Once
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
	if back, err := r.standsBack(ctx, p); err != nil {
		return quiet(err)
	} else if back {
		return ctrl.Result{RequeueAfter: territoryWait}, nil
	}
	state, err := r.read(ctx, p)
	if err != nil {
		return ctrl.Result{}, err
	}
	next, passErr := r.act(ctx, state)
	if p.Spec.Suspend || passErr != nil {
		r.releaseTurn(ctx, request.NamespacedName)
	}
	if apierrors.HasStatusCause(passErr, corev1.NamespaceTerminatingCause) {
		return ctrl.Result{}, nil // the namespace is terminating; nothing is left to do
	}
	state.Written = r.written(state)
	observed := state.Observed(next, problemOf(passErr), r.now())
	if err := r.report(ctx, p, status.Compute(p, observed)); err != nil {
		return quiet(err)
	}
	return r.result(next, passErr)
}

// act brings the cluster towards the spec: plan, objects, apply, prune, grow. A suspended pipeline stays
// as it is.
func (r *Reconciler) act(ctx context.Context, s *plan.State) (plan.Plan, error) {
	p := s.Pipeline
	if p.Spec.Suspend {
		return plan.Plan{}, r.renewCertificates(ctx, s)
	}
	next, err := r.plan(ctx, s)
	if err != nil {
		return next, errors.Join(err, r.renewCertificates(ctx, s))
	}
	children := desired.Secrets(p, next.Facts)
	uids, err := r.Applier.Apply(ctx, p, children)
	if err != nil {
		return next, err
	}
	next.Facts.WeaviateKey = uids[apply.Key{Kind: derive.KindSecret, Name: naming.For(p).WeaviateKey()}]
	next.Facts.Digests = map[string]string{}
	for key := range uids {
		next.Facts.Digests[key.Name] = r.Applier.Digest(p, key)
	}
	next.Facts.WeaviateReader = uids[apply.Key{Kind: derive.KindSecret, Name: naming.For(p).WeaviateReader()}]
	certificates := apply.Key{Kind: derive.KindSecret, Name: naming.For(p).Certificates()}
	next.Facts.Authority = r.Applier.AuthorityDigest(p, certificates)
	others, err := desired.Children(p, r.Operator, next.Facts)
	if err != nil {
		return next, err
	}
	if outgrown := s.Outgrown(); outgrown != nil {
		if err := r.Applier.Remake(ctx, p, outgrown, others); err != nil {
			return next, err
		}
	}
	if _, err := r.Applier.Apply(ctx, p, others); err != nil {
		return next, err
	}
	children = append(children, others...)
	if err := r.Applier.ReleaseClaims(ctx, p); err != nil {
		return next, err
	}
	for _, pod := range s.Stuck() {
		if err := r.Applier.DeletePod(ctx, pod.ObjectMeta); err != nil {
			return next, err
		}
	}
	pruned := r.Applier.Prune(ctx, p, children, s.Retained(next, children))
	return next, errors.Join(pruned, r.grow(ctx, s)) // the last: it keeps nothing else from being done
}

// renewCertificates keeps the pods of a pipeline without a plan able to talk to each other. It is suspended, or its
// spec has a mistake: nothing else of it changes, but their certificates expire.
func (r *Reconciler) renewCertificates(ctx context.Context, s *plan.State) error {
	facts := s.Facts(r.now())
	if !facts.Encrypted {
		return nil
	}
	_, err := r.Applier.Apply(ctx, s.Pipeline, desired.Certificates(s.Pipeline, facts))
	return err
}

// adopted tells of an object that carried the pipeline's labels and had no owner, or a forged one.
func (r *Reconciler) adopted(owner client.Object, a apply.Adoption) {
	if a.Replaced {
		r.Events.Eventf(owner, nil, corev1.EventTypeWarning, "Replaced", "Adopt",
			"%s %s has this pipeline's name on it, but nothing proves what it holds: it was deleted, to be made anew",
			a.Kind, a.Name)
		return
	}
	r.Events.Eventf(owner, nil, corev1.EventTypeNormal, "Adopted", "Adopt",
		"%s %s had this pipeline's labels and no owner, as after a restore; it is this pipeline's again", a.Kind, a.Name)
}

// result decides when the next pass is due. A problem that only a change of the spec or of the
// cluster can clear is not returned as an error: its watch, or the next reading of the reports,
// comes back to it.
func (r *Reconciler) result(next plan.Plan, passErr error) (ctrl.Result, error) {
	switch {
	case passErr == nil, problemOf(passErr).Terminal, errors.As(passErr, new(*apply.WaitingError)):
		after := r.Poll
		if next.Wait > 0 {
			after = min(after, next.Wait)
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

// problemOf is the one place that decides what an error of a pass means to the user. It returns nil
// for no error.
func problemOf(err error) *status.Problem {
	var configuration *derive.ConfigurationError
	var taken *apply.NameTakenError
	var waiting *apply.WaitingError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &configuration):
		return &status.Problem{Reason: v1alpha1.ReasonConfigurationError, Message: err.Error(), Terminal: true}
	case errors.As(err, &taken):
		return &status.Problem{Reason: v1alpha1.ReasonNameTaken, Message: taken.Error(), Terminal: true}
	case errors.As(err, &waiting):
		return &status.Problem{Reason: v1alpha1.ReasonWaiting, Message: waiting.Error()}
	default:
		// The API server refuses an invalid change again.
		return &status.Problem{Reason: v1alpha1.ReasonApplyFailed, Message: err.Error(), Terminal: apierrors.IsInvalid(err)}
	}
}

// report writes the status once if it changed, and then records events for what changed.
func (r *Reconciler) report(ctx context.Context, p *v1alpha1.RAGPipeline, now v1alpha1.RAGPipelineStatus) error {
	before := p.Status
	r.metrics.set(p, now)
	if equality.Semantic.DeepEqual(before, now) || !r.progress.due(client.ObjectKeyFromObject(p), before, now, r.now()) {
		return nil
	}
	p.Status = now
	if err := r.Client.Status().Update(ctx, p); err != nil {
		return client.IgnoreNotFound(err)
	}
	for _, e := range status.Events(before, now) {
		r.Events.Eventf(p, nil, e.Type, e.Reason, e.Action, "%s", e.Message)
	}
	return nil
}

// progressPause is the least time between two writes that only show progress.
const progressPause = 5 * time.Second

// progress remembers when each pipeline's progress was written.
type progress struct{ written sync.Map }

// due reports whether a change of the status is to be written now: one of progress alone waits for
// its turn.
func (w *progress) due(key types.NamespacedName, before, now v1alpha1.RAGPipelineStatus, at time.Time) bool {
	if equality.Semantic.DeepEqual(withoutProgress(before), withoutProgress(now)) {
		if last, ok := w.written.Load(key); ok && at.Sub(last.(time.Time)) < progressPause {
			return false
		}
	}
	w.written.Store(key, at)
	return true
}

func (w *progress) forget(key types.NamespacedName) { w.written.Delete(key) }

// withoutProgress is the status without the figures of what is being built.
func withoutProgress(s v1alpha1.RAGPipelineStatus) v1alpha1.RAGPipelineStatus {
	s = *s.DeepCopy()
	if s.Index != nil && s.Index.Building != nil {
		b := s.Index.Building
		b.DocumentsDone, b.DocumentsTotal, b.ChunksDone, b.ChunksPerSecond, b.EstimatedEnd = 0, 0, 0, "", nil
	}
	return s
}

func (r *Reconciler) init() {
	if r.Poll == 0 {
		r.Poll = DefaultPoll
	}
	if r.Rules == "" {
		r.Rules = config.Rules()
	}
	if r.Reports == nil {
		r.Reports = HTTPReports()
	}
	r.Applier.Adopted, r.Applier.Clock = r.adopted, r.Clock
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
	r.forgetTerritory(request.NamespacedName)
	r.records.forget(request.NamespacedName)
	r.claims.forget(request.NamespacedName)
	r.upgrades.forget(request.NamespacedName)
	r.progress.forget(request.NamespacedName)
	r.routes.forget(request.NamespacedName)
	r.Applier.Forget(request.NamespacedName)
}
