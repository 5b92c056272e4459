package played

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// reports are what pods say of themselves, each on the ops port of an address of its own on the loopback network,
// 127.78.x.y.
type reports struct {
	read atomic.Int64

	mu      sync.Mutex
	last    int // address
	servers map[types.UID]*reporter
	indexes map[string]time.Time // by namespace, pipeline and generation, when it was complete
}

type reporter struct {
	address string
	http    *http.Server // nil for a pod that reports nothing
}

// Reports counts those that were read so far.
func (c *Cluster) Reports() int64 { return c.reports.read.Load() }

// Gateways are the URLs of the gateways' reports.
func (c *Cluster) Gateways() (urls []string) {
	c.reports.mu.Lock()
	defer c.reports.mu.Unlock()
	for _, s := range c.reports.servers {
		if s.http != nil {
			urls = append(urls, "http://"+s.http.Addr+config.OpsPath)
		}
	}
	return urls
}

// serve gives a pod an address, and answers there if the pod has a report.
func (r *reports) serve(ctx context.Context, pod *corev1.Pod) (address string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.servers[pod.UID]; s != nil {
		return s.address, nil
	}
	r.last++
	s := &reporter{address: fmt.Sprintf("127.78.%d.%d", r.last/250, r.last%250+1)}
	if component := pod.Labels[naming.LabelComponent]; component == naming.ComponentGateway || component == naming.ComponentIngest {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(s.address, "9090"))
		if err != nil {
			return "", err
		}
		s.http = &http.Server{Addr: listener.Addr().String(), Handler: r.handler(pod.DeepCopy()), ReadHeaderTimeout: time.Minute}
		go s.http.Serve(listener)
	}
	if r.servers == nil {
		r.servers = map[types.UID]*reporter{}
	}
	r.servers[pod.UID] = s
	return s.address, nil
}

func (r *reports) handler(pod *corev1.Pod) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		r.read.Add(1)
		json.NewEncoder(w).Encode(r.of(pod))
	})
}

// stop ends a pod's.
func (r *reports) stop(pod *corev1.Pod) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.servers[pod.UID]; s != nil && s.http != nil {
		s.http.Close()
		s.http = nil
	}
}

func (r *reports) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, s := range r.servers {
		if s.http != nil {
			errs = append(errs, s.http.Close())
		}
	}
	return errors.Join(errs...)
}

// built says that an index is complete.
func (r *reports) built(job client.Object, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.indexes == nil {
		r.indexes = map[string]time.Time{}
	}
	r.indexes[index(job)] = at
}

func index(object client.Object) string {
	labels := object.GetLabels()
	return object.GetNamespace() + "/" + labels[naming.LabelPipeline] + "/" + labels[naming.LabelGeneration]
}

// of is a pod's report: a gateway is ready once the generation that it is pinned to is in the index.
func (r *reports) of(pod *corev1.Pod) config.OpsStatus {
	r.mu.Lock()
	at, built := r.indexes[index(pod)]
	r.mu.Unlock()
	since := pod.CreationTimestamp.Time
	report := config.OpsStatus{
		Pipeline: pod.Labels[naming.LabelPipeline], Generation: pod.Labels[naming.LabelGeneration], Ready: built, Stages: map[config.Stage]config.StageStatus{},
	}
	for _, stage := range []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM, config.StageIndex} {
		report.Stages[stage] = config.StageStatus{OK: true, Since: since}
	}
	switch {
	case pod.Labels[naming.LabelComponent] == naming.ComponentIngest:
		report.Progress = &config.Progress{Phase: "Indexing", DocumentsDone: 1, DocumentsTotal: documents}
	case !built:
		report.Stages[config.StageIndex] = config.StageStatus{Reason: config.IndexNotBuilt, Message: "the index is not built yet", Since: since}
	default:
		report.Index = config.IndexStatus{
			Documents: documents, Chunks: 3 * documents, EmbeddingModel: config.StandInEmbedding, Dimensions: 512, LastSync: at,
		}
	}
	return report
}
