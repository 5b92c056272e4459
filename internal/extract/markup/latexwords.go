package markup

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// latexWords read the commands that are more than their arguments.
func latexWords(name string) func(r *latexReader, depth int) string {
	switch name {
	case "begin":
		return func(r *latexReader, depth int) string { return r.environment(r.argument(), depth) }
	case "end":
		return func(r *latexReader, _ int) string { return r.end(r.argument()) }
	case "item":
		return (*latexReader).item
	case "maketitle":
		return func(r *latexReader, _ int) string { return r.front + "\n" }
	case "title":
		return func(r *latexReader, depth int) string {
			r.title = r.line(r.argument(), depth+1)
			return r.title
		}
	case "caption":
		return func(r *latexReader, depth int) string {
			r.option()
			r.caption = r.line(r.argument(), depth+1)
			return r.caption
		}
	case "footnote", "footnotetext", "thanks":
		return func(r *latexReader, depth int) string {
			r.option()
			return " (" + strings.TrimSpace(r.inner(r.argument(), depth+1)) + ")"
		}
	case "href":
		return func(r *latexReader, depth int) string {
			target := r.argument()
			return r.inner(r.argument(), depth+1) + " (" + target + ")"
		}
	case "cite", "citep", "citet", "parencite", "textcite", "autocite":
		return func(r *latexReader, _ int) string {
			r.option()
			return "[" + r.argument() + "]"
		}
	case "textsuperscript":
		return func(r *latexReader, depth int) string { return plain.Superscript(r.inner(r.argument(), depth+1)) }
	case "textsubscript":
		return func(r *latexReader, depth int) string { return plain.Subscript(r.inner(r.argument(), depth+1)) }
	case "verb", "lstinline":
		return func(r *latexReader, _ int) string { return r.verbatimInLine() }
	}
	return nil
}

// latexUnshown maps commands to the number of their arguments that LaTeX does not print. Text follows these.
var latexUnshown = map[string]int{
	"label": 1, "vspace": 1, "hspace": 1, "includegraphics": 1, "documentclass": 1, "usepackage": 1,
	"bibliographystyle": 1, "pagestyle": 1, "thispagestyle": 1, "color": 1, "selectlanguage": 1, "index": 1, "phantom": 1,
	"hypersetup": 1, "graphicspath": 1, "geometry": 1, "textcolor": 1, "colorbox": 1, "foreignlanguage": 1, "parbox": 1,
	"raisebox": 1, "scalebox": 1, "rotatebox": 1,
	"setlength": 2, "addtolength": 2, "setcounter": 2, "fontsize": 2, "resizebox": 2, "fcolorbox": 2,
	"newcommand": 2, "renewcommand": 2, "providecommand": 2,
}

// Commands without words of their own: those that end a line, quantities, and accents.
var (
	latexLineEnds = strings.Fields("par newline newpage clearpage linebreak pagebreak bigskip medskip smallskip")
	latexQuantity = strings.Fields("SI qty si unit num ang SIrange qtyrange")
	latexLetters  = strings.Fields("c v u H k r d b t")
)

// word reads a command by its name. Of one that is not known the arguments are read like other text.
func (r *latexReader) word(name string, depth int) string {
	if sign, ok := latexSymbols[name]; ok {
		r.at += len(r.text[r.at:]) - len(strings.TrimPrefix(r.text[r.at:], " "))
		return sign
	}
	if read := latexWords(name); read != nil {
		return read(r, depth)
	}
	switch {
	case slices.Contains(latexQuantity, name):
		return r.quantity(name)
	case slices.Contains(latexLineEnds, name):
		return "\n"
	case slices.Contains(latexLetters, name):
		return r.accented(name)
	case latexUnshown[name] > 0:
		r.skipArguments(latexUnshown[name])
	default:
		r.option()
		r.at += len(r.text[r.at:]) - len(strings.TrimLeft(r.text[r.at:], " \t"))
	}
	return ""
}

// skipArguments passes so many arguments, with the options around them. A command may stand for the first, as in
// \newcommand\name{body}.
func (r *latexReader) skipArguments(n int) {
	for r.option(); n > 0; n-- {
		if rest := r.text[r.at:]; strings.HasPrefix(rest, `\`) && n > 1 {
			r.at += 1 + latexName(rest[1:])
		} else if r.hasArgument() {
			r.argument()
		}
		for r.option() != "" { // how many arguments a macro has, and what the first one is if it is not given
		}
	}
}

// end ends an environment.
func (r *latexReader) end(kind string) string {
	if len(r.numbers) > 0 && isLatexList(kind) {
		r.numbers = r.numbers[:len(r.numbers)-1]
	}
	return ""
}

func (r *latexReader) verbatimInLine() string {
	rest := r.text[r.at:]
	if rest == "" {
		return ""
	}
	_, size := utf8.DecodeRuneInString(rest)
	inner, _, ok := strings.Cut(rest[size:min(len(rest), maxLatexMacro)], rest[:size])
	if ok && !strings.Contains(inner, "\n") {
		r.at += len(inner) + 2*size
		return inner
	}
	return ""
}

// part puts a heading or a table on a line of its own. In a line it is its words.
func (r *latexReader) part(p latexPart) string {
	if r.inLine > 0 {
		return " " + p.words() + " "
	}
	r.parts = append(r.parts, p)
	return "\n\n" + latexMark + strconv.Itoa(len(r.parts)-1) + "\n\n"
}

func (p latexPart) words() string {
	words := []string{p.text}
	for _, row := range p.rows {
		for _, cell := range row {
			words = append(words, cell.Text)
		}
	}
	return strings.Join(words, " ")
}

func isLatexList(kind string) bool {
	return kind == "itemize" || kind == "enumerate" || kind == "description"
}

// item begins an item of a list.
func (r *latexReader) item(depth int) string {
	name := r.inner(r.option(), depth+1)
	last := len(r.numbers) - 1
	mark := "- "
	if last >= 0 && r.numbers[last] >= 0 {
		r.numbers[last]++
		mark = strconv.Itoa(r.numbers[last]) + ". "
	}
	if name != "" {
		mark = "- " + strings.TrimSpace(name) + ": "
	}
	r.at += len(r.text[r.at:]) - len(strings.TrimLeft(r.text[r.at:], " \t\n"))
	return "\n" + strings.Repeat("  ", max(last, 0)) + mark
}

// environment reads what stands between \begin and \end, if it is no text as any other.
func (r *latexReader) environment(kind string, depth int) string {
	switch {
	case isLatexList(kind):
		r.option()
		first := -1
		if kind == "enumerate" {
			first = 0
		}
		if len(r.numbers) < maxLatexDepth {
			r.numbers = append(r.numbers, first)
		}
	case latexVerbatim.MatchString(kind):
		body := r.body(kind)
		if kind == "comment" {
			return ""
		}
		return "\n" + strings.Trim(body, "\n") + "\n"
	case latexMath.MatchString(kind):
		return "\n" + mathText(r.body(kind)) + "\n"
	case latexTabular.MatchString(kind) && r.within < maxLatexTables:
		return r.tabular(kind, depth)
	case slices.Contains([]string{"table", "table*", "figure", "figure*"}, kind):
		return r.float(kind, depth)
	default:
		if r.option(); kind == "frame" && r.hasArgument() {
			return r.part(latexPart{level: 3, text: r.line(r.argument(), depth+1)})
		}
		for latexArgued.MatchString(kind) && r.hasArgument() {
			r.argument()
		}
	}
	return "\n"
}

// tabular reads a table, behind how its columns are set.
func (r *latexReader) tabular(kind string, depth int) string {
	r.option()
	if slices.Contains([]string{"tabularx", "tabular*", "tabulary", "xltabular"}, kind) {
		r.argument()
	}
	if r.option(); r.hasArgument() {
		r.argument()
	}
	r.within++
	defer func() { r.within-- }()
	return r.table(r.body(kind), depth)
}

// body takes the text up to the end of an environment, which may hold others of its kind.
func (r *latexReader) body(kind string) string {
	begin, end := `\begin{`+kind+"}", `\end{`+kind+"}"
	rest, depth, at := r.text[r.at:], 1, 0
	for {
		stop := strings.Index(rest[at:], end)
		if stop < 0 {
			r.at = len(r.text)
			return rest
		}
		depth += strings.Count(rest[at:at+stop], begin) - 1
		at += stop + len(end)
		if depth == 0 {
			r.at += at
			return rest[:at-len(end)]
		}
	}
}

// float reads a table or a picture with its caption, which may stand below it.
func (r *latexReader) float(kind string, depth int) string {
	r.option()
	first := len(r.parts)
	r.caption = ""
	text := r.inner(r.body(kind), depth+1)
	if r.caption != "" && len(r.parts) == first+1 && r.parts[first].rows != nil {
		r.parts[first].text = r.caption
		text = strings.Replace(text, r.caption, "", 1)
	}
	r.caption = ""
	return "\n" + text + "\n"
}
