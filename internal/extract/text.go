package extract

import (
	"context"
	"path"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// readText reads plain text, and text in markup that reads as it stands: reStructuredText, AsciiDoc, Org, YAML. It
// stays as it is but for its tables, whose rows are written as in every format.
func readText(ctx context.Context, s source) (*Document, error) {
	text, warnings := decode(s.data)
	if err := newLimit(s.max).take(len(text)); err != nil { // before anything makes a copy of it
		return nil, err
	}
	if strings.HasPrefix(text, "BEGIN:V") { // a card or a calendar, whose long lines go on behind a blank
		text = unfolded(text)
	}
	if strings.EqualFold(path.Ext(s.name), ".properties") {
		text = unescaped(text)
	}
	text, dropped := withoutPayloads(text)
	payloads(&warnings, dropped)
	var d *Document
	var err error
	switch structure, finders := structureOfText(s.name); {
	case finders != nil:
		d, err = readLines(ctx, s, normalise(text), finders)
	default:
		d, err = wholeText(s, "", text, structure)
	}
	return warned(d, err, warnings)
}

// structureOfText is how the structure of a text is found, by its name: along its lines, or in the whole of it. Neither
// is for programs and the like, whose lines mean something else.
func structureOfText(name string) (structure func(*Page), finders []structureFinder) {
	switch strings.ToLower(path.Ext(name)) {
	case ".rst", ".rest":
		return nil, []structureFinder{rstTable, rstHeading, framedTable, simpleTable}
	case ".adoc", ".asciidoc", ".asc":
		return nil, []structureFinder{asciidocBlock, asciidocHeading, asciidocTable}
	case ".org":
		return nil, []structureFinder{orgBlock, orgHeading, barTable}
	case "", ".txt", ".text":
		return nil, []structureFinder{framedTable, queryTable, simpleTable, dashedTable, barTable, tabbedTable, alignedTable,
			plainHeading}
	case ".yaml", ".yml":
		return yamlStructure, nil
	case ".toml", ".ini", ".cfg", ".conf":
		return sectionStructure, nil
	}
	return nil, nil
}

// warned gives a document its warnings.
func warned(d *Document, err error, warnings config.Warnings) (*Document, error) {
	if err == nil {
		d.Warnings.Merge(warnings)
	}
	return d, err
}

// wholeText is a document of one text; structure, if not nil, finds the headings and tables of the normalised text.
func wholeText(s source, title, text string, structure func(*Page)) (*Document, error) {
	if err := newLimit(s.max).take(len(text)); err != nil {
		return nil, err
	}
	page := Page{Text: normalise(text)}
	if structure != nil {
		structure(&page)
	}
	return withText(&Document{Title: title, Pages: []Page{page}}, config.Malformed, "the document holds no text")
}
