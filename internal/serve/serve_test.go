package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func get(t *testing.T, l net.Listener) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return http.DefaultClient.Do(req)
}

func TestAShutdownLetsRequestsFinish(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	entered, release := make(chan struct{}), make(chan struct{})
	api, ops := listen(t), listen(t)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-release
		if r.Context().Err() != nil {
			t.Error("the request was cancelled by the shutdown")
		}
		io.WriteString(w, "answered")
	})
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, slog.New(slog.DiscardHandler), time.Minute,
			Server{Name: "api", Listener: api, Handler: handler}, Server{Name: "ops", Listener: ops, Handler: http.NotFoundHandler()})
	}()
	body := make(chan string, 1)
	go func() {
		resp, err := get(t, api)
		if err != nil {
			body <- err.Error()
			return
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		body <- string(b)
	}()
	<-entered
	stop()
	if resp, err := get(t, ops); err != nil {
		t.Errorf("the ops server ended before the requests: %v", err)
	} else {
		resp.Body.Close()
	}
	close(release)
	if got := <-body; got != "answered" {
		t.Errorf("the request got %q", got)
	}
	if err := <-done; err != nil {
		t.Errorf("a shutdown that was asked for is an error: %v", err)
	}
	if resp, err := get(t, api); err == nil {
		resp.Body.Close()
		t.Error("the server still answers")
	}
}

func TestAnEndlessStreamIsCutOffAfterTheGracePeriodAndMaySaySo(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	l := listen(t)
	entered := make(chan struct{})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "begun, ")
		http.NewResponseController(w).Flush()
		close(entered)
		<-r.Context().Done()
		if cause := context.Cause(r.Context()); errors.Is(cause, context.Canceled) {
			t.Errorf("the cause is %v, as if the caller had left", cause)
		}
		io.WriteString(w, "cut off")
	})
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, slog.New(slog.DiscardHandler), time.Millisecond, Server{Name: "api", Listener: l, Handler: handler})
	}()
	resp, err := get(t, l)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-entered
	stop()
	if got, err := io.ReadAll(resp.Body); string(got) != "begun, cut off" || err != nil {
		t.Errorf("the stream was %q, %v", got, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAServerThatFailsStopsTheOthersAndIsTheError(t *testing.T) {
	broken, ok := listen(t), listen(t)
	broken.Close()
	err := Run(t.Context(), slog.New(slog.DiscardHandler), time.Minute,
		Server{Name: "api", Listener: ok, Handler: http.NotFoundHandler()}, Server{Name: "ops", Listener: broken, Handler: http.NotFoundHandler()})
	if !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "serve ops on ") {
		t.Errorf("got %v", err)
	}
	if resp, err := get(t, ok); err == nil {
		resp.Body.Close()
		t.Error("the other server still answers")
	}
}

// builtIndex is an index that answers with fixed figures, or, when unreachable, not until the
// caller gives up.
type builtIndex struct {
	index.Reader
	stats       index.Stats
	failed      []index.Row
	unreachable bool
}

func (b *builtIndex) Stats(ctx context.Context) (index.Stats, error) {
	if b.unreachable {
		<-ctx.Done()
		return index.Stats{}, ctx.Err()
	}
	return b.stats, nil
}

func (b *builtIndex) Failures(_ context.Context, limit int) ([]index.Row, error) {
	return b.failed[:min(limit, len(b.failed))], nil
}

func askOps(t *testing.T, o OpsOptions) func(path string) (int, string) {
	h := Ops(o)
	return func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Code, w.Body.String()
	}
}

func TestOpsReportsIndexStagesReadinessAndProgress(t *testing.T) {
	generation := config.Generation{Embedding: config.EmbeddingSpace{Model: "e"}}
	stages := NewStages()
	stages.Report(config.StageIndex, nil)
	synced := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	progress := config.Progress{Phase: config.PhaseIndexing, DocumentsDone: 3, DocumentsTotal: 22}
	want := config.OpsStatus{
		Pipeline: "ns/demo", Generation: generation.Fingerprint(), Stages: stages.Snapshot(), Progress: &progress,
		Index: config.IndexStatus{
			Documents: 10, Chunks: 40, FailedDocuments: 12, EmbeddingModel: "e", Dimensions: 8, LastSync: synced,
		},
	}
	failed := make([]index.Row, 12)
	for i := range failed {
		row := index.Row{Document: fmt.Sprint("docs/", i), Reason: config.Encrypted, Message: "it needs a password"}
		failed[i] = row
		if i < 10 {
			f := config.FailedDocument{Document: row.Document, Reason: row.Reason, Message: row.Message}
			want.Index.Failures = append(want.Index.Failures, f)
		}
	}
	ready := false
	ask := askOps(t, OpsOptions{
		Pipeline:   config.Pipeline{Namespace: "ns", Name: "demo"},
		Generation: generation,
		Stages:     stages,
		Index: &builtIndex{
			stats:  index.Stats{Documents: 10, Chunks: 40, FailedDocuments: 12, Dimensions: 8, Completed: synced},
			failed: failed,
		},
		Ready:    func() bool { return ready },
		Progress: func() *config.Progress { return &progress },
	})
	for _, ready = range []bool{true, false} {
		want.Ready = ready
		_, body := ask(config.OpsPath)
		var got config.OpsStatus
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the status differs (-want +got):\n%s", diff)
		}
	}
}

func TestOpsAnswersHealthReadinessMetricsAndProfiles(t *testing.T) {
	ready := false
	metrics := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "questions_total", Help: "x"})
	metrics.MustRegister(counter)
	ask := askOps(t, OpsOptions{Ready: func() bool { return ready }, Gatherer: metrics})
	if code, _ := ask("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz gives %d", code)
	}
	if code, _ := ask("/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("/readyz gives %d before the process is ready", code)
	}
	ready = true
	if code, _ := ask("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz gives %d when the process is ready", code)
	}
	if _, body := ask("/metrics"); !strings.Contains(body, "questions_total 0") {
		t.Errorf("/metrics lacks the counter:\n%s", body)
	}
	if code, body := ask("/debug/pprof/"); code != http.StatusOK || !strings.Contains(body, "goroutine") {
		t.Errorf("/debug/pprof/ gives %d", code)
	}
	if code, _ := ask("/other"); code != http.StatusNotFound {
		t.Errorf("an unknown route gives %d", code)
	}
}

// The operator waits 2 s for a status.
func TestTheStatusDoesNotWaitForAnUnreachableIndex(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := OpsOptions{Stages: NewStages(), Index: &builtIndex{unreachable: true}}
		o.Generation.Embedding.Model = "e"
		start := time.Now()
		got := o.status(t.Context())
		if took := time.Since(start); took >= 2*time.Second {
			t.Errorf("the status took %s", took)
		}
		if diff := cmp.Diff(config.IndexStatus{EmbeddingModel: "e"}, got.Index); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got.Ready || got.Progress != nil {
			t.Errorf("a process without readiness and progress reports %+v", got)
		}
	})
}

func TestLogsAreJSONLinesUnlessOnATerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	log := Logger(file, slog.LevelInfo)
	log.Debug("hidden")
	log.Info("Shown", "n", 1)
	b, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(b, &line); err != nil || line["msg"] != "Shown" {
		t.Errorf("the log is %q", b)
	}
}

func TestTracesAreSentOnlyWhereTheStandardVariablesSay(t *testing.T) {
	received := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received <- r.URL.Path + " " + string(body)
	}))
	t.Cleanup(collector.Close)
	previous := otel.GetTracerProvider()
	t.Cleanup(func() { otel.SetTracerProvider(previous) })
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED",
		"OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_SERVICE_NAME"} {
		t.Setenv(name, "")
	}

	shutdown, err := Tracing(t.Context(), "gateway")
	if err != nil || otel.GetTracerProvider() != previous {
		t.Errorf("without variables there is a tracer, or an error: %v", err)
	}
	if err := shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if _, ok := otel.GetTextMapPropagator().(propagation.TraceContext); !ok {
		t.Error("trace headers are not passed on without an exporter")
	}

	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	if _, err := Tracing(t.Context(), "gateway"); err == nil || !strings.Contains(err.Error(), "http/protobuf") {
		t.Errorf("a protocol that is not spoken gives %v", err)
	}

	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "")
	shutdown, err = Tracing(t.Context(), "gateway")
	if err != nil {
		t.Fatal(err)
	}
	_, span := otel.Tracer("test").Start(t.Context(), "retrieve")
	span.End()
	if err := shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := <-received
	if !strings.HasPrefix(got, "/v1/traces ") || !strings.Contains(got, "gateway") || !strings.Contains(got, "retrieve") {
		t.Errorf("the collector got %q", got)
	}
}
