// Package access decides who sees which documents, by the groups of a caller and the access of documents.
//
// A request's context carries its caller. Searcher and Reader lay what the caller may see over an index, so that no
// route can forget to: package query and package gateway see the index through them only. A context without a caller
// sees what a caller without groups does.
package access

import (
	"context"
	"slices"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Caller is who sent a request.
type Caller struct {
	// Name is the name of its key, or the subject of its token; empty for anonymous callers.
	Name   string
	Groups []string

	mu     sync.Mutex
	shown  map[string]bool
	tokens int
}

type key struct{}

// With returns a context whose searches and ledger reads show what the caller may see.
func With(ctx context.Context, c *Caller) context.Context { return context.WithValue(ctx, key{}, c) }

// From returns the caller of a context, or else one without groups.
func From(ctx context.Context) *Caller {
	if c, ok := ctx.Value(key{}).(*Caller); ok && c != nil {
		return c
	}
	return &Caller{}
}

// Show records that the documents were shown to the caller of the context, for the audit.
func Show(ctx context.Context, documents ...string) {
	c := From(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shown == nil {
		c.shown = map[string]bool{}
	}
	for _, document := range documents {
		c.shown[document] = true
	}
}

// Shown returns the documents that were shown to the caller, in order.
func (c *Caller) Shown() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	documents := make([]string, 0, len(c.shown))
	for document := range c.shown {
		documents = append(documents, document)
	}
	slices.Sort(documents)
	return documents
}

// Spend records that models worked on that many tokens for the caller of the context, for its limit.
func Spend(ctx context.Context, tokens int) {
	c := From(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens += tokens
}

// Spent returns how many tokens that were.
func (c *Caller) Spent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens
}

// audience is the caller of the context, in the pipeline's mode.
func audience(ctx context.Context, mode config.AccessMode) index.Audience {
	return index.Audience{Groups: From(ctx).Groups, Enforced: mode != "" && mode != config.AccessOpen}
}
