// Package played plays, on a real API server, what a cluster does with the objects that the operator makes: workload
// controllers, kubelets, the pods' own reports, and garbage collection. Tests of the operator and its benchmark share
// it. The players watch, as the real controllers do, so that they leave the machine to the operator.
package played

import (
	"context"
	"errors"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// beat is how soon a player looks again at what no watch signals.
const beat = 100 * time.Millisecond

// Documents is how many documents a played run lists and indexes, in three chunks each.
const Documents = 3

// Options say what is played.
type Options struct {
	// Namespace is the only one in which anything runs; empty means all.
	Namespace string
	// Ingesting is how long an ingestion runs once its pod does.
	Ingesting time.Duration
	// Network holds the pods' addresses: the first two octets of a loopback network, such as "127.77".
	Network string
	// CollectGarbage deletes what is owned by an object that is gone. It needs a Namespace.
	CollectGarbage bool
	// Failed is called when a player fails for another reason than that others write at the same time.
	Failed func(error)
}

// Cluster is a played one. Stop it.
type Cluster struct {
	options Options
	client  client.Client // reads from a cache
	direct  client.Client // reads from the server
	reports reports
	changed chan event.GenericEvent // what must be looked at again because a test has changed its fate
	stop    func() error            // ends the players

	mu      sync.Mutex
	trouble map[string]func(*corev1.PodStatus) // by component
	held    bool
	runs    int
}

// Play starts the players. They end with Stop.
func Play(ctx context.Context, to *rest.Config, o Options) (*Cluster, error) {
	c := &Cluster{
		options: o,
		reports: newReports(o.Network),
		changed: make(chan event.GenericEvent),
		trouble: map[string]func(*corev1.PodStatus){},
	}
	if o.Failed == nil {
		c.options.Failed = func(error) {}
	}
	manager, err := ctrl.NewManager(to, managerOptions(o.Namespace))
	if err != nil {
		return nil, err
	}
	c.client = manager.GetClient()
	if c.direct, err = client.New(to, client.Options{Scheme: controllers.Scheme()}); err != nil {
		return nil, err
	}
	if err := c.register(manager); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var group sync.WaitGroup
	var ended error
	group.Go(func() { ended = manager.Start(ctx) })
	if o.CollectGarbage {
		group.Go(func() { c.collectGarbage(ctx) })
	}
	c.stop = sync.OnceValue(func() error {
		cancel()
		group.Wait()
		return ended
	})
	return c, nil
}

func managerOptions(namespace string) ctrl.Options {
	o := ctrl.Options{
		Scheme:                 controllers.Scheme(),
		Cache:                  cache.Options{DefaultTransform: cache.TransformStripManagedFields()},
		Metrics:                metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress: "0",
	}
	if namespace != "" {
		o.Cache.DefaultNamespaces = map[string]cache.Config{namespace: {}}
	}
	return o
}

// register gives each kind its player.
func (c *Cluster) register(manager ctrl.Manager) error {
	unique := true // names of controllers, but several clusters may be played in one process
	options := controller.Options{MaxConcurrentReconciles: 4, SkipNameValidation: &unique}
	for object, player := range map[client.Object]reconcile.Func{
		&appsv1.Deployment{}: c.playDeployment, &appsv1.StatefulSet{}: c.playStatefulSet, &batchv1.Job{}: c.playJob,
	} {
		err := ctrl.NewControllerManagedBy(manager).For(object).Owns(&corev1.Pod{}).WithOptions(options).Complete(c.tolerant(player))
		if err != nil {
			return err
		}
	}
	return ctrl.NewControllerManagedBy(manager).For(&corev1.Pod{}).
		WatchesRawSource(source.Channel(c.changed, &handler.EnqueueRequestForObject{})).
		WithOptions(options).Complete(c.tolerant(c.playPod))
}

// tolerant lets a player try again after others wrote at the same time.
func (c *Cluster) tolerant(player reconcile.Func) reconcile.Func {
	return func(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
		result, err := player(ctx, request)
		switch {
		case err == nil:
			return result, nil
		case apierrors.IsConflict(err) || apierrors.IsNotFound(err) || apierrors.IsAlreadyExists(err):
			return reconcile.Result{RequeueAfter: beat}, nil
		case ctx.Err() == nil && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
			c.options.Failed(err)
		}
		return reconcile.Result{}, err
	}
}

// Stop ends the players and the pods' servers. Objects that are made afterwards stay as they were made.
func (c *Cluster) Stop() error { return errors.Join(c.StopPlaying(), c.reports.close()) }

// StopPlaying ends the players; the pods' servers go on answering.
func (c *Cluster) StopPlaying() error { return c.stop() }

// Trouble lets the pods of a component suffer from what change writes into their status, until EndTrouble.
func (c *Cluster) Trouble(ctx context.Context, component string, change func(*corev1.PodStatus)) error {
	c.mu.Lock()
	c.trouble[component] = change
	c.mu.Unlock()
	return c.lookAgain(ctx)
}

// EndTrouble lets the pods of a component run.
func (c *Cluster) EndTrouble(ctx context.Context, component string) error {
	c.mu.Lock()
	delete(c.trouble, component)
	c.mu.Unlock()
	return c.lookAgain(ctx)
}

// Hold lets runs go on until they are no longer held.
func (c *Cluster) Hold(held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = held
}

// Runs counts the runs that have ended.
func (c *Cluster) Runs() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runs
}

// Report has each gateway report a stage's status in place of a healthy one; nil ends that.
func (c *Cluster) Report(stage config.Stage, status *config.StageStatus) {
	c.reports.override(stage, status)
}

// Reports counts the reports that were read so far.
func (c *Cluster) Reports() int64 { return c.reports.read.Load() }

// ReportURLs are the addresses of the gateways' and the ingestions' reports.
func (c *Cluster) ReportURLs() []string { return c.reports.urls() }

// lookAgain has pods looked at: every one, or those that the options select.
func (c *Cluster) lookAgain(ctx context.Context, which ...client.ListOption) error {
	var pods corev1.PodList
	if err := c.client.List(ctx, &pods, which...); err != nil {
		return err
	}
	for i := range pods.Items {
		select {
		case c.changed <- event.GenericEvent{Object: &pods.Items[i]}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
