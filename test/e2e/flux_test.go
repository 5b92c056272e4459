//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/source/git/gittest"
	"github.com/ragpipeline/ragpipeline/test/loopback"
)

// Flux's kinds. It says by the first two how far it is.
var (
	kustomization = schema.GroupVersionKind{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: "Kustomization"}
	helmRelease   = schema.GroupVersionKind{Group: "helm.toolkit.fluxcd.io", Version: "v2", Kind: "HelmRelease"}
	helmChart     = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "HelmChart"}
	gitRepository = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "GitRepository"}
)

// flux is a Git repository, and Flux's controllers, which run on this machine and look after the objects of one
// namespace.
type flux struct {
	*namespace
	*gittest.Repository
	url string
}

// flux starts source-controller and others.
func (n *namespace) flux(controllers ...string) *flux {
	n.t.Helper()
	directory := os.Getenv("E2E_FLUX")
	if directory == "" {
		n.t.Skip("E2E_FLUX is not set: make e2e-long builds Flux's controllers")
	}
	n.defineFlux(filepath.Join(directory, "crds.yaml"))
	repository := gittest.New(n.t)
	f := &flux{n, repository, "http://" + n.serve(repository.Handler("", "")).address + "/repo.git"}
	storage := loopback.Free(n.t)
	f.start(filepath.Join(directory, "source-controller"), "--storage-path="+n.t.TempDir(), "--storage-addr="+storage, "--storage-adv-addr="+storage)
	for _, name := range controllers {
		f.start(filepath.Join(directory, name))
	}
	n.t.Cleanup(f.forget)
	return f
}

// forget deletes Flux's objects while its controllers run, which take off their finalizers.
func (f *flux) forget() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, kind := range []schema.GroupVersionKind{kustomization, helmRelease, helmChart, gitRepository} {
		err := await(ctx, time.Minute, func(ctx context.Context) error {
			list := new(unstructured.UnstructuredList)
			list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
			if err := api.List(ctx, list, client.InNamespace(f.name)); err != nil || len(list.Items) == 0 {
				return err
			}
			for i := range list.Items {
				if err := api.Delete(ctx, &list.Items[i]); client.IgnoreNotFound(err) != nil {
					return err
				}
			}
			return fmt.Errorf("%d are left", len(list.Items))
		})
		if err != nil {
			f.t.Errorf("delete each %s: %v", kind.Kind, err)
		}
	}
}

// defineFlux creates the custom resources of Flux, unless they are there. They stay.
func (n *namespace) defineFlux(file string) {
	n.t.Helper()
	for _, object := range manifests(n.t, file) {
		if err := api.Create(n.t.Context(), object); err != nil && !apierrors.IsAlreadyExists(err) {
			n.t.Fatal(err)
		}
		eventually(n.t, time.Minute, object.GetName()+" is served", func(ctx context.Context) error {
			now, definition := object.DeepCopy(), new(apiextensionsv1.CustomResourceDefinition)
			if err := api.Get(ctx, client.ObjectKeyFromObject(object), now); err != nil {
				return err
			}
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(now.Object, definition); err != nil {
				return err
			}
			for _, c := range definition.Status.Conditions {
				if c.Type == apiextensionsv1.Established && c.Status == apiextensionsv1.ConditionTrue {
					return nil
				}
			}
			return errors.New("it is not established")
		})
	}
}

// start runs a controller until the test ends.
func (f *flux) start(program string, arguments ...string) {
	f.t.Helper()
	out, err := os.Create(filepath.Join(f.t.TempDir(), "log"))
	if err != nil {
		f.t.Fatal(err)
	}
	command := exec.Command(program, append(arguments, "--watch-all-namespaces=false", "--enable-leader-election=false",
		"--metrics-addr=0", "--health-addr=0", "--events-addr=")...)
	command.Env = append(os.Environ(), "RUNTIME_NAMESPACE="+f.name)
	command.Stdout, command.Stderr = out, out
	if err := command.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
		if f.t.Failed() {
			raw, _ := os.ReadFile(out.Name())
			f.t.Logf("%s:\n%s", filepath.Base(program), bounded(string(raw), 6000))
		}
	})
}

// manifests reads the objects of a file.
func manifests(t *testing.T, file string) (objects []*unstructured.Unstructured) {
	t.Helper()
	raw, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	decoder := yaml.NewYAMLOrJSONDecoder(raw, 4096)
	for {
		object := new(unstructured.Unstructured)
		switch err := decoder.Decode(&object.Object); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatalf("%s: %v", file, err)
		case len(object.Object) > 0:
			objects = append(objects, object)
		}
	}
}

// tell creates the objects of a sample, over this repository and in this namespace, without delays.
func (f *flux) tell(sample string, edit func(spec map[string]any)) {
	f.t.Helper()
	for _, object := range manifests(f.t, filepath.Join(samples, "gitops/flux", sample)) {
		spec := object.Object["spec"].(map[string]any)
		for field, value := range map[string]string{"url": f.url, "targetNamespace": f.name, "interval": "3s", "retryInterval": "3s", "timeout": "2m"} {
			if _, there := spec[field]; there || field == "timeout" {
				spec[field] = value
			}
		}
		if object.GetKind() != "GitRepository" {
			edit(spec)
		}
		f.create(object)
	}
}

// take copies a directory into the repository.
func (f *flux) take(directory, to string) {
	f.t.Helper()
	if err := os.CopyFS(filepath.Join(f.Tree, to), os.DirFS(directory)); err != nil {
		f.t.Fatal(err)
	}
}

// replace changes a file of the repository.
func (f *flux) replace(name, old, new string) {
	f.t.Helper()
	raw, err := os.ReadFile(filepath.Join(f.Tree, name))
	if err != nil {
		f.t.Fatal(err)
	}
	if !strings.Contains(string(raw), old) {
		f.t.Fatalf("%s does not contain %q", name, old)
	}
	f.Write(name, strings.Replace(string(raw), old, new, 1))
}

// report is what Flux's objects say of themselves.
type report struct {
	metav1.ObjectMeta `json:"metadata"`
	Status            struct {
		ObservedGeneration    int64              `json:"observedGeneration"`
		Conditions            []metav1.Condition `json:"conditions"`
		LastAppliedRevision   string             `json:"lastAppliedRevision"`
		LastAttemptedRevision string             `json:"lastAttemptedRevision"`
	} `json:"status"`
}

func (f *flux) report(ctx context.Context, kind schema.GroupVersionKind, name string) (*report, error) {
	object, said := new(unstructured.Unstructured), new(report)
	object.SetGroupVersionKind(kind)
	if err := api.Get(ctx, f.key(name), object); err != nil {
		return nil, err
	}
	return said, runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, said)
}

// ready waits until Flux says that a commit is applied, and all of it ready.
func (f *flux) ready(kind schema.GroupVersionKind, name, commit string) {
	f.t.Helper()
	eventually(f.t, readyWithin, "Flux is ready with "+commit, func(ctx context.Context) error {
		said, err := f.report(ctx, kind, name)
		if err != nil {
			return err
		}
		c := meta.FindStatusCondition(said.Status.Conditions, "Ready")
		if c == nil || c.Status != metav1.ConditionTrue || said.Status.ObservedGeneration != said.Generation {
			return fmt.Errorf("it reports %+v", c)
		}
		if applied := said.Status.LastAppliedRevision; kind == kustomization && !strings.HasSuffix(applied, commit) {
			return fmt.Errorf("it has applied %s", applied)
		}
		return nil
	})
}

// refuses waits until Flux says why a commit is not ready.
func (f *flux) refuses(kind schema.GroupVersionKind, name, commit string, says ...string) {
	f.t.Helper()
	eventually(f.t, readyWithin, "Flux refuses "+commit, func(ctx context.Context) error {
		said, err := f.report(ctx, kind, name)
		if err != nil {
			return err
		}
		c := meta.FindStatusCondition(said.Status.Conditions, "Ready")
		if c == nil || c.Status != metav1.ConditionFalse || !strings.HasSuffix(said.Status.LastAttemptedRevision, commit) {
			return fmt.Errorf("it reports %+v of %s", c, said.Status.LastAttemptedRevision)
		}
		return containsAll(c.Message, says...)
	})
}

const howManyDays = "How many days of leave does an employee have?"

func TestFluxIsReadyOnceTheIndexOfACommitServes(t *testing.T) {
	long(t)
	t.Parallel()
	n := newNamespace(t)
	catalogue := n.host("catalogue")
	f := n.flux("kustomize-controller")
	f.take(filepath.Join(samples, "gitops/repository"), ".")
	first := f.Commit()
	f.tell("pipelines.yaml", func(map[string]any) {})
	p := &pipeline{n, "handbook"}
	prober, underFlux := p.probe(howManyDays), p.probeUnder(kustomization, "handbook", howManyDays)
	f.ready(kustomization, "handbook", first)
	begun := time.Now()
	p.serves(800, "28 days")

	t.Log("the documents")
	f.replace("documents/leave.md", "28 days", "29 days")
	f.ready(kustomization, "handbook", f.Commit())
	p.serves(800, "29 days")

	t.Log("the chunk size")
	f.replace("pipeline.yaml", "size: 800\n    overlap: 200", "size: 120\n    overlap: 20")
	f.ready(kustomization, "handbook", f.Commit())
	p.serves(120, "29 days")
	live := p.get().Status.Index.Generation

	t.Log("a change that the API server refuses")
	f.replace("pipeline.yaml", "overlap: 20", "overlap: 500")
	f.refuses(kustomization, "handbook", f.Commit(), "chunking", "overlap")
	p.serves(120, "29 days")

	f.Git("revert", "--no-edit", "HEAD")
	f.ready(kustomization, "handbook", f.Commit())

	t.Log("a change to a model that does not exist")
	f.replace("pipeline.yaml", "embedding:\n      standIn: {}",
		"embedding:\n      endpoint: {url: "+string(catalogue.endpoint("").Endpoint.URL)+", model: no-such-model}")
	f.refuses(kustomization, "handbook", f.Commit(), "RAGPipeline/"+n.name+"/handbook", "Failed")
	p.until(saidWithin, "says why", has(v1alpha1.ConditionStalled, metav1.ConditionTrue, "no-such-model"))
	p.serves(120, "29 days")

	t.Log("the way back")
	f.Git("revert", "--no-edit", "HEAD")
	f.ready(kustomization, "handbook", f.Commit())
	p.serves(120, "29 days")
	if now := p.get().Status.Index.Generation; now != live {
		t.Errorf("the generation %s serves, not %s, which served before", now, live)
	}
	prober.end()
	prober.unfailing(t)
	prober.neverUnready(t, begun)
	underFlux.end()
	underFlux.unfailing(t)

	t.Log("a pipeline that leaves the repository")
	f.replace("kustomization.yaml", "resources:\n- pipeline.yaml\n", "")
	f.ready(kustomization, "handbook", f.Commit())
	p.leaves()
}

// serves checks, at this moment and not some time later, from which index the pipeline answers.
func (p *pipeline) serves(size int, says string) {
	p.t.Helper()
	state, err := p.index(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	if state.Chunking.Size != size {
		p.t.Errorf("the chunks have %d characters, not %d", state.Chunking.Size, size)
	}
	reply, err := p.ask(p.t.Context(), howManyDays)
	if err != nil {
		p.t.Fatal(err)
	}
	if !strings.Contains(reply.text(), says) {
		p.t.Errorf("the answer is %q, without %q", reply.text(), says)
	}
}

// leaves waits until nothing of a pipeline is left but the volume of its index.
func (p *pipeline) leaves() {
	p.t.Helper()
	eventually(p.t, goneWithin, "the pipeline goes", func(ctx context.Context) error {
		all, err := p.inventory(ctx)
		if err != nil {
			return err
		}
		var left []string
		for name := range all {
			if strings.Contains(name, p.name+"-") && !strings.Contains(name, "/handbook-documents-") {
				left = append(left, name)
			}
		}
		if diff := cmp.Diff([]string{"PersistentVolumeClaim/data-" + p.names().Weaviate() + "-0"}, left); diff != "" {
			return fmt.Errorf("(-want +got):\n%s", diff)
		}
		return nil
	})
}
