package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kube "sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/hack/bench/audit"
	"github.com/ragpipeline/ragpipeline/internal/naming"
	"github.com/ragpipeline/ragpipeline/test/played"
)

const (
	// operatorQuiet is how long no write means that everything has settled: three readings of the
	// pods' reports.
	operatorQuiet = 15 * time.Second
	// operatorSyncs is how many pipelines are asked to read their documents at once.
	operatorSyncs = 50
	// operatorWatched is how long the settled operator is watched.
	operatorWatched = time.Minute
)

// operator measures the operator with many pipelines: all applied at once, then left alone, then
// with the operator replaced. The API server is real, and what runs on nodes is played.
func (b *bench) operator(ctx context.Context) error {
	if err := b.build(ctx); err != nil {
		return err
	}
	assets, err := assets(ctx)
	if err != nil {
		return err
	}
	server, err := audit.Start(ctx, assets, b.dir)
	if err != nil {
		return err
	}
	cluster, err := played.Play(ctx, server.Config, played.Options{Ingesting: time.Second, Network: "127.78"})
	if err != nil {
		return errors.Join(err, server.Stop())
	}
	m := &operators{bench: b, Server: server, cluster: cluster}
	for _, step := range []func(context.Context) error{m.start, m.converge, m.watch, m.sync, m.restart, m.stop, m.floors} {
		if err = step(ctx); err != nil {
			break
		}
	}
	return errors.Join(err, m.stop(ctx), cluster.Stop(), server.Stop())
}

// assets is the directory of the API server's binaries, which are built the first time.
func assets(ctx context.Context) (string, error) {
	const variable = "KUBEBUILDER_ASSETS"
	if dir := os.Getenv(variable); dir != "" {
		return dir, nil
	}
	cmd := exec.CommandContext(ctx, "hack/cluster/cluster", "assets")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("build an API server: %w; or set %s to a directory with etcd and kube-apiserver", err, variable)
	}
	for word := range strings.FieldsSeq(string(out)) {
		if dir, found := strings.CutPrefix(word, variable+"="); found {
			return dir, nil
		}
	}
	return "", fmt.Errorf("hack/cluster/cluster assets named no %s", variable)
}

// operators is the state of the measurement.
type operators struct {
	*bench
	*audit.Server
	cluster *played.Cluster
	process *process // the operator; nil while there is none
	metrics string   // its URL

	requests  []audit.Request // from the first apply until everything had settled
	converged usage           // meanwhile
	quiet     usage           // in a minute afterwards
	reports   float64         // that were read in that minute
}

// start starts an operator as its Deployment does, and says what it needs before there is any
// pipeline.
func (m *operators) start(ctx context.Context) error {
	if err := m.launchOperator(ctx); err != nil {
		return err
	}
	resident, own, err := m.process.idle(ctx)
	m.report.add(m.title(), row{what: "memory before the first", value: resident, unit: "MB"},
		row{what: "of that its own, the rest being pages of the binary", value: own, unit: "MB"})
	return err
}

func (m *operators) launchOperator(ctx context.Context) error {
	metrics, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	health, err := freeAddress(ctx)
	if err != nil {
		return err
	}
	env := []string{"KUBECONFIG=" + m.Kubeconfig, "POD_NAMESPACE=" + audit.OperatorNamespace,
		"OPERATOR_LABELS=app.kubernetes.io/name=ragpipeline-operator"}
	m.process, err = m.launch(ctx, env, m.binary, "operator", "--leader-elect",
		fmt.Sprintf("--concurrency=%d", operatorConcurrency), "--metrics-listen="+metrics, "--health-listen="+health,
		"--image=ragpipeline", "--image-pull-policy=IfNotPresent",
		"--weaviate-image=cr.weaviate.io/semitechnologies/weaviate:1.39.1")
	if err != nil {
		return err
	}
	m.metrics = "http://" + metrics + "/metrics"
	return m.process.ready(ctx, "http://"+health+"/readyz")
}

// stop stops the operator, which gives its Lease back.
func (m *operators) stop(context.Context) error {
	if m.process != nil {
		m.process.stop()
		m.process = nil
	}
	return nil
}

// converge applies all pipelines at once, and waits until all are Ready and nothing is written any
// more.
func (m *operators) converge(ctx context.Context) error {
	log, err := m.Log()
	if err != nil {
		return err
	}
	before, err := m.usage(ctx)
	if err != nil {
		return err
	}
	started := time.Now()
	if err := m.applyPipelines(ctx); err != nil {
		return err
	}
	applied := time.Since(started)
	times, err := m.awaitReady(ctx, started)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, m.process.tail())
	}
	if m.requests, err = m.settle(ctx, log); err != nil {
		return err
	}
	after, err := m.usage(ctx)
	if err != nil {
		return err
	}
	m.converged = after.since(before)
	m.report.add(m.title(),
		row{what: "until all were applied", value: applied.Seconds(), unit: "s"},
		row{what: "**until all were Ready**", value: quantile(times, 1), unit: "s"},
		row{what: "until half were Ready", value: median(times), unit: "s"})
	m.reportRequests()
	return nil
}

// watch looks at the operator while nobody touches a pipeline.
func (m *operators) watch(ctx context.Context) error {
	log, err := m.Log()
	if err != nil {
		return err
	}
	before, err := m.usage(ctx)
	if err != nil {
		return err
	}
	reports := m.cluster.Reports()
	if err := pause(ctx, operatorWatched); err != nil {
		return err
	}
	after, err := m.usage(ctx)
	if err != nil {
		return err
	}
	m.reports = float64(m.cluster.Reports() - reports)
	m.quiet = after.since(before)
	requests, err := log.Requests()
	if err != nil {
		return err
	}
	all := count(requests)
	resident, own, err := m.process.idle(ctx)
	if err != nil {
		return err
	}
	m.report.add(m.quietTitle(),
		row{what: "**writes in a minute**, Leases aside", value: all.writes, atMost: 1},
		row{what: "reads of the API server in a minute, watches aside", value: all.reads},
		row{what: "pods' reports read, each second", value: m.reports / operatorWatched.Seconds()},
		row{what: "passes, each second", value: m.quiet.passes / operatorWatched.Seconds()},
		row{what: "**CPU**, of one core", value: 100 * m.quiet.cpu.Seconds() / operatorWatched.Seconds(), unit: "%"},
		row{what: "CPU a pass", value: milliseconds(m.quiet.cpu) / m.quiet.passes, unit: "ms"},
		row{what: "memory", value: resident, unit: "MB"},
		row{what: "of that its own", value: own, unit: "MB"})
	return nil
}

// sync asks some pipelines at once to read their documents, and waits until nothing is written any more.
func (m *operators) sync(ctx context.Context) error {
	log, err := m.Log()
	if err != nil {
		return err
	}
	before, err := m.usage(ctx)
	if err != nil {
		return err
	}
	syncing := min(operatorSyncs, m.pipelines)
	started := time.Now()
	if err := side(syncing, func(i int) error {
		p := &v1alpha1.RAGPipeline{ObjectMeta: metav1.ObjectMeta{Namespace: namespaceOf(i), Name: nameOf(i)}}
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"again"}}}`, naming.AnnotationSync)
		return m.Client.Patch(ctx, p, kube.RawPatch(types.MergePatchType, patch))
	}); err != nil {
		return err
	}
	requests, err := m.settle(ctx, log)
	if err != nil {
		return err
	}
	after, err := m.usage(ctx)
	if err != nil {
		return err
	}
	all, used := count(requests), after.since(before)
	m.report.add(fmt.Sprintf("Operator, %d of the %d pipelines synced at once", syncing, m.pipelines),
		row{what: "until the last write", value: all.last.Sub(started).Seconds(), unit: "s"},
		row{what: "writes a pipeline that synced", value: all.writes / float64(syncing)},
		row{what: "CPU meanwhile", value: used.cpu.Seconds(), unit: "s"},
		row{what: "**peak memory**", value: used.peak, unit: "MB"})
	return nil
}

// restart replaces the operator by another one, which remembers nothing.
func (m *operators) restart(ctx context.Context) error {
	versions, err := m.versions(ctx)
	if err != nil {
		return err
	}
	log, err := m.Log()
	if err != nil {
		return err
	}
	if err := m.stop(ctx); err != nil {
		return err
	}
	started := time.Now()
	if err := m.launchOperator(ctx); err != nil {
		return err
	}
	requests, err := m.settle(ctx, log)
	if err != nil {
		return err
	}
	after, err := m.usage(ctx)
	if err != nil {
		return err
	}
	now, err := m.versions(ctx)
	if err != nil {
		return err
	}
	changed := 0
	for object, version := range now {
		if versions[object] != version {
			changed++
		}
	}
	all := count(requests)
	m.report.add(m.restartTitle(),
		row{what: "from its start to its last write", value: all.last.Sub(started).Seconds(), unit: "s"},
		row{what: "applies a pipeline", value: all.applies / float64(m.pipelines)},
		row{what: "**objects that they changed**", value: float64(changed)},
		row{what: "other writes", value: all.writes - all.applies},
		row{what: "CPU until it had settled", value: after.cpu.Seconds(), unit: "s"},
		row{what: "peak memory", value: after.peak, unit: "MB"})
	return nil
}
