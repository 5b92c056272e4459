package markup

import (
	"strings"

	"golang.org/x/net/html"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// MathText is MathML on one line. The deepest parts of a formula that nests beyond reason are their text.
func MathText(n *html.Node, depth int) string {
	if n.Type == html.TextNode {
		return strings.TrimSpace(n.Data)
	}
	if n.Data == "mtext" {
		return textOf(n)
	}
	var parts, names []string
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode && strings.TrimSpace(c.Data) == "" || c.Data == "annotation" ||
			c.Data == "annotation-xml" {
			continue
		}
		if depth > 50 {
			parts = append(parts, textOf(c))
			continue
		}
		parts, names = append(parts, MathText(c, depth+1)), append(names, c.Data)
	}
	part := func(i int) string {
		if i < len(parts) {
			return parts[i]
		}
		return ""
	}
	switch n.Data {
	case "mfrac":
		return plain.Fraction(part(0), part(1))
	case "mspace":
		return " "
	case "msqrt":
		return "√" + plain.Operand(strings.Join(parts, ""))
	case "mroot":
		return plain.Superscript(part(1)) + "√" + plain.Operand(part(0))
	case "mfenced":
		return "(" + strings.Join(parts, ", ") + ")"
	case "mo":
		return mathOperator(strings.Join(parts, ""))
	case "mtr", "mlabeledtr":
		return strings.Join(parts, " ")
	case "mtable":
		return strings.Join(parts, "; ")
	}
	return scripted(n.Data, parts, names)
}

// scripted is the text of an element whose parts are a base and scripts, or stand side by side.
func scripted(element string, parts, names []string) string {
	if len(parts) < 2 {
		return strings.Join(parts, "")
	}
	switch base := parts[0]; element {
	case "msup", "mover":
		return base + plain.Superscript(parts[1])
	case "msub":
		return base + plain.Subscript(parts[1])
	case "munder":
		return base + plain.Subscript(parts[1]) + " "
	case "msubsup":
		return base + plain.Subscript(parts[1]) + plain.Superscript(strings.Join(parts[2:], ""))
	case "munderover":
		return base + plain.Subscript(parts[1]) + plain.Superscript(strings.Join(parts[2:], "")) + " "
	case "mmultiscripts":
		return multiscripts(parts, names)
	}
	return strings.Join(parts, "")
}

// multiscripts is a base with the pairs of a lowered and a raised script that stand behind it and, after an element
// mprescripts, before it.
func multiscripts(parts, names []string) string {
	var before, behind string
	leading := false
	for i := 1; i < len(parts); i++ {
		if i < len(names) && names[i] == "mprescripts" {
			leading = true
			continue
		}
		scripts := plain.Subscript(parts[i])
		if i+1 < len(parts) {
			scripts += plain.Superscript(parts[i+1])
			i++
		}
		if leading {
			before += scripts
		} else {
			behind += scripts
		}
	}
	return before + strings.Join(parts[:min(len(parts), 1)], "") + behind
}

// mathOperator has spaces around it where it relates or adds.
func mathOperator(s string) string {
	switch s {
	case "=", "+", "-", "−", "<", ">", "≤", "≥", "≈", "≠", "±", "×", "⋅", "·":
		return " " + s + " "
	case "\u2061", "\u2062", "\u2063", "\u2064": // applied, times, comma and plus that are not written
		return ""
	}
	return s
}
