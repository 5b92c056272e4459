//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

const howToSwitch = "How does a pipeline switch to a new index?"

func TestTheQuickstartAnswersOnceItIsReady(t *testing.T) {
	t.Parallel()
	p := newNamespace(t).sample("quickstart.yaml", nil)
	prober := p.probe(howToSwitch)
	p.settled(readyWithin)

	reply, err := p.ask(t.Context(), howToSwitch)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(reply.text(), "without downtime") || !strings.Contains(reply.text(), "[1]") {
		t.Errorf("the answer is %q", reply.text())
	}
	if len(reply.Citations.Results) != 5 || reply.Citations.Results[0].Document != "concepts/generations.md" {
		t.Errorf("the citations are %+v", reply.Citations.Results)
	}
	object := p.get()
	if index := object.Status.Index; index == nil || index.Documents != 13 || index.Chunks == 0 || index.Generation == "" || index.LastSyncTime == nil {
		t.Errorf("status.index is %+v", index)
	}
	if object.Status.Endpoint != "http://quickstart-gateway."+p.namespace.name+".svc:8080" {
		t.Errorf("status.endpoint is %q", object.Status.Endpoint)
	}
	p.sendsWhatItRead("ragpipeline-concepts", "generations.md")
	p.printsItsColumns()
	p.mountsNoToken()
	p.isQuiet(time.Minute)
	prober.end()
	prober.unfailing(t)
	p.people()
	p.hidesDocuments()
}

// sendsWhatItRead downloads a document of the source concepts, which is an entry of a ConfigMap.
func (p *pipeline) sendsWhatItRead(configMap, entry string) {
	p.t.Helper()
	var source corev1.ConfigMap
	if err := api.Get(p.t.Context(), p.key(configMap), &source); err != nil {
		p.t.Fatal(err)
	}
	var content string
	if err := p.call(p.t.Context(), http.MethodGet, "/v1/documents/concepts/"+entry+"/content", nil, &content); err != nil {
		p.t.Fatal(err)
	}
	if diff := cmp.Diff(source.Data[entry], content); diff != "" {
		p.t.Errorf("%s (-source +gateway):\n%s", entry, diff)
	}
}

// printsItsColumns reads what `kubectl get` prints.
func (p *pipeline) printsItsColumns() {
	p.t.Helper()
	if err := containsAll(p.row(), `"Ready"`, `"Documents"`, `"Chunks"`, `"Building"`, `"Endpoint"`, `"Status"`, `"Age"`, `["quickstart","True",13,`, "1 document was only partly read"); err != nil {
		p.t.Error(err)
	}
}

// row is the pipeline's row of `kubectl get`, as JSON with the columns.
func (p *pipeline) row() string {
	p.t.Helper()
	raw, err := pods.CoreV1().RESTClient().Get().AbsPath("/apis/ragpipeline.io/v1alpha1/namespaces", p.namespace.name, "ragpipelines", p.name).
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return string(raw)
}

func (p *pipeline) mountsNoToken() {
	p.t.Helper()
	list, err := p.pods(p.t.Context(), nil)
	if err != nil || len(list) < 3 {
		p.t.Fatalf("there are %d pods: %v", len(list), err)
	}
	for _, pod := range list {
		for _, volume := range pod.Spec.Volumes {
			if volume.Projected != nil && slices.ContainsFunc(volume.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.ServiceAccountToken != nil }) {
				p.t.Errorf("the pod %s mounts a service-account token", pod.Name)
			}
		}
	}
}

// childKinds are all that the operator makes, and the pipeline itself.
func childKinds() []client.ObjectList {
	return []client.ObjectList{
		&appsv1.DeploymentList{}, &appsv1.StatefulSetList{}, &batchv1.JobList{}, &corev1.ServiceList{}, &corev1.ConfigMapList{}, &corev1.SecretList{},
		&corev1.ServiceAccountList{}, &corev1.PersistentVolumeClaimList{}, &networkingv1.NetworkPolicyList{}, &policyv1.PodDisruptionBudgetList{},
		&corev1.PodList{}, &v1alpha1.RAGPipelineList{},
	}
}

// versions are the resource versions of everything of a kind in the namespace, by kind and name.
func (n *namespace) versions(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	for _, list := range childKinds() {
		if err := api.List(ctx, list, client.InNamespace(n.name)); err != nil {
			return nil, err
		}
		if err := eachItem(list, func(object client.Object) {
			all[fmt.Sprintf("%T/%s", object, object.GetName())] = object.GetResourceVersion()
		}); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// isQuiet checks that nothing writes to any object of the namespace for some time.
func (n *namespace) isQuiet(during time.Duration) {
	n.t.Helper()
	before, err := n.versions(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	steadily(n.t, during, "a pipeline that nobody touches causes no write", func(ctx context.Context) error {
		now, err := n.versions(ctx)
		if err != nil || maps.Equal(before, now) {
			return err
		}
		return fmt.Errorf("%v", changed(before, now))
	})
}

// changed names the objects that were made, written or deleted.
func changed(before, now map[string]string) (names []string) {
	for name, version := range now {
		if before[name] != version {
			names = append(names, name)
		}
	}
	for name := range before {
		if _, there := now[name]; !there {
			names = append(names, name+" (deleted)")
		}
	}
	slices.Sort(names)
	return names
}

func TestAQuickstartIsQuietForTenMinutes(t *testing.T) {
	long(t)
	t.Parallel()
	p := newNamespace(t).sample("quickstart.yaml", nil)
	prober := p.probe(howToSwitch)
	p.settled(readyWithin)
	p.isQuiet(10 * time.Minute)
	prober.end()
	prober.unfailing(t)
}

func TestAQuickstartTwiceInOneNamespaceIsTwoPipelines(t *testing.T) {
	t.Parallel()
	n, other := newNamespace(t), newNamespace(t)
	// Three turbines, and nobody sees another's.
	var all []*pipeline
	for i, where := range []*namespace{n, n, other} {
		name := []string{"one", "two", "one"}[i]
		where.create(configMap("docs-"+name, map[string]string{"turbine.md": fmt.Sprintf("# Turbine\n\nThe turbine of plant number %d turns %d times a minute.\n", i, 1000+i)}))
		p := standIns(name, "docs-"+name)
		all = append(all, where.pipeline(p))
	}
	for i, p := range all {
		p.settled(readyWithin)
		reply, err := p.ask(t.Context(), "How often does the turbine of the plant turn?")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(reply.text(), fmt.Sprint(1000+i)) || len(reply.Citations.Results) != 1 {
			t.Errorf("pipeline %d answers %q from %+v", i, reply.text(), reply.Citations.Results)
		}
	}
	t.Run("a wrong key is refused by a gateway", func(t *testing.T) {
		key, err := all[1].token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range []string{"", "wrong", key} {
			if _, err := all[0].askWith(t.Context(), wrong, "Who?"); !isRefused(err, 401) {
				t.Errorf("with the key of another pipeline, or none, the answer is %v", err)
			}
		}
	})
	t.Run("the gateway's key changes nothing in its Weaviate", func(t *testing.T) {
		address, err := all[0].address(t.Context(), all[0].names().Weaviate())
		if err != nil {
			t.Fatal(err)
		}
		var reader corev1.Secret
		if err := api.Get(t.Context(), all[0].key(all[0].names().WeaviateReader()), &reader); err != nil {
			t.Fatal(err)
		}
		key := string(reader.Data["api-key"])
		var schema struct{ Classes []struct{ Class string } }
		if err := send(t.Context(), key, "GET", "http://"+address+"/v1/schema", nil, &schema); err != nil || len(schema.Classes) == 0 {
			t.Fatalf("it reads %d collections: %v", len(schema.Classes), err)
		}
		for _, c := range schema.Classes {
			if err := send(t.Context(), key, "DELETE", "http://"+address+"/v1/schema/"+c.Class, nil, nil); !isRefused(err, 403) {
				t.Errorf("to delete %s, the answer is %v", c.Class, err)
			}
		}
	})
	t.Run("a wrong key is refused by a Weaviate", func(t *testing.T) {
		address, err := all[0].address(t.Context(), all[0].names().Weaviate())
		if err != nil {
			t.Fatal(err)
		}
		var neighbours corev1.Secret
		if err := api.Get(t.Context(), all[1].key(all[1].names().WeaviateKey()), &neighbours); err != nil {
			t.Fatal(err)
		}
		for _, value := range neighbours.Data {
			for _, wrong := range []string{"", "wrong", string(value)} {
				if err := send(t.Context(), wrong, "GET", "http://"+address+"/v1/schema", nil, nil); !isRefused(err, 401) {
					t.Errorf("with the key of another pipeline, or none, the answer is %v", err)
				}
			}
		}
	})
}
