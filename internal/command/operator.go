package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/ragpipeline/ragpipeline/controllers"
	"github.com/ragpipeline/ragpipeline/internal/apply"
	"github.com/ragpipeline/ragpipeline/internal/desired"
	"github.com/ragpipeline/ragpipeline/internal/serve"
)

const (
	// leaseName is the Lease by which one of several operators leads.
	leaseName = "ragpipeline-operator.ragpipeline.io"
	// operatorGrace is how long a pass may go on after a signal.
	operatorGrace = 20 * time.Second
)

// operatorFlags are what the operator is started with. The environment gives defaults, as the chart sets it.
type operatorFlags struct {
	image, weaviateImage, pullPolicy string
	namespaces                       []string // to watch; none means all
	metrics, health                  string   // addresses
	leaderElect                      bool
	concurrency                      int
	logLevel                         slog.Level
}

func newOperatorCommand() *cobra.Command {
	var f operatorFlags
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Reconcile RAGPipelines in a cluster: what the chart runs",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return f.run(cmd.Context(), serve.Logger(cmd.ErrOrStderr(), f.logLevel))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.image, "image", os.Getenv("OPERATOR_IMAGE"), "this binary's own image, which data-plane pods run")
	flags.StringVar(&f.weaviateImage, "weaviate-image", os.Getenv("WEAVIATE_IMAGE"), "Weaviate image of pipelines that name none")
	flags.StringVar(&f.pullPolicy, "image-pull-policy", os.Getenv("IMAGE_PULL_POLICY"), "pull policy of data-plane pods; empty for the cluster's default")
	flags.StringSliceVar(&f.namespaces, "namespace", list(os.Getenv("WATCH_NAMESPACE")), "namespaces to watch, repeatable; none means all")
	flags.StringVar(&f.metrics, "metrics-listen", ":8080", "address of the metrics; 0 for none")
	flags.StringVar(&f.health, "health-listen", ":8081", "address of /healthz and /readyz")
	flags.BoolVar(&f.leaderElect, "leader-elect", false, "let one of several operators lead, by a Lease in its own namespace")
	flags.IntVar(&f.concurrency, "concurrency", 8, "pipelines that are reconciled at once")
	flags.TextVar(&f.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	return cmd
}

// list splits at commas, and leaves out what is empty.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func (f *operatorFlags) run(ctx context.Context, log *slog.Logger) error {
	if f.image == "" || f.weaviateImage == "" {
		return unusable{errors.New("--image and --weaviate-image (or OPERATOR_IMAGE and WEAVIATE_IMAGE) are needed: which images data-plane pods run")}
	}
	operator, err := f.operator()
	if err != nil {
		return unusable{err}
	}
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	cluster, err := config.GetConfig()
	if err != nil {
		return unusable{fmt.Errorf("no cluster: %w; run it in a pod, or set KUBECONFIG", err)}
	}
	manager, err := ctrl.NewManager(cluster, f.options(operator.Namespace))
	if err != nil {
		return err
	}
	reconciler := &controllers.Reconciler{
		Client:     manager.GetClient(),
		Uncached:   manager.GetAPIReader(),
		Applier:    apply.New(manager.GetClient(), manager.GetAPIReader()),
		Operator:   operator,
		Events:     manager.GetEventRecorder("ragpipeline"),
		Registerer: metrics.Registry,
	}
	if err := reconciler.SetupWithManager(ctx, manager, f.concurrency); err != nil {
		return err
	}
	err = errors.Join(manager.AddHealthzCheck("ping", healthz.Ping), manager.AddReadyzCheck("ping", healthz.Ping))
	if err != nil {
		return err
	}
	return manager.Start(ctx)
}

func (f *operatorFlags) options(namespace string) ctrl.Options {
	grace := operatorGrace
	return ctrl.Options{
		Scheme:                        controllers.Scheme(),
		Cache:                         controllers.CacheOptions(f.namespaces),
		Client:                        client.Options{FieldOwner: apply.FieldOwner},
		Metrics:                       metricsserver.Options{BindAddress: f.metrics},
		HealthProbeBindAddress:        f.health,
		LeaderElection:                f.leaderElect,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       namespace,
		LeaderElectionReleaseOnCancel: true, // the process ends when Start returns
		GracefulShutdownTimeout:       &grace,
	}
}

// operator is who we are, as the pod's downward API says.
func (f *operatorFlags) operator() (desired.Operator, error) {
	o := desired.Operator{
		Image:         f.image,
		WeaviateImage: f.weaviateImage,
		Namespace:     os.Getenv("POD_NAMESPACE"),
		Labels:        map[string]string{},
		PullPolicy:    f.pullPolicy,
	}
	for _, label := range list(os.Getenv("OPERATOR_LABELS")) {
		key, value, ok := strings.Cut(label, "=")
		if !ok {
			return o, fmt.Errorf("OPERATOR_LABELS: %q is not key=value", label)
		}
		o.Labels[key] = value
	}
	return o, nil
}
