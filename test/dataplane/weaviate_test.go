package dataplane

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index/weaviate/weaviatetest"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// inWeaviate moves the pod's index to a Weaviate, whose keys are mounted: that of the gateway may only read.
func (p *pod) inWeaviate(s *weaviatetest.Server) {
	index := func(secret string) config.Index {
		return config.Index{Weaviate: &config.WeaviateIndex{URL: s.URL, GRPCURL: s.GRPCURL, Key: &config.SecretKey{Name: secret, Key: "api-key"}}}
	}
	p.ingest.Index, p.gateway.Index = index("store"), index("reader")
	p.mount("store/api-key", weaviatetest.Key)
	p.mount("reader/api-key", weaviatetest.ReadingKey)
}

// indexStage waits for the index stage's reason; empty for a stage that works.
func (c client) indexStage(reason config.Failure) {
	c.t.Helper()
	c.await(fmt.Sprintf("an index stage with the reason %q", reason), func(s config.OpsStatus) bool {
		stage := s.Stages[config.StageIndex]
		return stage.OK == (reason == "") && stage.Reason == reason
	})
}

// await waits for a status of which the condition holds.
func (c client) await(what string, holds func(config.OpsStatus) bool) {
	c.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		status := c.status()
		if holds(status) {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the status is %+v, want %s", status, what)
		}
		select {
		case <-c.t.Context().Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestThePodsShareAnIndexInWeaviate(t *testing.T) {
	t.Parallel()
	server := weaviatetest.Start(t, weaviatetest.Options{})
	sim := nimsim.Start(t, nimsim.Options{Key: "key-of-the-models"})
	pod := newPod(t, sim.URL)
	pod.inWeaviate(server)

	// The gateway starts before there is an index, with a wrong key, and says what it waits for.
	pod.mount("reader/api-key", "a-wrong-key")
	gateway, api, ops := pod.startGateway()
	api.until("/healthz", http.StatusOK)
	ops.indexStage("IndexUnauthorized")
	pod.mount("reader/api-key", weaviatetest.ReadingKey)
	ops.indexStage(config.IndexNotBuilt)
	api.get("/readyz").want(t, http.StatusServiceUnavailable)
	api.ask("What is wind measured in?").want(t, http.StatusServiceUnavailable, `"code":"NotBuilt"`)

	for i := range 20 {
		write(t, filepath.Join(pod.documents, fmt.Sprintf("more-%d.md", i)), fmt.Sprintf("# More %d\n\nThe barometer number %d stands still.\n", i, i))
	}
	pod.startIngest().wait().ends(0, `"msg":"Finished ingestion","added":21,`)
	api.until("/readyz", http.StatusOK)
	api.ask("What is wind measured in?").want(t, http.StatusOK, "Wind is measured in knots. [1]", `"document_id":"docs/wind.md"`)
	status := ops.status()
	if status.Index.Documents != 21 || status.Index.Chunks != 21 || status.Index.LastSync.IsZero() || !status.Stages[config.StageIndex].OK {
		t.Errorf("status is %+v", status)
	}

	// A change goes in place; a crash of Weaviate is told, and it comes back by itself.
	write(t, filepath.Join(pod.documents, "wind.md"), strings.ReplaceAll(wind, "knots", "furlongs"))
	remove(t, filepath.Join(pod.documents, "more-0.md"))
	server.Kill()
	api.ask("What is wind measured in?").want(t, http.StatusServiceUnavailable, `"code":"IndexUnreachable"`)
	ops.indexStage("IndexUnreachable")
	run := pod.startIngest() // it waits for a Weaviate that is starting
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	run.wait().ends(0, `"msg":"Finished ingestion","added":0,"changed":1,"unchanged":19,"removed":1,`)
	ops.indexStage("") // by a probe: no one has asked since
	api.ask("What is wind measured in?").want(t, http.StatusOK, "furlongs")
	ops.await("20 documents in 20 chunks", func(s config.OpsStatus) bool { return s.Index.Documents == 20 && s.Index.Chunks == 20 })
	if log := gateway.stderr.String() + run.stderr.String(); strings.Contains(log, weaviatetest.Key) || strings.Contains(log, weaviatetest.ReadingKey) || strings.Contains(log, "a-wrong-key") {
		t.Error("a log holds the key")
	}
	gateway.stop().ends(0)
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
