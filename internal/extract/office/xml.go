package office

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/markup"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
	"github.com/ragpipeline/ragpipeline/internal/extract/records"
)

// maxXML bounds an XML document, in bytes: its tree takes some ten times as much memory.
const maxXML = 32 << 20

// ReadXML reads XML of any vocabulary. Texts such as DITA, DocBook, JATS and TEI become headings, paragraphs, lists and
// tables; feeds become articles; data become lines of "path.to.element: value", as JSON does. What is no XML, whatever
// its name, is text.
func ReadXML(ctx context.Context, s document.Source) (*document.Document, error) {
	if len(s.Data) > maxXML {
		return nil, config.Failf(config.TooLarge, "the XML document has %d bytes, at most %d can be read: split it",
			len(s.Data), maxXML)
	}
	text, warnings := markup.DecodeHTML(s.Data)
	root, cut, err := xmlTree(ctx, text, s.Max)
	switch {
	case document.IsMalformed(err):
		s.Reads(document.Text)
		return markup.ReadText(ctx, s)
	case err != nil:
		return nil, err
	}
	w := &xmlWriter{ctx: ctx, source: s, limit: document.NewLimit(s.Max)}
	w.document(root)
	if cut != "" {
		w.warnings.Add(config.Truncated, 1, cut)
	}
	warnings.Merge(w.warnings)
	d, err := w.written()
	return document.Warned(d, err, warnings)
}

// declarations are what stands above the root of an XML document: the encoding that the text no longer has, and the
// type with its entities.
var (
	xmlDeclaration = regexp.MustCompile(`^\s*<\?xml[^>]*\?>`)
	xmlDoctype     = regexp.MustCompile(`(?s)<!DOCTYPE[^\[<>]*(?:\[(.*?)\]\s*)?>`)
	xmlEntity      = regexp.MustCompile(`<!ENTITY\s+([\w.-]+)\s+(?:"([^"]*)"|'([^']*)')\s*>`)
)

// xmlTree is the root of a document; cut says where a document ends that is cut off. Faults that people make, such as
// an ampersand that is no entity, are borne.
func xmlTree(ctx context.Context, text string, max int64) (root *node, cut string, err error) {
	text = xmlDeclaration.ReplaceAllString(text, "")
	if text, err = withEntities(text, max); err != nil {
		return nil, "", err
	}
	d := NewXMLDecoder(strings.NewReader(text), "the document")
	d.Strict, d.Entity = false, xml.HTMLEntity
	b := treeBuilder{part: "the document"}
	for {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		token, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			if root == nil {
				err = config.Failf(config.Malformed, "the XML document has no root")
			} else {
				err = nil
			}
			return root, "", err
		case err != nil:
			if len(b.open) == 0 || d.InputOffset() < int64(len(text)) {
				return nil, "", xmlDamage(err)
			}
			line, _ := d.InputPos()
			return b.open[0], fmt.Sprintf("line %d: an element that does not end", line), nil
		}
		if whole, err := b.token(token); err != nil {
			return nil, "", err
		} else if whole != nil && root == nil {
			root = whole
		}
	}
}

func xmlDamage(err error) error {
	if _, own := config.ReasonOf(err); own {
		return err
	}
	return config.Failf(config.Malformed, "the XML document is damaged: %s", plain.Quote(err.Error()))
}

// withEntities is a document without its type, and with the texts of the entities that the type declares. Those within
// others are left as they are, and so none grows without bounds.
func withEntities(text string, max int64) (string, error) {
	doctype := xmlDoctype.FindStringSubmatchIndex(text)
	if doctype == nil {
		return text, nil
	}
	declared := ""
	if doctype[2] >= 0 {
		declared = text[doctype[2]:doctype[3]]
	}
	text = text[:doctype[0]] + text[doctype[1]:]
	var pairs []string
	size := int64(len(text))
	for _, e := range xmlEntity.FindAllStringSubmatch(declared, 1_000) {
		name, value := "&"+e[1]+";", e[2]+e[3]
		if size += int64(strings.Count(text, name)) * int64(len(value)); size > max {
			return "", config.Failf(config.TooLarge, "the entities of the XML document make more than %d bytes of it", max)
		}
		pairs = append(pairs, name, value)
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}

// token adds a token to the tree, and returns the root when it ends. White space stays, as it may divide words; where
// it only indents elements it is dropped when their parent ends.
func (b *treeBuilder) token(t xml.Token) (root *node, err error) {
	switch t := t.(type) {
	case xml.StartElement:
		if len(b.open) == maxDepth {
			return nil, config.Failf(config.TooComplex, "the XML document nests elements deeper than %d: simplify it", maxDepth)
		}
		return nil, b.start(t)
	case xml.EndElement:
		if len(b.open) > 0 {
			b.dropIndents(b.open[len(b.open)-1])
			root = b.end()
		}
	case xml.CharData:
		if len(b.open) > 0 {
			err = b.add(&node{text: string(t)})
		}
	case xml.Comment:
		if len(b.open) > 0 && !strings.Contains(string(t), "<") {
			err = b.add(&node{name: xmlComment, children: []*node{{text: string(t)}}})
		}
	}
	return root, err
}

// xmlComment is the name of a node that is a comment. Those that hold elements are no text.
const xmlComment = "!--"

// dropIndents drops the white space between the elements of one that holds nothing else.
func (b *treeBuilder) dropIndents(n *node) {
	if n.isMixed() || xmlParagraphs[n.name] {
		return
	}
	before := len(n.children)
	n.children = slices.DeleteFunc(n.children, func(c *node) bool { return c.name == "" })
	b.count -= before - len(n.children)
}

// isMixed reports whether an element holds text of its own.
func (n *node) isMixed() bool {
	return slices.ContainsFunc(n.children, func(c *node) bool { return c.name == "" && !records.IsBlank(c.text) })
}
