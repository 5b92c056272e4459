package office

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// attach keeps what is to follow the paragraph that is being read.
func (r *docxReader) attach(blocks ...document.Block) { r.attached = append(r.attached, blocks...) }

// attachPart attaches the blocks of a part that the text refers to.
func (r *docxReader) attachPart(read func(*ooxml, string) ([]document.Block, error), id string) {
	part := r.story.target(id)
	if r.read[part] {
		return
	}
	r.read[part] = true
	blocks, err := read(r.ooxml, part)
	if err != nil {
		r.ignored = append(r.ignored, part)
		r.fail(err)
	}
	r.attach(blocks...)
}

// attachNote attaches a note or comment, when it is first referred to.
func (r *docxReader) attachNote(id noteID) {
	r.attach(r.notes[id]...)
	delete(r.notes, id)
}

// readNotes reads the footnotes, endnotes and comments.
func (r *docxReader) readNotes() error {
	for _, part := range []struct{ kind, relationship, name string }{
		{"footnote", "footnotes", "word/footnotes.xml"},
		{"endnote", "endnotes", "word/endnotes.xml"},
		{"comment", "comments", "word/comments.xml"},
	} {
		name := r.part(part.relationship, part.name)
		if err := r.enter(name); err != nil {
			return err
		}
		err := r.walk(name, visitor{
			whole: func(name string) bool { return name == part.kind },
			open:  func(*node) error { return nil },
			close: func(string) error { return nil },
			node: func(n *node) error {
				r.keepNote(noteID{part.kind, n.attr("id")}, n)
				return r.err
			},
		})
		if err != nil {
			return err
		}
	}
	return r.enter("")
}

// keepNote keeps a note's blocks until something refers to it. It ignores separators, which stand among the notes.
func (r *docxReader) keepNote(id noteID, n *node) {
	if kind := n.attr("type"); kind != "" && kind != "normal" {
		return
	}
	r.inside++
	blocks := r.blocks(n)
	r.inside--
	if author := n.attr("author"); id.kind == "comment" {
		text := document.OneLineOf(blocks)
		if text == "" {
			return
		}
		blocks = []document.Block{{Text: document.CommentBy(author, text)}}
	}
	r.notes[id] = blocks
	r.noteOrder = append(r.noteOrder, id)
}

// writeLooseNotes writes the notes that nothing refers to.
func (r *docxReader) writeLooseNotes() error {
	for _, id := range r.noteOrder {
		if err := r.writer.WriteAll(r.notes[id]); err != nil {
			return err
		}
	}
	return nil
}

func (r *docxReader) writeHeaders() error { return r.writeFurniture("header") }

func (r *docxReader) writeFooters() error { return r.writeFurniture("footer") }

// writeFurniture writes what stands on many pages, once.
func (r *docxReader) writeFurniture(kind string) error {
	for part := range r.relations.all(kind) {
		if err := r.enter(part); err != nil {
			return err
		}
		root, err := r.tree(part)
		if err != nil {
			return err
		}
		r.inside++
		r.inFurniture = true
		blocks := r.blocks(root)
		r.inside--
		r.inFurniture = false
		if err := r.writeOnce(blocks); err != nil {
			return err
		}
	}
	return r.enter("")
}

func (r *docxReader) writeOnce(blocks []document.Block) error {
	for _, b := range blocks {
		lines := []string{b.Text}
		if b.Kind == document.TableBlock {
			lines = nil
			for _, row := range b.Table.Rows {
				lines = append(lines, document.Barred(row))
			}
		}
		for _, line := range lines {
			if line = plain.Fold(line); line == "" || r.furniture[line] {
				continue
			}
			r.furniture[line] = true
			if err := r.writer.Write(document.Block{Text: line}); err != nil {
				return err
			}
		}
	}
	return r.err
}

// isPageNumbering reports whether a header's or footer's paragraph says only on which page it stands.
func isPageNumbering(text string, pages []string) bool {
	if len(pages) == 0 {
		return false
	}
	for _, page := range pages {
		text = strings.Replace(text, page, "", 1)
	}
	return len(strings.Fields(text)) <= 3 && !strings.ContainsAny(text, "0123456789")
}

// enter makes a part the one whose relationships hold; an empty name is the main part.
func (r *docxReader) enter(part string) error {
	r.fields, r.carried = nil, ""
	r.story = r.relations
	if part == "" {
		return nil
	}
	var err error
	r.story, err = r.relationships(part)
	return err
}

// defaultPrompt is what Word writes into an empty content control, in English.
var defaultPrompt = regexp.MustCompile(`^(Click|Choose|Tap|Select|Enter)\b.{0,30}\b(text|an item|a date|any content)\b.{0,30}\.$`)

// isPrompt reports whether a content control, or a run of one, shows nothing but the prompt for its text. A program
// that fills in forms may leave the marks of the prompt around its text, so only the text decides.
func (r *docxReader) isPrompt(n *node) bool {
	if r.prompts == nil {
		r.prompts = map[string]bool{}
		glossary, err := r.tree(r.part("glossaryDocument", "word/glossary/document.xml"))
		r.fail(err)
		for part := range glossary.descendants("docPart") {
			r.prompts[plain.Fold(part.at("docPartBody").content())] = true
		}
	}
	text := plain.Fold(n.content())
	return text != "" && r.prompts[text] || defaultPrompt.MatchString(text)
}

// imported is the text of a document that this one holds.
func (r *docxReader) imported(part string) []document.Block {
	if r.read[part] {
		return nil
	}
	r.read[part] = true
	blocks, err := importPart(r.archive, r.imports, part)
	if blocks == nil {
		r.ignored = append(r.ignored, part)
	}
	r.fail(err)
	return blocks
}

// alternativeText is what an author wrote for those who do not see a picture, each text once, without those that a
// program made up.
func alternativeText(texts ...string) []document.Block {
	var blocks []document.Block
	for i, s := range texts {
		if strings.Contains(s, "automatically generated") || strings.Contains(s, "AI-generated") ||
			plain.PlausibleTitle(s) == "" || slices.Contains(texts[:i], s) {
			continue
		}
		blocks = append(blocks, document.Block{Text: s})
	}
	return blocks
}
