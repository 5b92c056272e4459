//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// listable are the kinds that a namespace can hold, asked of the API server once. Events outlive
// what they are about.
var listable = sync.OnceValues(func() (kinds []schema.GroupVersionKind, err error) {
	lists, err := pods.Discovery().ServerPreferredNamespacedResources()
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		group, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, resource := range list.APIResources {
			// What nobody creates is measured, as the metrics of pods are.
			if slices.Contains(resource.Verbs, "list") && slices.Contains(resource.Verbs, "create") && resource.Kind != "Event" {
				kinds = append(kinds, group.WithKind(resource.Kind))
			}
		}
	}
	return kinds, nil
})

// inventory is everything in the namespace, of whatever kind: "Kind/name" to UID.
func (n *namespace) inventory(ctx context.Context) (map[string]string, error) {
	kinds, err := listable()
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, kind := range kinds {
		var list metav1.PartialObjectMetadataList
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		if err := api.List(ctx, &list, client.InNamespace(n.name)); err != nil {
			return nil, fmt.Errorf("list %s: %w", kind, err)
		}
		for _, object := range list.Items {
			all[kind.Kind+"/"+object.Name] = string(object.UID)
		}
	}
	return all, nil
}

// stock is the inventory of now.
func (n *namespace) stock() map[string]string {
	n.t.Helper()
	all, err := n.inventory(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

// summary is what the newest ingestion run says of itself as it ends.
func (p *pipeline) summary() *config.Summary {
	p.t.Helper()
	list, err := p.pods(p.t.Context(), client.MatchingLabels{naming.LabelPipeline: p.name, naming.LabelComponent: naming.ComponentIngest})
	if err != nil {
		p.t.Fatal(err)
	}
	var newest *metav1.Time
	var said string
	for _, pod := range list {
		for _, c := range pod.Status.ContainerStatuses {
			if end := c.State.Terminated; end != nil && (newest == nil || newest.Before(&end.FinishedAt)) {
				newest, said = &end.FinishedAt, end.Message
			}
		}
	}
	s, err := config.ParseSummary(said)
	if err != nil {
		p.t.Fatalf("%s: none of %d pods of ingestion says how it ended: %v", p.name, len(list), err)
	}
	return s
}
