//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"

	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/loopback"
)

const monitoring = "../../config/monitoring"

// metrics is a Prometheus that scrapes the operator, the kubelet and the pods of one namespace as the chart's monitors
// do, and has the chart's alerts, which do not wait before they fire.
type metrics struct {
	*namespace
	url   string
	rules string
	fired map[string]bool // by the alert's name
}

// prometheus starts one, until the test ends.
func (n *namespace) prometheus() *metrics {
	n.t.Helper()
	programs := os.Getenv("RAGPIPELINE_PROMETHEUS")
	if programs == "" {
		n.t.Skip("RAGPIPELINE_PROMETHEUS is not set: make e2e-long sets it")
	}
	directory := n.t.TempDir()
	rules, err := os.ReadFile(monitoring + "/rules.yaml")
	if err != nil {
		n.t.Fatal(err)
	}
	impatient := regexp.MustCompile(`(?m)^( +for:) \d+m$`).ReplaceAll(rules, []byte("$1 1s"))
	n.write(directory, "rules.yaml", string(impatient))
	n.write(directory, "prometheus.yml", n.scrapes(directory))
	address := loopback.Free(n.t)
	command := exec.Command(filepath.Join(programs, "prometheus"), "--config.file="+directory+"/prometheus.yml",
		"--storage.tsdb.path="+directory+"/data", "--web.listen-address="+address)
	log, err := os.Create(filepath.Join(directory, "log"))
	if err != nil {
		n.t.Fatal(err)
	}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if n.t.Failed() {
			raw, _ := os.ReadFile(log.Name())
			n.t.Logf("prometheus:\n%s", bounded(string(raw), 3000))
		}
	})
	return &metrics{n, "http://" + address, string(rules), map[string]bool{}}
}

func (n *namespace) write(directory, name, text string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// scrapes is the configuration: a job for each monitor of the chart, and one for the kubelet.
func (n *namespace) scrapes(directory string) string {
	n.t.Helper()
	rest, err := config.GetConfig()
	if err != nil {
		n.t.Fatal(err)
	}
	n.write(directory, "client.crt", string(rest.CertData))
	n.write(directory, "client.key", string(rest.KeyData))
	var nodes corev1.NodeList
	if err := api.List(n.t.Context(), &nodes); err != nil {
		n.t.Fatal(err)
	}
	discovery := n.serve(http.HandlerFunc(targets))
	job := func(name, namespace, port string) string {
		return fmt.Sprintf(`
- job_name: %s
  honor_labels: true
  http_sd_configs: [{url: "http://%s/?namespace=%s&port=%s", refresh_interval: 1s}]
`, name, discovery.address, namespace, port)
	}
	return "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [rules.yaml]\nscrape_configs:" +
		job("operator", operatorNamespace, "metrics") + job("gateways", n.name, "ops") + job("stores", n.name, "metrics") +
		fmt.Sprintf(`
- job_name: kubelet
  scheme: https
  tls_config: {cert_file: client.crt, key_file: client.key, insecure_skip_verify: true}
  static_configs: [{targets: ["%s:10250"]}]
`, nodes.Items[0].Status.Addresses[0].Address)
}

// targets lists the pods of a namespace that have a port of a name, with the labels that a PodMonitor gives them. Debian's
// Prometheus does not know Kubernetes.
func targets(w http.ResponseWriter, r *http.Request) {
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	var list corev1.PodList
	if err := api.List(r.Context(), &list, client.InNamespace(r.FormValue("namespace"))); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	groups := []group{}
	for _, pod := range list.Items {
		for _, port := range pod.Spec.Containers[0].Ports {
			if port.Name == r.FormValue("port") && pod.Status.Phase == corev1.PodRunning {
				groups = append(groups, group{[]string{net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(int(port.ContainerPort)))},
					map[string]string{"namespace": pod.Namespace, "pod": pod.Name, "pipeline": pod.Labels[naming.LabelPipeline]}})
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(groups)
}

// query asks the Prometheus for a path of its API.
func (m *metrics) query(ctx context.Context, path string, into any) error {
	var reply struct {
		Error string
		Data  json.RawMessage
	}
	if err := send(ctx, "", http.MethodGet, m.url+"/api/v1/"+path, nil, &reply); err != nil {
		return err
	}
	if reply.Error != "" {
		return errors.New(reply.Error)
	}
	return json.Unmarshal(reply.Data, into)
}

// alert is one that fires, or is about to.
type alert struct {
	Labels map[string]string
	State  string
}

func (a *alert) String() string {
	return fmt.Sprintf("%s %s %v", a.Labels["alertname"], a.State, a.Labels)
}

// alerts are those on the namespace's pipelines.
func (m *metrics) alerts(ctx context.Context) (list []*alert, err error) {
	var all struct{ Alerts []*alert }
	if err := m.query(ctx, "alerts", &all); err != nil {
		return nil, err
	}
	for _, a := range all.Alerts {
		if a.Labels["namespace"] == m.name {
			list = append(list, a)
		}
	}
	return list, nil
}

// silent waits until there is no alert.
func (m *metrics) silent() {
	m.t.Helper()
	eventually(m.t, time.Minute, "no alert fires", func(ctx context.Context) error {
		list, err := m.alerts(ctx)
		if err == nil && len(list) > 0 {
			err = fmt.Errorf("these do: %v", list)
		}
		return err
	})
}

// fires waits until an alert fires, with further labels such as "type=LLMReady".
func (m *metrics) fires(name string, labels ...string) {
	m.t.Helper()
	eventually(m.t, 6*time.Minute, name+" fires", func(ctx context.Context) error {
		list, err := m.alerts(ctx)
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.Labels["alertname"] == name && a.State == "firing" && hasAll(a.Labels, labels) {
				m.t.Log(a)
				m.fired[name] = true
				return nil
			}
		}
		return fmt.Errorf("these do: %v", list)
	})
}

// firedAll checks that the test has seen each alert fire.
func (m *metrics) firedAll() {
	m.t.Helper()
	for _, match := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(m.rules, -1) {
		if !m.fired[match[1]] {
			m.t.Errorf("nothing makes %s fire", match[1])
		}
	}
}

func hasAll(labels map[string]string, want []string) bool {
	for _, label := range want {
		if key, value, _ := strings.Cut(label, "="); labels[key] != value {
			return false
		}
	}
	return true
}

// shows waits until every query of the dashboard, and further ones, return data.
func (m *metrics) shows(further ...string) {
	m.t.Helper()
	raw, err := os.ReadFile(monitoring + "/dashboard.json")
	if err != nil {
		m.t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(raw, &dashboard); err != nil {
		m.t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "15m", "$namespace", m.name, "$pipeline", ".*")
	queries := further
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			queries = append(queries, variables.Replace(target.Expr))
		}
	}
	for _, query := range queries {
		eventually(m.t, time.Minute, query+" returns data", func(ctx context.Context) error {
			var reply struct{ Result []json.RawMessage }
			if err := m.query(ctx, "query?query="+url.QueryEscape(query), &reply); err != nil {
				return err
			}
			if len(reply.Result) == 0 {
				return errors.New("nothing")
			}
			return nil
		})
	}
	m.t.Logf("%d queries return data", len(queries))
}
