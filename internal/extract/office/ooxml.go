// Package office reads what is written in XML: Office Open XML, OpenDocument and EPUB, which are archives of it, and
// XML documents.
package office

import (
	"context"
	"encoding/xml"
	"errors"
	"iter"
	"net/url"
	"path"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// ooxml is an Office Open XML package (ECMA-376): parts that refer to each other by relationships.
type ooxml struct {
	*archive
	limit   *document.Limit   // on what it holds
	imports document.Importer // of documents that it holds
	roots   relationships     // of the package itself
	main    string            // the part that the package is about
}

// openOOXML opens a package. Which part is the main one is told by the package's relationships, not by its name.
func openOOXML(ctx context.Context, s document.Source) (*ooxml, error) {
	a, err := openArchive(ctx, s)
	if err != nil {
		return nil, err
	}
	p := &ooxml{archive: a, limit: document.NewLimit(s.Max), imports: s.Imports}
	if p.roots, err = p.relationships(""); err != nil {
		return nil, err
	}
	main := p.roots.first("officeDocument")
	for _, part := range []string{main, "word/document.xml", "ppt/presentation.xml", "xl/workbook.xml"} {
		if p.has(part) {
			p.main = part
			break
		}
	}
	return p, nil
}

// openTitled opens a package and reads the document's title.
func openTitled(ctx context.Context, s document.Source) (pack *ooxml, title string, err error) {
	if pack, err = openOOXML(ctx, s); err != nil {
		return nil, "", err
	}
	title, err = pack.title()
	return pack, title, err
}

// mainElement returns the name of the main part's root element, which tells the kind of document whatever the file
// is called and whether it is a template or holds macros.
func (p *ooxml) mainElement() (string, error) {
	var root string
	stop := errors.New("found")
	err := p.each(p.main, func(t xml.Token) error {
		if e, ok := t.(xml.StartElement); ok {
			root = e.Name.Local
			return stop
		}
		return nil
	})
	if errors.Is(err, stop) {
		err = nil
	}
	return root, err
}

// relationship is a reference of a part to another one.
type relationship struct {
	kind    string // the last word of its type: strict files have other namespaces
	target  string // a part's name; empty if it leads out of the package
	address string // that it leads to outside of the package
}

// relationships are those of one part.
type relationships struct {
	inOrder []relationship
	byID    map[string]relationship
}

// first returns the target of the first relationship of a kind, or "".
func (rs relationships) first(kind string) string {
	for target := range rs.all(kind) {
		return target
	}
	return ""
}

// all yields the targets of a kind, in the order of the file.
func (rs relationships) all(kind string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, r := range rs.inOrder {
			if r.kind == kind && r.target != "" && !yield(r.target) {
				return
			}
		}
	}
}

// target returns the part that an id refers to, or "".
func (rs relationships) target(id string) string { return rs.byID[id].target }

// address returns where an id leads to outside of the package, or "".
func (rs relationships) address(id string) string { return rs.byID[id].address }

// relationships reads those of a part, or the package's own for an empty name.
func (p *ooxml) relationships(part string) (relationships, error) {
	dir, base := path.Split(part)
	root, err := p.tree(dir + "_rels/" + base + ".rels")
	rs := relationships{byID: map[string]relationship{}}
	for e := range root.elements("Relationship") {
		r := relationship{kind: path.Base(e.attr("Type"))}
		if e.attr("TargetMode") == "External" {
			r.address = e.attr("Target")
		} else {
			r.target = resolve(dir, e.attr("Target"))
		}
		rs.inOrder = append(rs.inOrder, r)
		rs.byID[e.attr("Id")] = r
	}
	return rs, err
}

// resolve makes a target, which may be relative to a directory, a part's name.
func resolve(dir, target string) string {
	target = strings.ReplaceAll(target, `\`, "/")
	if plain, err := url.PathUnescape(target); err == nil {
		target = plain
	}
	target, _, _ = strings.Cut(target, "#")
	if target == "" {
		return ""
	}
	if !strings.HasPrefix(target, "/") {
		target = path.Join("/", dir, target)
	}
	return strings.TrimPrefix(path.Clean(target), "/")
}

// title is the title among the document's properties, when it is a plausible one.
func (p *ooxml) title() (string, error) {
	part := p.roots.first("core-properties")
	if part == "" {
		part = "docProps/core.xml"
	}
	root, err := p.tree(part)
	return plain.PlausibleTitle(root.at("title").content()), err
}
