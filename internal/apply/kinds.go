package apply

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/desired"
)

const kindClaim = "PersistentVolumeClaim"

// Kind is a kind of children.
type Kind struct {
	schema.GroupVersionKind
	// Whole: the cache holds whole objects, because their status is read; of other kinds it holds metadata. One
	// kind read both ways would be cached twice.
	Whole bool
	// pruned: what is not wanted any more is deleted.
	pruned bool
}

// kinds are all that desired makes in any cluster.
var kinds = []Kind{
	{GroupVersionKind: gvk("apps", "Deployment"), Whole: true, pruned: true},
	{GroupVersionKind: gvk("apps", "StatefulSet"), Whole: true, pruned: true},
	{GroupVersionKind: gvk("batch", "Job"), Whole: true, pruned: true},
	{GroupVersionKind: gvk("", "Service"), pruned: true},
	{GroupVersionKind: gvk("", "ConfigMap"), pruned: true},
	{GroupVersionKind: gvk("", "Secret"), pruned: true},
	{GroupVersionKind: gvk("", "ServiceAccount"), pruned: true},
	{GroupVersionKind: gvk("networking.k8s.io", "NetworkPolicy"), pruned: true},
	{GroupVersionKind: gvk("networking.k8s.io", "Ingress"), Whole: true, pruned: true},
	{GroupVersionKind: gvk("policy", "PodDisruptionBudget"), pruned: true},
	{GroupVersionKind: gvk("", kindClaim)}, // data is deleted by its user, or with its owner
}

// HTTPRoutes is a kind of children that a cluster may lack. It is in use after Applier.UseHTTPRoutes.
var HTTPRoutes = Kind{GroupVersionKind: desired.HTTPRouteKind, pruned: true}

func gvk(group, kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: group, Version: "v1", Kind: kind}
}

// Kinds are the kinds of children that every cluster has, for who sets up the cache and the watches.
func Kinds() []Kind { return append([]Kind(nil), kinds...) }

// Object is an empty object of the kind, as the cache holds it.
func (k Kind) Object(scheme *runtime.Scheme) (client.Object, error) {
	if !k.Whole {
		return newMetadata(k.GroupVersionKind), nil
	}
	object, err := scheme.New(k.GroupVersionKind)
	if err != nil {
		return nil, err
	}
	return object.(client.Object), nil
}

func (k Kind) list(scheme *runtime.Scheme) (client.ObjectList, error) {
	gvk := k.GroupVersion().WithKind(k.Kind + "List")
	if !k.Whole {
		list := new(metav1.PartialObjectMetadataList)
		list.SetGroupVersionKind(gvk)
		return list, nil
	}
	list, err := scheme.New(gvk)
	if err != nil {
		return nil, err
	}
	return list.(client.ObjectList), nil
}

func newObject(scheme *runtime.Scheme, gvk schema.GroupVersionKind) (client.Object, error) {
	for _, kind := range append(Kinds(), HTTPRoutes) {
		if kind.GroupVersionKind == gvk {
			return kind.Object(scheme)
		}
	}
	return nil, fmt.Errorf("%s is no kind of child: add it to the kinds that are applied and pruned", gvk)
}

func newMetadata(gvk schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	object := new(metav1.PartialObjectMetadata)
	object.SetGroupVersionKind(gvk)
	return object
}

// resource is the object's resource as errors name it.
func resource(object client.Object) schema.GroupResource {
	plural, _ := meta.UnsafeGuessKindToResource(object.GetObjectKind().GroupVersionKind())
	return plural.GroupResource()
}
