package markup

import (
	"slices"
	"strconv"
	"strings"

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
	case "title":
		return func(r *latexReader, depth int) string {
			r.title = plain.OneLine(r.inner(r.argument(), depth+1))
			return r.title
		}
	case "caption":
		return func(r *latexReader, depth int) string {
			r.option()
			r.caption = plain.OneLine(r.inner(r.argument(), depth+1))
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

// Commands without words of their own: those whose arguments are not shown, those whose first is not, those that end a
// line, quantities, and accents.
var (
	latexSilent = strings.Fields("label vspace hspace includegraphics documentclass usepackage bibliographystyle " +
		"pagestyle thispagestyle setlength addtolength newcommand renewcommand color setcounter fontsize selectlanguage " +
		"index phantom hypersetup graphicspath geometry")
	latexStyled   = strings.Fields("textcolor colorbox foreignlanguage parbox raisebox resizebox scalebox rotatebox")
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
	case slices.Contains(latexSilent, name):
		for r.option(); r.hasArgument(); r.option() {
			r.argument()
		}
	case slices.Contains(latexStyled, name):
		r.option()
		r.argument()
	default:
		r.option()
	}
	return ""
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
	if inner, _, ok := strings.Cut(rest[1:min(len(rest), maxLatexMacro)], rest[:1]); ok && !strings.Contains(inner, "\n") {
		r.at += len(inner) + 2
		return inner
	}
	return ""
}

// part puts a heading or a table on a line of its own.
func (r *latexReader) part(p latexPart) string {
	r.parts = append(r.parts, p)
	return "\n\n" + latexMark + strconv.Itoa(len(r.parts)-1) + "\n\n"
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
			return r.part(latexPart{level: 3, text: plain.OneLine(r.inner(r.argument(), depth+1))})
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
