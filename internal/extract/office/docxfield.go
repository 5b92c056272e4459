package office

import (
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// drawnField is what a field without a result shows: a symbol, or a formula of the old EQ field.
func drawnField(code string) string {
	name, rest, _ := strings.Cut(strings.TrimSpace(code), " ")
	switch strings.ToUpper(name) {
	case "SYMBOL":
		return symbolField(strings.Fields(rest))
	case "EQ":
		e := equation{code: rest}
		return strings.TrimSpace(e.text(0))
	}
	return ""
}

// linkOf is where a field HYPERLINK leads.
func linkOf(code string) string {
	name, rest, _ := strings.Cut(strings.TrimSpace(code), " ")
	address := strings.TrimSpace(rest)
	if !strings.EqualFold(name, "HYPERLINK") || !strings.HasPrefix(address, `"`) { // another place of the document
		return ""
	}
	address, _, _ = strings.Cut(address[1:], `"`)
	return address
}

// symbolField is SYMBOL 109 \f "Symbol".
func symbolField(words []string) string {
	if len(words) == 0 {
		return ""
	}
	font := ""
	for i, word := range words[:len(words)-1] {
		if strings.EqualFold(word, `\f`) {
			font = strings.Trim(words[i+1], `"`)
		}
	}
	code, err := strconv.ParseUint(words[0], 0, 32)
	if err != nil {
		return ""
	}
	return plain.Symbol(font, strconv.FormatUint(code, 16))
}

// equation reads the code of an EQ field: \f(12;5), \r(3;x), 10\s\up6(6). Its arguments stand apart by the list
// separator of the writer's language, a comma or a semicolon.
type equation struct {
	code string
	at   int
}

// text reads up to the end of an argument.
func (e *equation) text(depth int) string {
	var b strings.Builder
	for e.at < len(e.code) {
		c := e.code[e.at]
		switch {
		case c == '\\':
			b.WriteString(e.command(depth))
			continue
		case depth > 0 && (c == ')' || c == ';' || c == ','):
			return b.String()
		case c == '(':
			e.at++
			b.WriteString("(" + strings.Join(e.rest(depth+1), ", ") + ")")
			continue
		}
		b.WriteByte(c)
		e.at++
	}
	return b.String()
}

// arguments reads what stands in brackets, if anything does.
func (e *equation) arguments(depth int) []string {
	for e.at < len(e.code) && e.code[e.at] == ' ' {
		e.at++
	}
	if e.at >= len(e.code) || e.code[e.at] != '(' || depth > maxDepth {
		return nil
	}
	e.at++
	return e.rest(depth + 1)
}

func (e *equation) rest(depth int) []string {
	var arguments []string
	for depth <= maxDepth {
		arguments = append(arguments, e.text(depth))
		if e.at >= len(e.code) {
			break
		}
		e.at++
		if e.code[e.at-1] == ')' {
			break
		}
	}
	return arguments
}

// command reads a switch with its options and arguments.
func (e *equation) command(depth int) string {
	e.at++
	var names []string
	for {
		from := e.at
		for e.at < len(e.code) && isWordByte(e.code[e.at]) {
			e.at++
		}
		names = append(names, strings.ToLower(strings.TrimRight(e.code[from:e.at], "0123456789")))
		if e.at >= len(e.code) || e.code[e.at] != '\\' {
			break
		}
		e.at++
	}
	if names[0] == "" { // an escaped character
		e.at++
		return e.code[min(e.at-1, len(e.code)):min(e.at, len(e.code))]
	}
	arguments := e.arguments(depth)
	last := ""
	if len(arguments) > 0 {
		last = strings.TrimSpace(arguments[len(arguments)-1])
	}
	switch {
	case names[0] == "f" && len(arguments) == 2:
		return plain.Fraction(arguments[0], last)
	case names[0] == "r" && len(arguments) > 0:
		return root(strings.Join(arguments[:len(arguments)-1], ""), last)
	case names[0] == "s" && names[len(names)-1] == "up":
		return plain.Superscript(last)
	case names[0] == "s" && names[len(names)-1] == "do":
		return plain.Subscript(last)
	case names[0] == "o":
		return strings.Join(arguments[:min(len(arguments), 1)], "") // what is set over it is its reading
	}
	return strings.Join(arguments, ", ")
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
