package controllers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/desired/naming"
)

// server is a pod's: an address of its own on the loopback network, 127.77.x.y, with an ops port that answers.
type server struct {
	address string
	http    *http.Server
}

var lastAddress atomic.Uint32

// serve gives a pod an address and answers for it on its ops port.
func (c *cluster) serve(pod *corev1.Pod) (string, error) {
	if s := c.servers[pod.UID]; s != nil {
		return s.address, nil
	}
	n := lastAddress.Add(1)
	s := &server{address: fmt.Sprintf("127.77.%d.%d", n/250, n%250+1)}
	listener, err := net.Listen("tcp", net.JoinHostPort(s.address, "9090"))
	if err != nil {
		return "", err
	}
	itself := pod.DeepCopy() // the kubelet goes on writing to the pod
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+config.OpsPath, func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(c.report(itself))
	})
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go s.http.Serve(listener)
	c.servers[pod.UID] = s
	return s.address, nil
}

// closeExcept ends the servers of pods that are gone.
func (c *cluster) closeExcept(pods []corev1.Pod) {
	for uid, s := range c.servers {
		if !slices.ContainsFunc(pods, func(pod corev1.Pod) bool { return pod.UID == uid }) {
			s.http.Close()
			delete(c.servers, uid)
		}
	}
}

// report is what a pod says of itself: a gateway is ready once the generation that it is pinned to is in the index.
func (c *cluster) report(pod *corev1.Pod) config.OpsStatus {
	pipeline, generation := pod.Labels[naming.LabelPipeline], pod.Labels[naming.LabelGeneration]
	at, built := c.built(pipeline, generation)
	since := pod.CreationTimestamp.Time
	report := config.OpsStatus{Pipeline: pipeline, Generation: generation, Ready: built, Stages: map[config.Stage]config.StageStatus{}}
	for _, stage := range []config.Stage{config.StageEmbedding, config.StageReranking, config.StageLLM, config.StageIndex} {
		report.Stages[stage] = config.StageStatus{OK: true, Since: since}
	}
	if pod.Labels[naming.LabelComponent] == naming.ComponentIngest {
		report.Progress = &config.Progress{Phase: "Indexing", DocumentsDone: 1, DocumentsTotal: documents}
		return report
	}
	if !built {
		report.Stages[config.StageIndex] = config.StageStatus{Reason: config.IndexNotBuilt, Message: "the index is not built yet", Since: since}
		return report
	}
	report.Index = config.IndexStatus{
		Documents: documents, Chunks: 3 * documents, EmbeddingModel: config.StandInEmbedding, Dimensions: 512, LastSync: at,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.Copy(report.Stages, c.stages)
	return report
}
