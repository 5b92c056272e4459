package markup

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/document"
	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// LaTeX.

// maxLatexDepth is how deep groups and environments are read within each other; deeper ones stay as they are written.
const maxLatexDepth = 30

// maxLatexTables is how many tables are read within each other.
const maxLatexTables = 3

// Bounds on the macros that a text defines: their bytes, and how often they are put in.
const (
	maxLatexMacro  = 1000
	maxLatexMacros = 10_000
)

// maxLatexFront is how many authors, institutes and dates are read from above the text.
const maxLatexFront = 100

// maxLatexLook is how far the end of a formula is looked for, in bytes.
const maxLatexLook = 10_000

// latexMark begins a line that stands for a heading or a table: its number follows.
const latexMark = "\x1e"

// latexReader reads the words of a text of LaTeX. Its headings and tables become marks in the text.
type latexReader struct {
	text    string
	at      int
	title   string
	caption string
	front   string // the authors and the date, which stand where the title does
	parts   []latexPart
	macros  map[string]string // those of the text's own, without arguments
	within  int               // so many tables is what is read
	inLine  int               // so many lines and cells is what is read; tables in them are words
	put     int               // how many macros have been put in
	numbers []int             // of the lists that are open; below 0 for those without
	noEnd   map[string]int    // by the end of a formula: up to where none stands
}

// latexPart is a heading, or a table.
type latexPart struct {
	level   int
	text    string // of the heading, or the table's caption
	rows    [][]document.GridCell
	headers int
}

var (
	latexComment = regexp.MustCompile(`(?m)((?:^|[^\\])(?:\\\\)*)%.*(?:\n[ \t]*)?`)
	latexMacro   = regexp.MustCompile(`\\(?:re)?newcommand\*?\s*\{?\\([A-Za-z]+)\}?\s*\{`)
	latexColumns = regexp.MustCompile(`\\(?:hline|toprule|midrule|bottomrule|endhead|endfirsthead|endfoot|endlastfoot)\b|` +
		`\\(?:cline|cmidrule|rowcolor|addlinespace)\s*(?:\([^)]*\))?(?:\[[^\]]*\])?(?:\{[^}]*\})?`)
	latexRule     = regexp.MustCompile(`\\(?:midrule|endhead|endfirsthead)\b`)
	latexMulti    = regexp.MustCompile(`^\s*\\multi(column|row)\s*(?:\[[^\]]*\])?\{\s*(-?\d{1,4})\s*\}`)
	latexVerbatim = regexp.MustCompile(`^(?:verbatim|lstlisting|minted|alltt|Verbatim|comment)\*?$`)
	latexTabular  = regexp.MustCompile(`^(?:tabular[xy]?|longtable|tabu|longtabu|supertabular|xltabular|tblr)\*?$`)
	latexMath     = regexp.MustCompile(`^(?:equation|align|alignat|gather|multline|eqnarray|displaymath|math)\*?$`)
	latexArgued   = regexp.MustCompile(`^(?:minipage|multicols|thebibliography|wrapfigure|wraptable|column|spacing)\*?$`)
	latexCode     = regexp.MustCompile(`(?s)\\begin\{(?:verbatim|lstlisting|minted|alltt|Verbatim)\*?\}.*?` +
		`\\end\{(?:verbatim|lstlisting|minted|alltt|Verbatim)\*?\}|\\(?:url|href|path)\{[^{}\n]*\}|` +
		`\\(?:verb|lstinline)\*?(?:\|[^|\n]*\||\+[^+\n]*\+|![^!\n]*!)`)
	latexFront  = regexp.MustCompile(`\\(?:author|institute|affil|date)\s*(?:\[[^\]]*\])?\s*\{`)
	latexTitle  = regexp.MustCompile(`\\title\s*(?:\[[^\]]*\])?\s*\{`)
	latexItems  = regexp.MustCompile(`\n\s*\n([ \t]*(?:- |\d+\. ))`)
	latexBegin  = regexp.MustCompile(`\n (\S)`)
	latexBlanks = regexp.MustCompile(`\n[ \t]*\n\s*\n`)
)

var latexLevels = map[string]int{
	"part": 1, "chapter": 1, "section": 2, "subsection": 3, "subsubsection": 4, "paragraph": 5, "subparagraph": 6,
	"frametitle": 3,
}

// latexText is a text of LaTeX as its readers see it, and its headings and tables by the numbers of their marks.
func latexText(text string) *latexReader {
	r := &latexReader{macros: map[string]string{}}
	text = withoutLatexComments(text)
	if preamble, body, has := strings.Cut(text, `\begin{document}`); has {
		r.text = preamble
		r.preamble()
		text = body
		if end := strings.LastIndex(body, `\end{document}`); end >= 0 { // code may hold others
			text = body[:end]
		}
	}
	r.text, r.at = text, 0
	body := strings.TrimSpace(r.read("", 0))
	if body == "" { // a file of macros
		body = text
	}
	body = latexItems.ReplaceAllString(body, "\n$1")
	body = latexBegin.ReplaceAllString(body, "\n$1")
	r.text = normalisedBetweenMarks(latexBlanks.ReplaceAllString(body, "\n\n"))
	return r
}

// normalisedBetweenMarks is a text normalised, but for the marks, which are control characters.
func normalisedBetweenMarks(text string) string {
	pieces := strings.Split(text, latexMark)
	for i := range pieces {
		pieces[i] = plain.Normalise(pieces[i])
	}
	return strings.TrimLeft(strings.Join(pieces, "\n\n"+latexMark), "\n")
}

// withoutLatexComments is a text without its comments. Code has none.
func withoutLatexComments(text string) string {
	var b strings.Builder
	at := 0
	for _, code := range latexCode.FindAllStringIndex(text, -1) {
		b.WriteString(latexComment.ReplaceAllString(text[at:code[0]], "$1"))
		b.WriteString(text[code[0]:code[1]])
		at = code[1]
	}
	b.WriteString(latexComment.ReplaceAllString(text[at:], "$1"))
	return b.String()
}

// preamble takes the title and the macros that stand before the text.
func (r *latexReader) preamble() {
	preamble := r.text
	for _, m := range latexMacro.FindAllStringSubmatchIndex(preamble, 1000) {
		r.text, r.at = preamble[:min(len(preamble), m[1]+maxLatexMacro)], m[1]-1
		if body := r.argument(); !strings.Contains(body, "#") && r.text[r.at-1] == '}' {
			r.macros[preamble[m[2]:m[3]]] = body
		}
	}
	if at := latexTitle.FindStringIndex(preamble); at != nil {
		r.text, r.at = preamble, at[1]-1
		r.title = r.line(r.argument(), 1)
	}
	for _, m := range latexFront.FindAllStringIndex(preamble, maxLatexFront) {
		r.text, r.at = preamble[:min(len(preamble), m[1]+maxLatexLook)], m[1]-1
		r.front += "\n" + plain.OneLine(strings.ReplaceAll(r.inner(r.argument(), 1), "\n", ", "))
	}
}

// inner reads an argument.
func (r *latexReader) inner(text string, depth int) string {
	if depth > maxLatexDepth {
		return text
	}
	outer, at, noEnd := r.text, r.at, r.noEnd
	r.text, r.at, r.noEnd = text, 0, nil
	out := r.read("", depth)
	r.text, r.at, r.noEnd = outer, at, noEnd
	return out
}

// line reads an argument that becomes a line, or a cell.
func (r *latexReader) line(text string, depth int) string {
	r.inLine++
	defer func() { r.inLine-- }()
	return plain.OneLine(r.inner(text, depth))
}

// read reads to the end of the text, or to a closing brace.
func (r *latexReader) read(end string, depth int) string {
	var b strings.Builder
	for r.at < len(r.text) {
		rest := r.text[r.at:]
		switch c := rest[0]; {
		case end != "" && strings.HasPrefix(rest, end):
			r.at += len(end)
			return b.String()
		case c == '\\':
			b.WriteString(r.command(depth))
		case c == '$':
			b.WriteString(r.mathBetween(strings.HasPrefix(rest, "$$")))
		case strings.HasPrefix(rest, "}{"):
			r.at += 2
			b.WriteByte(' ')
		case c == '{' || c == '}':
			r.at++
		case c == '~':
			r.at++
			b.WriteByte(' ')
		default:
			n := strings.IndexAny(rest, `\${}~`)
			if n < 0 {
				n = len(rest)
			}
			b.WriteString(latexSigns.Replace(rest[:n]))
			r.at += n
		}
	}
	return b.String()
}

var latexSigns = strings.NewReplacer("---", "—", "--", "–", "``", "“", "''", "”", `"'`, "”", "\"`", "„")

// argument takes what stands in braces next, or a sign alone.
func (r *latexReader) argument() string {
	r.at += len(r.text[r.at:]) - len(strings.TrimLeft(r.text[r.at:], " \t\n"))
	if r.at >= len(r.text) {
		return ""
	}
	if r.text[r.at] != '{' {
		_, size := utf8.DecodeRuneInString(r.text[r.at:])
		r.at += size
		return r.text[r.at-size : r.at]
	}
	depth := 0
	for i := r.at; i < len(r.text); i++ {
		switch r.text[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				inner := r.text[r.at+1 : i]
				r.at = i + 1
				return inner
			}
		}
	}
	inner := r.text[r.at+1:]
	r.at = len(r.text)
	return inner
}

// hasArgument reports whether braces stand next.
func (r *latexReader) hasArgument() bool {
	return strings.HasPrefix(strings.TrimLeft(r.text[r.at:], " \t"), "{")
}

// option takes what stands in brackets next, if they do.
func (r *latexReader) option() string {
	rest := r.text[r.at:]
	if !strings.HasPrefix(rest, "[") {
		return ""
	}
	end := strings.IndexByte(rest[:min(len(rest), 1000)], ']')
	if end < 0 {
		return ""
	}
	r.at += end + 1
	return rest[1:end]
}

// latexName is how many bytes of a text are the name of a command.
func latexName(text string) int {
	return len(text) - len(strings.TrimLeftFunc(text, isLetterOfName))
}

func isLetterOfName(c rune) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// command reads a command with what belongs to it.
func (r *latexReader) command(depth int) string {
	r.at++
	if r.at >= len(r.text) {
		return ""
	}
	rest := r.text[r.at:]
	n := latexName(rest)
	if n == 0 {
		return r.sign()
	}
	name := rest[:n]
	r.at += n
	r.at += len(r.text[r.at:]) - len(strings.TrimPrefix(r.text[r.at:], "*"))
	if macro, own := r.macros[name]; own && r.put < maxLatexMacros {
		r.put++
		return r.inner(macro, depth+maxLatexDepth/3)
	}
	if level := latexLevels[name]; level > 0 {
		short := r.option()
		if text := r.line(r.argument(), depth+1); text != "" || short != "" {
			return r.part(latexPart{level: level, text: text})
		}
	}
	return r.word(name, depth)
}
