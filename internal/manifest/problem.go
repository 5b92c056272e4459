package manifest

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong in a manifest.
type Problem struct {
	// Where is the file, and the document if the file holds several; empty when no file is to blame.
	Where string
	// Path is the field's, empty when it is the whole document.
	Path string
	// Message says what is wrong and what to do. It holds no value that could be secret.
	Message string
}

func (p *Problem) String() string {
	var parts []string
	for _, part := range []string{p.Where, p.Path, p.Message} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// InvalidError is a manifest that cannot be used.
type InvalidError struct{ Problems []*Problem }

func (e *InvalidError) Error() string {
	if len(e.Problems) == 1 {
		return e.Problems[0].String()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d problems in the manifest", len(e.Problems))
	for _, p := range e.Problems {
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}
