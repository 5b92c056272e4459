package office

import (
	"bytes"
	"encoding/xml"
	"iter"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// Bounds on the XML of a document. Word and PowerPoint nest some 60 elements in the deepest drawings, and hold a
// whole slide in some 10,000.
const (
	maxDepth = 256
	MaxNodes = 500_000  // elements and texts of one tree
	maxWords = 64 << 20 // bytes of text in one tree
)

// node is an element with what it holds. Text is a child without a name.
type node struct {
	name     string // without its prefix, which differs between writers, as does the namespace of strict files
	attrs    []xml.Attr
	children []*node
	text     string
}

// attr returns an attribute's value by its local name.
func (n *node) attr(local string) string {
	if n == nil {
		return ""
	}
	return attribute(n.attrs, local)
}

// known are the attributes with these local names, the first of each.
func (n *node) known(names []string) []xml.Attr {
	var attrs []xml.Attr
	for _, name := range names {
		i := slices.IndexFunc(n.attrs, func(a xml.Attr) bool { return a.Name.Local == name })
		if i >= 0 {
			attrs = append(attrs, n.attrs[i])
		}
	}
	return attrs
}

func attribute(attrs []xml.Attr, local string) string {
	for _, a := range attrs {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// relationshipID returns the attribute of the relationships' namespace with this local name: a plain one may stand
// beside it.
func (n *node) relationshipID(local string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.attrs {
		if a.Name.Local == local && a.Name.Space != "" {
			return a.Value
		}
	}
	return ""
}

// plain returns the attribute without a namespace that has this name.
func (n *node) plain(name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.attrs {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// at returns the first element on a path of children, or nil; a nil node has no children.
func (n *node) at(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		n = n.child(name)
	}
	return n
}

// orEmpty is the node, or one without content for nil.
func (n *node) orEmpty() *node {
	if n == nil {
		return &node{}
	}
	return n
}

func (n *node) child(name string) *node {
	for _, c := range n.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

// elements yields the children of one name.
func (n *node) elements(name string) iter.Seq[*node] {
	return func(yield func(*node) bool) {
		if n == nil {
			return
		}
		for _, c := range n.children {
			if c.name == name && !yield(c) {
				return
			}
		}
	}
}

// descendants yields the elements of one name at any depth, in document order. Those inside of one that was yielded
// are passed over.
func (n *node) descendants(name string) iter.Seq[*node] {
	return func(yield func(*node) bool) { n.descend(name, yield) }
}

func (n *node) descend(name string, yield func(*node) bool) bool {
	if n == nil {
		return true
	}
	for _, c := range n.children {
		if c.name == name {
			if !yield(c) {
				return false
			}
		} else if !c.descend(name, yield) {
			return false
		}
	}
	return true
}

// find returns the first element of one name at any depth, or nil.
func (n *node) find(name string) *node {
	for c := range n.descendants(name) {
		return c
	}
	return nil
}

// content returns all text of an element.
func (n *node) content() string {
	var b strings.Builder
	n.writeContent(&b)
	return b.String()
}

func (n *node) writeContent(b *strings.Builder) {
	if n == nil {
		return
	}
	b.WriteString(n.text)
	for _, c := range n.children {
		c.writeContent(b)
	}
}

// alternative returns the content of an mc:AlternateContent that is to be read: the first Choice for which holds
// reports that there is something in it, or else the Fallback.
func (n *node) alternative(holds func(*node) bool) *node {
	for _, c := range n.children {
		if c.name == "Choice" && holds(c) {
			return c
		}
	}
	return n.child("Fallback")
}

// visitor receives a part's elements in order: subtrees where whole reports true, and the tags around them.
type visitor struct {
	whole func(name string) bool
	node  func(*node) error
	open  func(*node) error // without children
	close func(name string) error
}

// walk streams a part, so that its size in memory is that of its largest subtree.
func (a *archive) walk(part string, v visitor) error {
	b := treeBuilder{part: part}
	return a.each(part, func(t xml.Token) error {
		switch t := t.(type) {
		case xml.StartElement:
			if b.open == nil && !v.whole(t.Name.Local) {
				return v.open(&node{name: t.Name.Local, attrs: t.Attr})
			}
			return b.start(t)
		case xml.EndElement:
			if b.open == nil {
				return v.close(t.Name.Local)
			}
			if whole := b.end(); whole != nil {
				return v.node(whole)
			}
		case xml.CharData:
			return b.text(t)
		}
		return nil
	})
}

// tree returns the root element of a part, or nil if the part is absent or empty.
func (a *archive) tree(part string) (*node, error) {
	var root *node
	err := a.walk(part, visitor{
		whole: func(string) bool { return true },
		node:  func(n *node) error { root = n; return nil },
	})
	return root, err
}

// treeBuilder makes one subtree after the other.
type treeBuilder struct {
	part  string
	open  []*node // from the subtree's root to the innermost element
	count int
	bytes int
}

func (b *treeBuilder) start(e xml.StartElement) error {
	return b.push(&node{name: e.Name.Local, attrs: e.Attr})
}

func (b *treeBuilder) push(n *node) error {
	if err := b.add(n); err != nil {
		return err
	}
	b.open = append(b.open, n)
	return nil
}

// add puts a node into the innermost open element.
func (b *treeBuilder) add(n *node) error {
	if len(b.open) == 0 {
		b.count, b.bytes = 0, 0
	} else {
		parent := b.open[len(b.open)-1]
		parent.children = append(parent.children, n)
	}
	if b.count++; b.count > MaxNodes {
		return config.Failf(config.TooComplex, "part %s has an element that holds more than %d others: simplify the document",
			plain.Quote(b.part), MaxNodes)
	}
	return nil
}

// end closes the innermost element, and returns the subtree's root when it is that.
func (b *treeBuilder) end() *node {
	last := len(b.open) - 1
	n := b.open[last]
	b.open = b.open[:last]
	if last > 0 {
		return nil
	}
	b.open = nil
	return n
}

// text keeps text, but not the line breaks with which some writers indent their elements.
func (b *treeBuilder) text(t xml.CharData) error {
	if b.open == nil || bytes.IndexByte(t, '\n') >= 0 && len(bytes.TrimSpace(t)) == 0 {
		return nil
	}
	if b.bytes += len(t); b.bytes > maxWords {
		return config.Failf(config.TooLarge,
			"part %s has an element that holds more than %d bytes of text: split the document",
			plain.Quote(b.part), maxWords)
	}
	return b.add(&node{text: string(t)})
}

// blocksWithin are the blocks of an element's children, one after the other.
func blocksWithin(parent *node, of func(*node) []document.Block) []document.Block {
	if parent == nil {
		return nil
	}
	var all []document.Block
	for _, n := range parent.children {
		all = append(all, of(n)...)
	}
	return all
}
