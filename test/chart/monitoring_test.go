package chart

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/loopback"
)

const monitoring = config + "/monitoring"

// prometheus returns the path of a program of Prometheus.
func prometheus(t *testing.T, program string) string {
	t.Helper()
	directory := os.Getenv("RAGPIPELINE_PROMETHEUS")
	if directory == "" {
		if os.Getenv("RAGPIPELINE_COMPAT") == "require" {
			t.Fatal("RAGPIPELINE_PROMETHEUS is not set: hack/prometheus/binary.sh prints what to set it to")
		}
		t.Skip("RAGPIPELINE_PROMETHEUS is not set: `make test` sets it")
	}
	return filepath.Join(directory, program)
}

func TestEachAlertFiresWhenItShould(t *testing.T) {
	readAll(t, monitoring)
	var rules struct {
		Groups []struct{ Rules []struct{ Alert string } }
	}
	if err := yaml.Unmarshal(read(t, monitoring+"/rules.yaml"), &rules); err != nil {
		t.Fatal(err)
	}
	tests := string(read(t, monitoring+"/rules_test.yaml"))
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" && !strings.Contains(tests, "alertname: "+rule.Alert+"\n") {
				t.Errorf("no test makes %s fire", rule.Alert)
			}
		}
	}
	output(t, prometheus(t, "promtool"), "test", "rules", monitoring+"/rules_test.yaml")
}

var (
	registered = regexp.MustCompile(`(?:Name:\s+"ragpipeline_|\bdescribe\("|\b(desc)\(")(\w+)"`)
	named      = regexp.MustCompile(`\bragpipeline_\w+`)
	histogram  = regexp.MustCompile(`_(bucket|count|sum)$`)
)

// metrics returns the names of the metrics that the programs register.
func metrics(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, root := range []string{"../../internal", "../../controllers"} {
		err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			if !strings.Contains(string(source), "client_golang/prometheus") {
				return err
			}
			for _, match := range registered.FindAllStringSubmatch(string(source), -1) {
				name := "ragpipeline_"
				if match[1] == "desc" {
					name += "index_"
				}
				names = append(names, name+match[2])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

func TestAlertsDashboardAndDocsNameTheMetricsThatThereAre(t *testing.T) {
	exist := metrics(t)
	docs := string(read(t, "../../docs/monitoring.md"))
	for _, name := range exist {
		if !strings.Contains(docs, "`"+name+"`") && !strings.Contains(docs, "`"+name+"{") {
			t.Errorf("docs/monitoring.md does not describe %s", name)
		}
	}
	for _, file := range []string{monitoring + "/rules.yaml", monitoring + "/dashboard.json", "../../docs/monitoring.md"} {
		for _, name := range named.FindAllString(string(read(t, file)), -1) {
			if !slices.Contains(exist, name) && !slices.Contains(exist, histogram.ReplaceAllString(name, "")) {
				t.Errorf("%s names %s, which no program registers", file, name)
			}
		}
	}
}

// series are what a Prometheus in use would have of a pipeline in trouble, growing by n.
func series(n int64) string {
	const pipeline, status = `namespace="rag",pipeline="papers"`, `namespace="rag",name="papers"`
	var b strings.Builder
	add := func(name, labels string, value int64) { fmt.Fprintf(&b, "%s{%s} %d\n", name, labels, value) }
	add("ragpipeline_condition", status+`,type="Ready",status="False",reason="Unhealthy"`, 1)
	add("ragpipeline_condition", status+`,type="LLMReady",status="False",reason="Unreachable"`, 1)
	for _, name := range []string{"documents", "documents_failed", "documents_with_warnings", "last_sync_timestamp_seconds"} {
		add("ragpipeline_"+name, status, 10)
	}
	add("ragpipeline_source_up", status+`,source="bucket"`, 0)
	add("ragpipeline_source_last_success_timestamp_seconds", status+`,source="bucket"`, 10)
	for _, outcome := range []string{"answered", "failed"} {
		add("ragpipeline_queries_total", pipeline+`,outcome="`+outcome+`"`, 5*n)
	}
	for _, result := range []string{"added", "embedded"} {
		add("ragpipeline_ingest_documents_total", pipeline+`,result="`+result+`"`, n)
		add("ragpipeline_ingest_chunks_total", pipeline+`,result="`+result+`"`, n)
	}
	for name, label := range map[string]string{
		"query_duration_seconds": `stage="first_token"`, "model_request_duration_seconds": `model_role="LLM",outcome="ok"`,
	} {
		for _, le := range []string{"1", "5", "+Inf"} {
			add("ragpipeline_"+name+"_bucket", pipeline+","+label+`,le="`+le+`"`, 3*n)
		}
		add("ragpipeline_"+name+"_count", pipeline+","+label, 3*n)
	}
	add("ragpipeline_model_request_duration_seconds_count", pipeline+`,model_role="LLM",outcome="timeout"`, n)
	add("controller_runtime_reconcile_total", `controller="ragpipeline",result="success"`, n)
	for _, name := range []string{"available", "capacity"} {
		add("kubelet_volume_stats_"+name+"_bytes", `namespace="rag",persistentvolumeclaim="data-papers-weaviate-0"`, 10)
	}
	return b.String()
}

// A query that Prometheus does not understand, or that looks for labels which no metric has, shows an empty panel.
func TestEveryQueryOfTheDashboardReturnsData(t *testing.T) {
	var scrapes atomic.Int64
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, series(scrapes.Add(1)))
	}))
	t.Cleanup(target.Close)
	server := startPrometheus(t, target.Listener.Addr().String())
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(read(t, monitoring+"/dashboard.json"), &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "10s", "$namespace", ".*", "$pipeline", ".*")
	queries := 0
	for _, panel := range dashboard.Panels {
		for _, query := range panel.Targets {
			queries++
			awaitData(t, server, panel.Title, variables.Replace(query.Expr))
		}
	}
	if queries < 20 {
		t.Errorf("the dashboard has %d queries", queries)
	}
}

// startPrometheus runs a Prometheus with the alerts' rules over one target, and returns its URL.
func startPrometheus(t *testing.T, target string) string {
	t.Helper()
	rules, err := filepath.Abs(monitoring + "/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir+"/prometheus.yml", fmt.Sprintf(`{global: {scrape_interval: 200ms, evaluation_interval: 500ms}, rule_files: [%q],
		scrape_configs: [{job_name: pipelines, honor_labels: true, static_configs: [{targets: [%q]}]}]}`, rules, target))
	address := loopback.Free(t)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	server := exec.CommandContext(ctx, prometheus(t, "prometheus"),
		"--config.file="+dir+"/prometheus.yml", "--storage.tsdb.path="+dir+"/data", "--web.listen-address="+address)
	if err := server.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = server.Wait() })
	return "http://" + address
}

// awaitData asks until the query returns data.
func awaitData(t *testing.T, server, panel, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		var reply struct {
			Error string
			Data  struct{ Result []json.RawMessage }
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/v1/query?query="+url.QueryEscape(query), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			err = json.NewDecoder(response.Body).Decode(&reply)
			_ = response.Body.Close()
		}
		switch {
		case err == nil && reply.Error != "":
			t.Fatalf("%s: %s: %s", panel, query, reply.Error)
		case err == nil && len(reply.Data.Result) > 0:
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %s returns nothing (%v)", panel, query, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func TestTheOperatorIsToldOfTracesAndMetricsOfStores(t *testing.T) {
	for set, flag := range map[string]string{
		"tracing.endpoint=http://collector:4318": "--otlp-endpoint=http://collector:4318",
		"metrics.weaviate.enabled=true":          "--weaviate-metrics",
	} {
		for _, on := range []bool{false, true} {
			sets := []string{"replicas=1"}
			if on {
				sets = append(sets, set)
			}
			if args := operator(t, render(t, sets...))["args"].([]any); slices.Contains(args, any(flag)) != on {
				t.Errorf("with %v the operator gets %v", sets, args)
			}
		}
	}
}

func TestMonitorsAlertsAndDashboardAreInstalledOnRequest(t *testing.T) {
	all := render(t, "metrics.podMonitors.enabled=true", "metrics.podMonitors.labels.release=p", "metrics.rules.enabled=true",
		"metrics.dashboard.enabled=true", "metrics.weaviate.enabled=true", "watchNamespaces={team-a}")
	for name, components := range map[string][]any{
		"gateways": {naming.ComponentGateway, naming.ComponentIngest},
		"models":   {naming.ComponentEmbedding, naming.ComponentReranking, naming.ComponentLLM},
		"stores":   {naming.ComponentWeaviate},
	} {
		monitor := find(t, all, "PodMonitor/ragpipeline-system/ragpipeline-"+name)
		spec := monitor.Object["spec"].(map[string]any)
		selector := spec["selector"].(map[string]any)
		values := selector["matchExpressions"].([]any)[0].(map[string]any)["values"].([]any)
		if !slices.Equal(values, components) || selector["matchLabels"].(map[string]any)[naming.LabelManagedBy] != naming.Manager {
			t.Errorf("%s selects %v", name, selector)
		}
		if monitor.GetLabels()["release"] != "p" || spec["namespaceSelector"].(map[string]any)["matchNames"].([]any)[0] != "team-a" {
			t.Errorf("%s: %v", name, monitor.Object)
		}
	}
	groups := find(t, all, "PrometheusRule/ragpipeline-system/ragpipeline").Object["spec"].(map[string]any)["groups"].([]any)
	if len(groups) < 4 {
		t.Errorf("%d groups of rules", len(groups))
	}
	dashboard := find(t, all, "ConfigMap/ragpipeline-system/ragpipeline-dashboard")
	if text, _ := dashboard.Object["data"].(map[string]any)["ragpipeline.json"].(string); !json.Valid([]byte(text)) {
		t.Error("the dashboard is not JSON")
	}
	if dashboard.GetLabels()["grafana_dashboard"] != "1" {
		t.Errorf("the dashboard's labels are %v", dashboard.GetLabels())
	}
}
