//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// argo is an application of Argo CD's engine, over a directory of manifests.
type argo struct {
	*namespace
	directory string

	mu      sync.Mutex
	reports []argoReport // in order
}

// argoReport is what the application shows at one moment.
type argoReport struct {
	Revision, Health, Message, Error string
	OutOfSync, Managed               []string
	at                               time.Time
}

// argo starts an application, until the test ends. It tracks its objects by the label app.kubernetes.io/instance.
func (n *namespace) argo(name string) *argo {
	n.t.Helper()
	program := os.Getenv("E2E_ARGOCD")
	if program == "" {
		n.t.Skip("E2E_ARGOCD is not set: make e2e-long builds Argo CD's engine")
	}
	a := &argo{namespace: n, directory: n.t.TempDir()}
	a.commit("none")
	command := exec.Command(program, "-name="+name, "-namespace="+n.name, "-directory="+a.directory, "-health=../../config/argocd/health.lua")
	in, err := command.StdinPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		n.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		a.read(out)
	}()
	n.t.Cleanup(func() {
		_ = in.Close()
		<-done
		_ = command.Wait()
		if n.t.Failed() {
			for _, r := range a.seen() {
				n.t.Logf("%s %+v", r.at.Format("15:04:05.0"), r)
			}
		}
	})
	return a
}

func (a *argo) read(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		r := argoReport{at: time.Now()}
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			a.mu.Lock()
			a.reports = append(a.reports, r)
			a.mu.Unlock()
		}
	}
}

func (a *argo) seen() []argoReport {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.reports)
}

// commit makes the manifests of the application these.
func (a *argo) commit(revision string, objects ...*unstructured.Unstructured) {
	a.t.Helper()
	old, err := filepath.Glob(filepath.Join(a.directory, "*.json"))
	if err != nil {
		a.t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, object := range objects {
		raw, err := json.Marshal(object)
		if err != nil {
			a.t.Fatal(err)
		}
		files[filepath.Join(a.directory, object.GetKind()+"-"+object.GetName()+".json")] = raw
	}
	for _, file := range old {
		if files[file] == nil {
			err = errors.Join(err, os.Remove(file))
		}
	}
	files[filepath.Join(a.directory, "revision")] = []byte(revision)
	for file, raw := range files {
		err = errors.Join(err, os.WriteFile(file+".new", raw, 0o600), os.Rename(file+".new", file))
	}
	if err != nil {
		a.t.Fatal(err)
	}
}

// shows waits until the application is in sync with a revision and has a health, and objects that it takes for its own.
func (a *argo) shows(revision, health string, managed ...string) {
	a.t.Helper()
	eventually(a.t, readyWithin, revision+" is "+health, func(context.Context) error {
		all := a.seen()
		if len(all) == 0 {
			return errors.New("it shows nothing")
		}
		if r := all[len(all)-1]; r.Revision != revision || len(r.OutOfSync) > 0 || r.Health != health ||
			!slices.Equal(r.Managed, managed) {
			return fmt.Errorf("it shows %+v", r)
		}
		return nil
	})
}

func TestArgoCDIsHealthyOnceTheIndexOfACommitServesAndTakesNothingElseForItsOwn(t *testing.T) {
	long(t)
	t.Parallel()
	n := newNamespace(t)
	a := n.argo("team-handbook")
	p := &pipeline{n, "handbook"}
	objects := kustomized(t, filepath.Join(samples, "gitops/repository"))
	slices.SortFunc(objects, func(x, y *unstructured.Unstructured) int { return strings.Compare(x.GetKind(), y.GetKind()) })
	mine := []string{"ConfigMap/" + objects[0].GetName(), "RAGPipeline/handbook"}
	prober := p.probe(howManyDays)
	a.commit("first", objects...)
	a.shows("first", "Healthy", mine...)
	p.serves(800, "28 days")
	begun := time.Now()

	t.Log("the chunk size")
	changed := objects[1].DeepCopy()
	if err := unstructured.SetNestedMap(changed.Object, map[string]any{"size": int64(120), "overlap": int64(20)}, "spec", "chunking"); err != nil {
		t.Fatal(err)
	}
	a.commit("second", objects[0], changed)
	a.shows("second", "Healthy", mine...)
	p.serves(120, "28 days")

	t.Log("a change that the API server refuses")
	refused := changed.DeepCopy()
	_ = unstructured.SetNestedField(refused.Object, int64(500), "spec", "chunking", "overlap")
	a.commit("third", objects[0], refused)
	eventually(t, readyWithin, "the sync fails", func(context.Context) error {
		all := a.seen()
		return containsAll(all[len(all)-1].Error, "overlap")
	})
	p.serves(120, "28 days")
	a.commit("second", objects[0], changed)
	a.shows("second", "Healthy", mine...)
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)

	t.Log("a pipeline that leaves the repository")
	a.commit("fourth", objects[0])
	a.shows("fourth", "Healthy", mine[0])
	p.leaves()
	a.shows("fourth", "Healthy", mine[0])
}

// kustomized builds a directory, as both tools do.
func kustomized(t *testing.T, directory string) []*unstructured.Unstructured {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "kubectl", "kustomize", directory).Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "built.yaml")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return manifests(t, file)
}
