package index

import (
	"slices"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// Audience is who reads an index: the groups of a caller, and whether documents without access are hidden from all. The
// zero value is a caller without groups.
type Audience struct {
	Groups   []string
	Enforced bool
}

// Filter admits the chunks of the documents that the audience sees. It is never nil.
func (a Audience) Filter() *Filter {
	groups := AnyOf(config.KeyAccess, a.Groups...)
	if a.Enforced {
		return groups
	}
	free := &Filter{Operator: Not, Filters: []*Filter{{Operator: Exists, Key: config.KeyAccess}}}
	if len(a.Groups) == 0 {
		return free
	}
	return &Filter{Operator: Or, Filters: []*Filter{free, groups}}
}

// Sees reports whether the audience sees a document that has the metadata.
func (a Audience) Sees(m config.Metadata) bool {
	access := m.Access()
	if access == nil {
		return !a.Enforced
	}
	return slices.ContainsFunc(access, func(g string) bool { return slices.Contains(a.Groups, g) })
}

// Counts is what an audience sees of an index.
type Counts struct {
	Documents, Chunks, FailedDocuments int
	// Hidden reports whether there are documents that it does not see.
	Hidden bool
}
