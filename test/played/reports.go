package played

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// reports are what the pods report of themselves, each on the ops port of an address of its own.
type reports struct {
	network string
	read    atomic.Int64

	mu      sync.Mutex
	servers map[types.NamespacedName]*reporter  // by pod
	indexes map[string]time.Time                // by namespace, pipeline and generation, when it was complete; a volume outlives everything
	stages  map[config.Stage]config.StageStatus // that gateways report in place of a healthy one
}

// reporter is a pod's server; pods that report nothing have an address alone.
type reporter struct {
	uid     types.UID
	address string
	http    *http.Server
}

// lastAddress counts the addresses of the process, because several clusters may share a network.
var lastAddress atomic.Uint32

func newReports(network string) reports {
	return reports{
		network: network,
		servers: map[types.NamespacedName]*reporter{},
		indexes: map[string]time.Time{},
		stages:  map[config.Stage]config.StageStatus{},
	}
}

// serve gives a pod an address, and answers there if the pod has a report: by TLS if it has a certificate.
func (r *reports) serve(ctx context.Context, pod *corev1.Pod, certificate *tls.Certificate) (address string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := client.ObjectKeyFromObject(pod)
	if s := r.servers[key]; s != nil && s.uid == pod.UID {
		return s.address, nil
	}
	r.drop(key) // of an earlier pod of the name
	s := &reporter{uid: pod.UID, address: r.nextAddress()}
	if component := pod.Labels[naming.LabelComponent]; component == naming.ComponentGateway || component == naming.ComponentIngest {
		listener, err := r.listen(ctx, s)
		if err != nil {
			return "", err
		}
		if certificate != nil {
			listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{*certificate}})
		}
		s.http = &http.Server{Addr: listener.Addr().String(), Handler: r.handler(pod.DeepCopy()), ReadHeaderTimeout: time.Minute,
			ErrorLog: log.New(io.Discard, "", 0)} // of operators that do not trust the certificate
		go s.http.Serve(listener)
	}
	r.servers[key] = s
	return s.address, nil
}

func (r *reports) nextAddress() string {
	n := lastAddress.Add(1)
	return fmt.Sprintf("%s.%d.%d", r.network, n/250, n%250+1)
}

// listen opens the ops port of a pod. Another process that plays a cluster may have taken its address, and then the pod
// gets the next one.
func (r *reports) listen(ctx context.Context, s *reporter) (net.Listener, error) {
	for {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(s.address, strconv.Itoa(config.OpsPort)))
		if !errors.Is(err, syscall.EADDRINUSE) {
			return listener, err
		}
		s.address = r.nextAddress()
	}
}

func (r *reports) handler(pod *corev1.Pod) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+config.OpsPath, func(w http.ResponseWriter, _ *http.Request) {
		r.read.Add(1)
		json.NewEncoder(w).Encode(r.of(pod))
	})
	return mux
}

// stop ends a pod's server.
func (r *reports) stop(pod types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(pod)
}

// drop is stop with mu held.
func (r *reports) drop(pod types.NamespacedName) {
	if s := r.servers[pod]; s != nil && s.http != nil {
		s.http.Close()
	}
	delete(r.servers, pod)
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
	clear(r.servers)
	return errors.Join(errs...)
}

func (r *reports) urls() (urls []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.servers {
		if s.http != nil {
			urls = append(urls, "http://"+s.http.Addr+config.OpsPath)
		}
	}
	return urls
}

func (r *reports) override(stage config.Stage, status *config.StageStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if status == nil {
		delete(r.stages, stage)
		return
	}
	r.stages[stage] = *status
}

// complete records that a run's generation is in the index.
func (r *reports) complete(job client.Object, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.indexes[indexOf(job)]; !known {
		r.indexes[indexOf(job)] = at
	}
}

func indexOf(object client.Object) string {
	labels := object.GetLabels()
	return object.GetNamespace() + "/" + labels[naming.LabelPipeline] + "/" + labels[naming.LabelGeneration]
}

// ofIndex selects the pods of the same index.
func ofIndex(object client.Object) client.MatchingLabels {
	of := client.MatchingLabels{}
	for _, label := range []string{naming.LabelPipeline, naming.LabelGeneration} {
		of[label] = object.GetLabels()[label]
	}
	return of
}

// of is a pod's report: a gateway is ready once the generation that it is pinned to is in the index.
func (r *reports) of(pod *corev1.Pod) config.OpsStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	at, built := r.indexes[indexOf(pod)]
	since := pod.CreationTimestamp.Time
	report := config.OpsStatus{
		Pipeline:   pod.Labels[naming.LabelPipeline],
		Generation: pod.Labels[naming.LabelGeneration],
		Ready:      built,
		Stages:     map[config.Stage]config.StageStatus{},
	}
	for _, stage := range []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM, config.StageIndex} {
		report.Stages[stage] = config.StageStatus{OK: true, Since: since}
	}
	switch {
	case pod.Labels[naming.LabelComponent] == naming.ComponentIngest:
		report.Progress = &config.Progress{Phase: config.PhaseIndexing, DocumentsDone: 1, DocumentsTotal: Documents}
	case !built:
		report.Stages[config.StageIndex] = config.StageStatus{Reason: config.IndexNotBuilt, Message: "the index is not built yet", Since: since}
	default:
		report.Index = config.IndexStatus{
			Documents: Documents, Chunks: 3 * Documents, EmbeddingModel: config.StandInEmbedding, Dimensions: 512, LastSync: at,
		}
		maps.Copy(report.Stages, r.stages)
	}
	return report
}
