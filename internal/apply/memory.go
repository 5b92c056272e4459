package apply

import (
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// written is what is known of a child since it was last written.
type written struct {
	uid        types.UID
	hash       string // of what was wanted
	version    string // resourceVersion that the server answered, or at which it was last found to stand
	generation int64  // that the server answered; 0 for a kind that has none
	changed    int64  // the generation that the last write made which changed the spec
	digest     string // of the tokens of a Secret; empty for other kinds
	// due and authority are of a Secret of certificates: when to look at them next, and whom they are from.
	due       time.Time
	authority []byte
}

// holds reports whether what was written still stands. Where the kind counts changes of its spec, that count and our
// labels and annotations say so: the resourceVersion moves with every change of status, and a rollout would cause
// an apply that changes nothing for each. Elsewhere the resourceVersion says so.
func (w written) holds(want *wanted, found metav1.Object) bool {
	if w.uid != found.GetUID() || w.hash != want.hash {
		return false
	}
	if w.version == found.GetResourceVersion() {
		return true
	}
	if w.generation == 0 || w.generation != found.GetGeneration() {
		return false
	}
	labels, annotations := want.metadata()
	return contains(found.GetLabels(), labels) && contains(found.GetAnnotations(), annotations)
}

// changedBy is the generation of our last change after a write of what was found, nil for nothing, had this answer.
// Others count generations up as well: an autoscaler, by a number of replicas that is left to it.
func (w written) changedBy(found, answer metav1.Object) int64 {
	if found != nil && w.uid == answer.GetUID() && found.GetGeneration() == answer.GetGeneration() {
		return w.changed
	}
	return answer.GetGeneration()
}

func contains(all, some map[string]string) bool {
	for key, value := range some {
		if present, ok := all[key]; !ok || present != value {
			return false
		}
	}
	return true
}

// older reports whether version a precedes b. A version that cannot be compared precedes none.
func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}

// memory holds what was written, by owner. What is lost with the process costs one apply a child that changes
// nothing.
type memory struct {
	mu     sync.Mutex
	owners map[types.NamespacedName]*children
}

type children struct {
	owner   types.UID
	written map[Key]written
}

func (m *memory) get(owner client.Object, key Key) written {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.owners[client.ObjectKeyFromObject(owner)]; c != nil && c.owner == owner.GetUID() {
		return c.written[key]
	}
	return written{}
}

func (m *memory) put(owner client.Object, key Key, w written) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := client.ObjectKeyFromObject(owner)
	c := m.owners[name]
	if c == nil || c.owner != owner.GetUID() {
		c = &children{owner: owner.GetUID(), written: map[Key]written{}}
		if m.owners == nil {
			m.owners = map[types.NamespacedName]*children{}
		}
		m.owners[name] = c
	}
	c.written[key] = w
}

// drop forgets one child that was deleted.
func (m *memory) drop(owner client.Object, key Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.owners[client.ObjectKeyFromObject(owner)]; c != nil {
		delete(c.written, key)
	}
}

func (m *memory) forget(owner types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.owners, owner)
}
