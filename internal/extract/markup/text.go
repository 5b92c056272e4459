package markup

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/charset"
	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// ReadText reads plain text, and text in markup that reads as it stands: reStructuredText, AsciiDoc, Org, YAML. It
// stays as it is but for its tables, whose rows are written as in every format. Of MediaWiki and LaTeX it gives the
// words that their readers see.
func ReadText(ctx context.Context, s document.Source) (*document.Document, error) {
	text, warnings := charset.Decode(withoutQuotedPrintable(s.Data))
	if err := document.NewLimit(s.Max).Take(len(text)); err != nil { // before anything makes a copy of it
		return nil, err
	}
	if strings.HasPrefix(text, "BEGIN:V") { // a card or a calendar, whose long lines go on behind a blank
		text = Unfolded(text)
	}
	if strings.EqualFold(path.Ext(s.Name), ".properties") {
		text = unescaped(text)
	}
	text, dropped := plain.WithoutPayloads(text)
	plain.Payloads(&warnings, dropped)
	var d *document.Document
	var err error
	switch structure, finders := structureOfText(s.Name); {
	case isLatex(s.Name):
		latex := latexText(plain.Normalise(text))
		d, err = readLines(ctx, s, latex.text, []structureFinder{latex.structure})
	case finders != nil:
		d, err = readLines(ctx, s, plain.Normalise(withoutInlineMarkup(s.Name, plain.Normalise(text))), finders)
	default:
		d, err = document.WholeText(s, "", withoutInlineMarkup(s.Name, text), structure)
	}
	return document.Warned(d, err, warnings)
}

// withoutInlineMarkup is a text whose markup within lines is read.
func withoutInlineMarkup(name, text string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".srt", ".vtt":
		return joinedCues(text)
	case ".wiki", ".mediawiki", ".wikitext", ".mw":
		return wikiText(text)
	}
	return text
}

func isLatex(name string) bool {
	return slices.Contains([]string{".tex", ".latex", ".ltx"}, strings.ToLower(path.Ext(name)))
}

// structureOfText is how the structure of a text is found, by its name: along its lines, or in the whole of it. Neither
// is for programs and the like, whose lines mean something else.
func structureOfText(name string) (structure func(*document.Page), finders []structureFinder) {
	switch strings.ToLower(path.Ext(name)) {
	case ".rst", ".rest":
		return nil, []structureFinder{rstTable, rstHeading, framedTable, simpleTable}
	case ".adoc", ".asciidoc", ".asc":
		return nil, []structureFinder{asciidocBlock, asciidocHeading, asciidocTable}
	case ".org":
		return nil, []structureFinder{orgBlock, orgHeading, barTable}
	case ".wiki", ".mediawiki", ".wikitext", ".mw":
		return nil, []structureFinder{wikiTable, wikiHeading}
	case ".textile":
		return nil, []structureFinder{textileHeading, wikiBarTable}
	case ".dokuwiki":
		return nil, []structureFinder{dokuHeading, wikiBarTable}
	case ".creole":
		return nil, []structureFinder{creoleHeading, wikiBarTable}
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

// Unfolded is a card or a calendar (RFC 6350, RFC 5545) with each of its fields on one line.
func Unfolded(text string) string {
	return calendarEscapes.Replace(calendarFolds.Replace(plain.LineEnds.Replace(text)))
}

var calendarEscapes = strings.NewReplacer(`\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";", `\\`, `\`)

var calendarFolds = strings.NewReplacer("\n ", "", "\n\t", "")
