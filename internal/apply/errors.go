package apply

// NameTakenError says that an object that a pipeline needs exists and belongs to someone else.
type NameTakenError struct{ Kind, Name string }

func (e *NameTakenError) Error() string {
	return e.Kind + " " + e.Name + " exists and is not this pipeline's"
}

// WaitingError says that an object that a pipeline needs is about to be deleted, and is made anew when it is gone.
type WaitingError struct{ Kind, Name string }

func (e *WaitingError) Error() string { return e.Kind + " " + e.Name + " is being deleted" }
