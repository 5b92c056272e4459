//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// remountedWithin is how soon a gateway has to know a new Secret: a kubelet looks at what a pod has
// mounted every 60 to 90 seconds.
const remountedWithin = 2 * time.Minute

func TestEveryDeletedChildComesBack(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	p := n.pipeline(standIns("child", n.documentsOf(turbine)))
	p.settled(readyWithin)
	for _, name := range p.children() {
		child := p.child(name)
		if child == nil {
			continue // it went with another, and has another name now
		}
		uid := child.GetUID()
		if err := api.Delete(t.Context(), child); client.IgnoreNotFound(err) != nil {
			t.Fatalf("delete %s: %v", name, err)
		}
		eventually(t, readyWithin, name+" comes back", func(ctx context.Context) error {
			if _, isJob := child.(*batchv1.Job); isJob {
				return nil // what it did is done
			}
			again := p.child(name)
			if again == nil || again.GetUID() == uid {
				return errors.New("it is not back")
			}
			return nil
		})
		p.settled(readyWithin)
		limit := time.Minute
		if _, isSecret := child.(*corev1.Secret); isSecret {
			limit = remountedWithin // the callers' key may be a new one
		}
		p.answersWithin(limit, howFast, "1234")
	}
	p.holdsOnce(1)
}

// children are all that the pipeline controls, as "Kind name".
func (p *pipeline) children() (names []string) {
	p.t.Helper()
	for name := range p.controlled() {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) < 15 {
		p.t.Errorf("there are %d children: %q", len(names), names)
	}
	return names
}

func (p *pipeline) child(name string) client.Object { return p.controlled()[name] }

// controlled are the objects whose controller the pipeline is, and the Secrets among them.
func (p *pipeline) controlled() map[string]client.Object {
	p.t.Helper()
	uid, all := p.get().UID, map[string]client.Object{}
	for _, list := range childKinds() {
		if err := api.List(p.t.Context(), list, client.InNamespace(p.namespace.name)); err != nil {
			p.t.Fatal(err)
		}
		if err := eachItem(list, func(object client.Object) {
			if owner := metav1.GetControllerOf(object); owner != nil && owner.UID == uid {
				all[strings.TrimPrefix(fmt.Sprintf("%T ", object), "*")+object.GetName()] = object
			}
		}); err != nil {
			p.t.Fatal(err)
		}
	}
	return all
}

// holdsOnce waits until exactly so many documents are indexed, each of them once, in gateway and
// status alike.
func (p *pipeline) holdsOnce(documents int) {
	p.t.Helper()
	eventually(p.t, saidWithin, fmt.Sprintf("%d documents are indexed once", documents), func(ctx context.Context) error {
		state, err := p.index(ctx)
		if err != nil {
			return err
		}
		seen, err := p.documents(ctx)
		if err != nil {
			return err
		}
		for name, count := range seen {
			if count != 1 {
				return fmt.Errorf("%s is %d times in the ledger", name, count)
			}
		}
		index := p.get().Status.Index
		if len(seen) != documents || state.Documents != documents || index.Documents != int64(documents) || index.Chunks != int64(state.Chunks) {
			return fmt.Errorf("the ledger has %d, the gateway says %d in %d chunks, the status %d in %d chunks", len(seen), state.Documents, state.Chunks, index.Documents, index.Chunks)
		}
		return p.chunksOnce(ctx, state.Chunks)
	})
}

// chunksOnce counts the chunks in the Weaviate itself: what a document has twice would be among
// them.
func (p *pipeline) chunksOnce(ctx context.Context, chunks int) error {
	s, err := p.store(ctx)
	if err != nil {
		return err
	}
	collections, err := s.collections(ctx)
	if err != nil {
		return err
	}
	for _, collection := range collections {
		if !strings.HasSuffix(collection, "_Chunks") {
			continue
		}
		var reply struct {
			Data struct {
				Aggregate map[string][]struct{ Meta struct{ Count int } }
			}
			Errors []any
		}
		query := map[string]string{"query": "{Aggregate {" + collection + " {meta {count}}}}"}
		if err := s.send(ctx, "POST", "graphql", query, &reply); err != nil {
			return err
		}
		counts := reply.Data.Aggregate[collection]
		if len(reply.Errors) > 0 || len(counts) != 1 || counts[0].Meta.Count != chunks {
			return fmt.Errorf("the collection %s holds %v objects, not %d: %v", collection, counts, chunks, reply.Errors)
		}
	}
	return nil
}

// many is more documents than are indexed before the last blow.
const many = 2000

// It takes the operator away, so nothing else runs beside it that needs the operator in time.
func TestKillsAmidTwoThousandDocumentsLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	n := newNamespace(t)
	n.fill("notes", 0, many)
	object := standIns("many", "")
	object.Spec.Documents = []v1alpha1.Source{{Name: "notes", PersistentVolumeClaim: &v1alpha1.VolumeSource{ClaimName: "notes"}}}
	p := n.pipeline(object)

	var done int64
	for _, blow := range []struct {
		name string
		kill func()
	}{
		{"the ingestion pod", func() { kill(t, p.pod(naming.ComponentIngest)) }},
		{"Weaviate", func() { kill(t, p.pod(naming.ComponentWeaviate)) }},
		{"the embedding model", func() { kill(t, p.pod(naming.ComponentStandIn)) }},
		{"the operator", func() { killOperator(t) }},
	} {
		done = p.building(done)
		t.Logf("%d documents are done: %s is killed", done, blow.name)
		blow.kill()
	}
	p.settled(2 * readyWithin)
	p.holdsOnce(many)
	p.answers("At how many bar does valve V77 open?", "78")
}

// building waits until more documents are done than before.
func (p *pipeline) building(before int64) (done int64) {
	p.t.Helper()
	p.until(2*readyWithin, fmt.Sprintf("more than %d documents are done", before), func(object *v1alpha1.RAGPipeline) error {
		index := object.Status.Index
		switch {
		case index == nil || index.Building == nil && index.Documents == 0:
			return errors.New("nothing is built yet")
		case index.Building == nil:
			done = index.Documents
			p.t.Errorf("all is indexed after %d documents: the blow comes too late", before)
			return nil
		case index.Building.DocumentsDone <= before:
			return fmt.Errorf("%d are done", index.Building.DocumentsDone)
		}
		done = index.Building.DocumentsDone
		return nil
	})
	return done
}

// killOperator ends the operator's pod as a lost node would, and waits until its successor leads.
func killOperator(t *testing.T) {
	t.Helper()
	calm.Lock()
	defer calm.Unlock()
	list, err := operators(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		kill(t, &list[i])
	}
	leads(t, list)
}

func operators(ctx context.Context) ([]corev1.Pod, error) {
	var list corev1.PodList
	err := api.List(ctx, &list, client.InNamespace(operatorNamespace), client.MatchingLabels{"app.kubernetes.io/name": "ragpipeline-operator"})
	return list.Items, err
}

// leads waits until an operator leads that is none of the old ones.
func leads(t *testing.T, old []corev1.Pod) {
	t.Helper()
	eventually(t, 2*time.Minute, "an operator leads", func(ctx context.Context) error {
		var leases coordinationv1.LeaseList
		if err := api.List(ctx, &leases, client.InNamespace(operatorNamespace)); err != nil {
			return err
		}
		for _, lease := range leases.Items {
			holder := ptr.Deref(lease.Spec.HolderIdentity, "")
			if holder != "" && !slices.ContainsFunc(old, func(pod corev1.Pod) bool { return strings.HasPrefix(holder, pod.Name) }) {
				return nil
			}
		}
		return errors.New("none leads")
	})
}
