package command

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
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
	// leaseName is the Lease with which several operators elect a leader.
	leaseName = "ragpipeline-operator.ragpipeline.io"
	// operatorGrace is how long a reconciliation may continue after a signal.
	operatorGrace = 20 * time.Second
)

// operatorFlags are the flags of `operator`. Environment variables, which the chart sets, give
// their defaults.
type operatorFlags struct {
	image, weaviateImage, pullPolicy string
	pods                             string // JSON
	otlpEndpoint                     string // URL
	weaviateMetrics                  bool
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
	flags.StringVar(&f.image, "image", os.Getenv("OPERATOR_IMAGE"),
		"image of this binary, which data-plane pods run as well")
	flags.StringVar(&f.weaviateImage, "weaviate-image", os.Getenv("WEAVIATE_IMAGE"),
		"Weaviate image for pipelines that do not name one")
	flags.StringVar(&f.pullPolicy, "image-pull-policy", os.Getenv("IMAGE_PULL_POLICY"),
		"pull policy of data-plane pods; empty for the cluster's default")
	flags.StringVar(&f.pods, "pods", "", "what the pods of all pipelines get, as JSON in the form of spec.pods")
	flags.StringVar(&f.otlpEndpoint, "otlp-endpoint", "",
		"URL of the OTLP/HTTP receiver to which gateways, ingestion runs and NIMs send traces; empty for none")
	flags.BoolVar(&f.weaviateMetrics, "weaviate-metrics", false,
		"have each Weaviate serve metrics on port 2112; a change restarts every store")
	flags.StringSliceVar(&f.namespaces, "namespace", list(os.Getenv("WATCH_NAMESPACE")),
		"namespace to watch; repeatable, none means all")
	flags.StringVar(&f.metrics, "metrics-listen", ":8080", "address of /metrics; 0 turns it off")
	flags.StringVar(&f.health, "health-listen", ":8081", "address of /healthz and /readyz")
	flags.BoolVar(&f.leaderElect, "leader-elect", false, "elect a leader with a Lease in the operator's namespace")
	flags.IntVar(&f.concurrency, "concurrency", 8, "how many pipelines are reconciled at once")
	flags.TextVar(&f.logLevel, "log-level", slog.LevelInfo, "debug, info, warn or error")
	return cmd
}

// list splits a text at commas and spaces, without empty parts.
func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func (f *operatorFlags) run(ctx context.Context, log *slog.Logger) error {
	if f.image == "" || f.weaviateImage == "" {
		return unusable{errors.New("no images for the data plane's pods: set --image and --weaviate-image, " +
			"or OPERATOR_IMAGE and WEAVIATE_IMAGE")}
	}
	operator, err := f.operator()
	if err != nil {
		return unusable{err}
	}
	ctrl.SetLogger(logr.FromSlogHandler(log.Handler()))
	cluster, err := config.GetConfig()
	if err != nil {
		return unusable{fmt.Errorf("find the cluster: %w; run the operator in a pod, or set KUBECONFIG", err)}
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
		Identity:   identity(operator),
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

// identity names this installation to other operators: its replicas share it, and only one of them leads. Outside of a
// cluster, the host's name stands for the namespace.
func identity(o desired.Operator) string {
	namespace := o.Namespace
	if namespace == "" {
		namespace, _ = os.Hostname()
	}
	return namespace + "/" + cmp.Or(o.Labels["app.kubernetes.io/instance"], "ragpipeline-operator")
}

// operator describes this operator, from its flags and from what the downward API put into the
// environment.
func (f *operatorFlags) operator() (desired.Operator, error) {
	o := desired.Operator{
		Image:         f.image,
		WeaviateImage: f.weaviateImage,
		Namespace:     os.Getenv("POD_NAMESPACE"),
		Labels:        map[string]string{},
		PullPolicy:    f.pullPolicy,

		OTLPEndpoint:    f.otlpEndpoint,
		WeaviateMetrics: f.weaviateMetrics,
	}
	u, err := url.Parse(f.otlpEndpoint)
	if f.otlpEndpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return o, fmt.Errorf("--otlp-endpoint: %q is not a URL: write it as http://collector.example.svc:4318",
			f.otlpEndpoint)
	}
	if f.pods != "" {
		decoder := json.NewDecoder(strings.NewReader(f.pods))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&o.Pods); err != nil {
			return o, fmt.Errorf("--pods: %w; write it in the form of spec.pods", err)
		}
		if err := desired.ValidatePods("--pods", o.Pods); err != nil {
			return o, err
		}
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
