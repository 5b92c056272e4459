package apply

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/naming"
)

// claim reports whether what was found may be written or adopted: it is the owner's or has no owner and the labels of
// the owner's children, and is not being deleted.
func claim(owner client.Object, want *wanted, found metav1.Object) error {
	controller := metav1.GetControllerOf(found)
	switch {
	case Adoptable(owner, found):
	case controller == nil && want.key.Kind == kindClaim && labelled(owner, found):
		// A kept volume: of this pipeline, or of an earlier one of the same name.
	case controller == nil:
		return &NameTakenError{Kind: want.key.Kind, Name: want.key.Name}
	case controller.UID == owner.GetUID():
	case predecessor(owner, controller):
		return &WaitingError{Kind: want.key.Kind, Name: want.key.Name, Finalizers: found.GetFinalizers()}
	default:
		return &NameTakenError{Kind: want.key.Kind, Name: want.key.Name}
	}
	if found.GetDeletionTimestamp() != nil {
		return &WaitingError{Kind: want.key.Kind, Name: want.key.Name, Finalizers: found.GetFinalizers()}
	}
	return nil
}

func labelled(owner client.Object, found metav1.Object) bool {
	labels := found.GetLabels()
	return labels[naming.LabelPipeline] == owner.GetName() && labels[naming.LabelManagedBy] == naming.Manager
}

// predecessor reports whether the controller is an earlier pipeline of the owner's name. It is gone, since the owner
// has its name, and the garbage collector follows.
func predecessor(owner client.Object, controller *metav1.OwnerReference) bool {
	return controller.Kind == "RAGPipeline" && controller.Name == owner.GetName() &&
		schema.FromAPIVersionAndKind(controller.APIVersion, controller.Kind).Group == v1alpha1.GroupVersion.Group
}
