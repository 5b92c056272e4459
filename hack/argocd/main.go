// Command argocd does with a directory of manifests what an Application of Argo CD does: it applies them with Argo CD's own
// engine, prunes what the engine takes for the application's and is no longer among them, and prints each change of health
// and sync, a JSON line each. It ends when its standard input does.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/argoproj/argo-cd/gitops-engine/pkg/cache"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/diff"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/engine"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/health"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/sync/common"
	"github.com/argoproj/argo-cd/gitops-engine/pkg/utils/kube"
	"github.com/go-logr/logr"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2/textlogger"
)

// label is the one by which Argo CD tracks objects where it tracks by a label.
const label = "app.kubernetes.io/instance"

// Report is what Argo CD would show of the application.
type Report struct {
	Revision  string                  `json:"revision"` // names the manifests
	Health    health.HealthStatusCode `json:"health"`
	Message   string                  `json:"message,omitempty"`
	OutOfSync []string                `json:"outOfSync,omitempty"` // what differs from the manifests
	Managed   []string                `json:"managed"`             // what the application takes for its own
	Error     string                  `json:"error,omitempty"`
}

// application is one that is applied again and again.
type application struct {
	name, namespace, directory string
	script                     string // the health check of RAGPipelines
	engine                     engine.GitOpsEngine
	cache                      cache.ClusterCache
}

func main() {
	var a application
	flag.StringVar(&a.name, "name", "", "name of the application")
	flag.StringVar(&a.namespace, "namespace", "", "namespace of its objects")
	flag.StringVar(&a.directory, "directory", "", "directory of its manifests, one in each file *.json, and a file revision")
	flag.StringVar(&a.script, "health", "", "file of the health check of RAGPipelines")
	flag.Parse()
	if err := a.run(); err != nil {
		fmt.Fprintln(os.Stderr, "argocd:", err)
		os.Exit(1)
	}
}

func (a *application) run() error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 100, 200
	stop, err := a.connect(config)
	if err != nil {
		return err
	}
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		bufio.NewScanner(os.Stdin).Scan()
		cancel()
	}()
	out, last := json.NewEncoder(os.Stdout), ""
	for tick := time.NewTicker(500 * time.Millisecond); ; {
		report := a.report(ctx)
		if now, _ := json.Marshal(report); string(now) != last && ctx.Err() == nil {
			last = string(now)
			if err := out.Encode(report); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (a *application) connect(config *rest.Config) (engine.StopFunc, error) {
	log := textlogger.NewLogger(textlogger.NewConfig(textlogger.Output(os.Stderr)))
	a.cache = cache.NewClusterCache(config,
		cache.SetNamespaces([]string{a.namespace}),
		cache.SetLogr(logr.Discard()),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			return object.GetLabels()[label], object.GetLabels()[label] != ""
		}))
	a.engine = engine.NewEngine(config, a.cache, engine.WithLogr(log))
	return a.engine.Run()
}

// owns is how Argo CD finds an application's objects by the label.
func (a *application) owns(r *cache.Resource) bool {
	name, _ := r.Info.(string)
	return name == a.name
}

// report applies the manifests as an Application with automated sync, pruning and self-heal does, and looks at the result.
func (a *application) report(ctx context.Context) (r Report) {
	targets, revision, err := a.read()
	if err != nil {
		return Report{Error: err.Error()}
	}
	r.Revision = revision
	results, err := a.engine.Sync(ctx, targets, a.owns, revision, a.namespace, sync.WithPrune(true),
		sync.WithServerSideApply(true), sync.WithServerSideApplyManager("argocd-controller"))
	if err != nil {
		r.Error = err.Error()
	}
	for _, result := range results {
		if result.Status == common.ResultCodeSyncFailed {
			r.Error = result.ResourceKey.String() + ": " + result.Message
		}
	}
	if err := a.compare(&r, targets); err != nil {
		r.Error = err.Error()
	}
	return r
}

func (a *application) read() (targets []*unstructured.Unstructured, revision string, err error) {
	raw, err := os.ReadFile(filepath.Join(a.directory, "revision"))
	if err != nil {
		return nil, "", err
	}
	files, err := filepath.Glob(filepath.Join(a.directory, "*.json"))
	if err != nil {
		return nil, "", err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, "", err
		}
		object := new(unstructured.Unstructured)
		if err := json.Unmarshal(content, object); err != nil {
			return nil, "", err
		}
		labels := object.GetLabels()
		if labels == nil {
			labels = map[string]string{}
		}
		labels[label] = a.name
		object.SetLabels(labels)
		object.SetNamespace(a.namespace)
		targets = append(targets, object)
	}
	return targets, string(raw), nil
}

func (a *application) compare(r *Report, targets []*unstructured.Unstructured) error {
	live, err := a.cache.GetManagedLiveObjs(targets, a.owns)
	if err != nil {
		return err
	}
	r.Health = health.HealthStatusHealthy
	for key, object := range live {
		if object == nil {
			continue
		}
		r.Managed = append(r.Managed, key.Kind+"/"+key.Name)
		found, err := health.GetResourceHealth(object, a)
		if err != nil {
			return err
		}
		if found != nil && health.IsWorse(r.Health, found.Status) {
			r.Health, r.Message = found.Status, found.Message
		}
	}
	slices.Sort(r.Managed)
	for _, target := range targets {
		key := kube.GetResourceKey(target)
		if live[key] == nil {
			r.OutOfSync, r.Health = append(r.OutOfSync, key.Kind+"/"+key.Name), health.HealthStatusMissing
			continue
		}
		result, err := diff.Diff(target, live[key], diff.WithLogr(logr.Discard()))
		if err != nil {
			return err
		}
		if result.Modified {
			r.OutOfSync = append(r.OutOfSync, key.Kind+"/"+key.Name)
		}
	}
	return nil
}

// GetResourceHealth runs the health check, as Argo CD runs that of its ConfigMap.
func (a *application) GetResourceHealth(object *unstructured.Unstructured) (*health.HealthStatus, error) {
	if object.GetKind() != "RAGPipeline" {
		return nil, nil //nolint:nilnil // the interface has it so
	}
	l := lua.NewState()
	defer l.Close()
	l.SetGlobal("obj", value(l, object.Object))
	if err := l.DoFile(a.script); err != nil {
		return nil, err
	}
	result, ok := l.Get(-1).(*lua.LTable)
	if !ok {
		return nil, errors.New("the health check returned no table")
	}
	return &health.HealthStatus{
		Status:  health.HealthStatusCode(result.RawGetString("status").String()),
		Message: result.RawGetString("message").String(),
	}, nil
}

// value makes an object one of Lua's.
func value(l *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, value(l, item))
		}
		return table
	case []any:
		table := l.NewTable()
		for _, item := range v {
			table.Append(value(l, item))
		}
		return table
	case string:
		return lua.LString(v)
	case bool:
		return lua.LBool(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	}
	return lua.LNil
}
