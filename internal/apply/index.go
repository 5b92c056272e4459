package apply

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// madeFor is the cache's index of what was made for a pipeline. Without it every pass would look at what was made
// for all pipelines of its namespace.
const madeFor = "made-for"

// Index adds that index for children, and for what is made by them. It is called before the cache starts.
func Index(ctx context.Context, indexer client.FieldIndexer, scheme *runtime.Scheme, more ...client.Object) error {
	for _, kind := range kinds {
		if err := IndexKind(ctx, indexer, scheme, kind); err != nil {
			return err
		}
	}
	for _, object := range more {
		if err := indexer.IndexField(ctx, object, madeFor, pipelineOf); err != nil {
			return err
		}
	}
	return nil
}

// IndexKind adds the index for a kind, which may be after the cache has started.
func IndexKind(ctx context.Context, indexer client.FieldIndexer, scheme *runtime.Scheme, kind Kind) error {
	object, err := kind.Object(scheme)
	if err != nil {
		return err
	}
	return indexer.IndexField(ctx, object, madeFor, pipelineOf)
}

func pipelineOf(object client.Object) []string {
	if name := object.GetLabels()[naming.LabelPipeline]; name != "" {
		return []string{name}
	}
	return nil
}

// MadeFor selects, in a cache with the index, what was made for an owner. What is listed is the cache's own: it is
// for reading only.
func MadeFor(owner client.Object) []client.ListOption {
	return []client.ListOption{
		client.InNamespace(owner.GetNamespace()),
		client.MatchingFields{madeFor: owner.GetName()},
		client.MatchingLabels{naming.LabelManagedBy: naming.Manager},
		client.UnsafeDisableDeepCopy,
	}
}
