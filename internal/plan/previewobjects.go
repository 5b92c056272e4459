package plan

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// ObjectChange is an object that would be created, changed or deleted.
type ObjectChange struct {
	Action string `json:"action"` // created, changed or deleted
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	// Later reports whether it happens only once the new generation is complete.
	Later bool `json:"later,omitempty"`
}

// differences compares the objects before the change, while a generation is built, and after the switch.
func differences(before, during, after map[string]object) (changes []ObjectChange) {
	keys := maps.Clone(before)
	if keys == nil {
		keys = map[string]object{}
	}
	maps.Copy(keys, during)
	maps.Copy(keys, after)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		old, was := before[key]
		now, is := during[key]
		then, willBe := after[key]
		change := ObjectChange{Kind: keys[key].kind, Name: keys[key].name}
		switch {
		case !was:
			change.Action, change.Later = "created", !is
		case !willBe && old.kept:
			continue
		case !willBe:
			change.Action, change.Later = "deleted", is
		case !old.once && !bytes.Equal(old.json, now.json):
			change.Action = "changed"
		case !old.once && !bytes.Equal(old.json, then.json):
			change.Action, change.Later = "changed", true
		default:
			continue
		}
		changes = append(changes, change)
	}
	return changes
}

// Restart is a workload whose pods are replaced.
type Restart struct {
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	Pods  int32  `json:"pods"`
	Later bool   `json:"later,omitempty"` // reports whether that is once the new generation is complete
}

// restarts are the workloads whose pods are replaced, and where questions notice it. A new embedding model is started
// beside the old one; of the others, the gateway asks the new one at once.
func (c Cluster) restarts(
	p *v1alpha1.RAGPipeline, before, during, after map[string]object,
) (list []Restart, downtime []string) {
	names := naming.For(p)
	for _, key := range slices.Sorted(maps.Keys(after)) {
		then := after[key]
		old, was := before[key]
		if then.template() == "" {
			continue
		}
		if !was {
			if d := then.deployment(); d != nil && before != nil {
				downtime = append(downtime, whileLoading(p, d.Labels[naming.LabelComponent], then.name)...)
			}
			continue
		}
		if old.template() == then.template() {
			continue
		}
		pods := cmp.Or(c.Replicas[key], 1)
		later := old.template() == during[key].template()
		list = append(list, Restart{Kind: then.kind, Name: then.name, Pods: pods, Later: later})
		if d := then.deployment(); d != nil && pods == 1 && withoutSurge(d) {
			component := d.Labels[naming.LabelComponent]
			downtime = append(downtime, fmt.Sprintf("%s has one replica and is replaced in place (maxSurge 0): "+
				"until the new pod has loaded the model, %s", then.name, consequence(p, component)))
		}
		if then.name == names.Weaviate() && pods < 3 {
			downtime = append(downtime, then.name+
				" is restarted, and is the only store: until it is ready, no question is answered")
		}
	}
	return list, downtime
}

// withoutSurge reports whether a pod is removed before its successor starts.
func withoutSurge(d *appsv1.Deployment) bool {
	rolling := d.Spec.Strategy.RollingUpdate
	return rolling != nil && rolling.MaxSurge != nil && rolling.MaxSurge.IntValue() == 0
}

// whileLoading is the consequence of a model that takes the place of another.
func whileLoading(p *v1alpha1.RAGPipeline, component, name string) []string {
	if component != naming.ComponentReranking && component != naming.ComponentLLM {
		return nil
	}
	return []string{fmt.Sprintf("until %s has loaded its model, %s", name, consequence(p, component))}
}

// consequence is what questions get while a model is down.
func consequence(p *v1alpha1.RAGPipeline, component string) string {
	policy := map[string]v1alpha1.Policy{
		naming.ComponentEmbedding: p.Spec.FailurePolicy.Embedding,
		naming.ComponentReranking: p.Spec.FailurePolicy.Reranking,
		naming.ComponentLLM:       p.Spec.FailurePolicy.LLM,
	}[component]
	degrades := policy == v1alpha1.Policy(config.Degrade)
	switch {
	case component == naming.ComponentEmbedding && degrades && p.Spec.Retrieval.Mode == v1alpha1.Mode(config.Hybrid):
		return "passages are found by keyword alone (failurePolicy.embedding is Degrade)"
	case component == naming.ComponentReranking && degrades:
		return "questions are answered without reranking (failurePolicy.reranking is Degrade)"
	case component == naming.ComponentLLM && degrades:
		return "questions get passages without an answer (failurePolicy.llm is Degrade)"
	}
	return "questions fail (failurePolicy." + component + " is Fail)"
}

// GPUs is what new pods need of one resource, beside what is free.
type GPUs struct {
	Resource string `json:"resource"`
	Needed   int64  `json:"needed"`  // in addition to what runs
	Largest  int64  `json:"largest"` // needed by one pod, and so on one node
	// Free is what the nodes have that no pod requests, and FreeOnOneNode the most that one has; nil if the user may
	// not list nodes and pods.
	Free          *int64 `json:"free,omitempty"`
	FreeOnOneNode *int64 `json:"freeOnOneNode,omitempty"`
}

// Suffices reports whether enough is free, as far as it is known.
func (g GPUs) Suffices() bool {
	return g.Free == nil || *g.Free >= g.Needed && *g.FreeOnOneNode >= g.Largest
}

// gpus adds up the GPUs of Deployments that are new while a generation is built: the old ones keep theirs.
func (c Cluster) gpus(before, during map[string]object) (list []GPUs) {
	sums := map[corev1.ResourceName]*GPUs{}
	for key, o := range during {
		d := o.deployment()
		if _, was := before[key]; was || d == nil {
			continue
		}
		for _, container := range d.Spec.Template.Spec.Containers {
			for name, quantity := range container.Resources.Limits {
				if !isExtended(name) || quantity.Value() == 0 {
					continue
				}
				if sums[name] == nil {
					sums[name] = &GPUs{Resource: string(name)}
				}
				sums[name].Needed += quantity.Value() * int64(ptr.Deref(d.Spec.Replicas, 1))
				sums[name].Largest = max(sums[name].Largest, quantity.Value())
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		if c.Nodes != nil {
			free, most := c.free(name)
			sums[name].Free, sums[name].FreeOnOneNode = &free, &most
		}
		list = append(list, *sums[name])
	}
	return list
}

// isExtended reports whether the resource is one of a device's, such as nvidia.com/gpu.
func isExtended(name corev1.ResourceName) bool {
	return strings.Contains(string(name), "/") && !strings.HasPrefix(string(name), "kubernetes.io/")
}

// free is what the nodes have of a resource that no pod requests, and the most that one node has.
func (c Cluster) free(name corev1.ResourceName) (sum, most int64) {
	used := map[string]int64{}
	for _, pod := range c.Pods {
		if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
			continue
		}
		for _, container := range pod.Spec.Containers {
			used[pod.Spec.NodeName] += container.Resources.Requests.Name(name, "").Value()
		}
	}
	for _, node := range c.Nodes {
		if node.Spec.Unschedulable {
			continue
		}
		left := max(0, node.Status.Allocatable.Name(name, "").Value()-used[node.Name])
		sum, most = sum+left, max(most, left)
	}
	return sum, most
}

// Volume is one that would be created.
type Volume struct {
	Name string `json:"name"`
	Size string `json:"size"`
}

// newVolumes are those of the models' caches that do not exist. One of an earlier pipeline of the same name is taken
// up.
func (c Cluster) newVolumes(before, during map[string]object) (list []Volume) {
	for _, key := range slices.Sorted(maps.Keys(during)) {
		_, was := before[key]
		if claim := during[key].claim(); claim != nil && !was && !c.Volumes[claim.Name] {
			list = append(list, Volume{Name: claim.Name, Size: claim.Spec.Resources.Requests.Storage().String()})
		}
	}
	return list
}
