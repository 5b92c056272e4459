package apply

import "strings"

// NameTakenError says that an object that a pipeline needs exists and belongs to someone else.
type NameTakenError struct{ Kind, Name string }

func (e *NameTakenError) Error() string {
	return e.Kind + " " + e.Name + " exists and is not this pipeline's"
}

// WaitingError says that an object that a pipeline needs is about to be deleted, and is made anew when it is gone.
type WaitingError struct {
	Kind, Name string
	// Finalizers keep the object, each until a controller removes it.
	Finalizers []string
}

func (e *WaitingError) Error() string {
	message := e.Kind + " " + e.Name + " is being deleted, and the operator makes a new one once it is gone"
	if len(e.Finalizers) > 0 {
		message += "; it stays until its finalizers are removed: " + strings.Join(e.Finalizers, ", ")
	}
	return message
}
