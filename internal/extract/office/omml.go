package office

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// formula writes an Office equation (OMML, ECMA-376 part 1, section 22.1) on one line: 12/5, 10⁶, √(x+1).
func formula(n *node) string {
	if n == nil || n.text != "" {
		return ""
	}
	part := func(name string) string { return formula(n.child(name)) }
	switch n.name {
	case "r":
		return formulaRun(n)
	case "del", "moveFrom":
		return ""
	case "f":
		return formulaFraction(n)
	case "sSup":
		return formulaBase(n) + plain.Superscript(part("sup"))
	case "sSub":
		return formulaBase(n) + plain.Subscript(part("sub"))
	case "sSubSup":
		return formulaBase(n) + plain.Subscript(part("sub")) + plain.Superscript(part("sup"))
	case "sPre":
		return plain.Subscript(part("sub")) + plain.Superscript(part("sup")) + plain.Operand(part("e"))
	case "rad":
		return root(part("deg"), part("e"))
	case "nary":
		return operator(n)
	case "d":
		return delimited(n)
	case "func":
		return part("fName") + " " + part("e")
	case "limLow":
		return part("e") + plain.Subscript(part("lim"))
	case "limUpp":
		return part("e") + plain.Superscript(part("lim"))
	case "m":
		return "[" + unbracketed(n) + "]"
	case "mr":
		return joinedParts(n, "e", ", ")
	case "eqArr":
		return strings.ReplaceAll(joinedParts(n, "e", "; "), "&", "") // which only aligns the lines
	case "acc":
		return part("e") + value(n.at("accPr", "chr"), "\u0302") // a combining mark
	case "bar":
		return part("e") + "\u0305"
	case "AlternateContent":
		return formulaAlternative(n)
	case "phant":
		if isOff(n.at("phantPr", "show")) {
			return ""
		}
	}
	return joinedParts(n, "", "")
}

// formulaAlternative writes each of the alternatives at most once: they nest, and so would the work.
func formulaAlternative(n *node) string {
	text := ""
	fallback := n.alternative(func(c *node) bool { text = formula(c); return text != "" })
	if text == "" {
		text = formula(fallback)
	}
	return text
}

// joinedParts writes the children of one name, or all but properties, with a separator in between.
func joinedParts(n *node, name, separator string) string {
	var parts []string
	for _, c := range n.children {
		if c.name == name || name == "" && !strings.HasSuffix(c.name, "Pr") {
			parts = append(parts, formula(c))
		}
	}
	return strings.Join(parts, separator)
}

// formulaRun is the text of a run. Word keeps line breaks and symbols in equations as in other runs.
func formulaRun(n *node) string {
	var b strings.Builder
	for _, c := range n.children {
		switch c.name {
		case "t":
			b.WriteString(c.content())
		case "sym":
			b.WriteString(plain.Symbol(c.attr("font"), c.attr("char")))
		case "br", "tab":
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// formulaBase is what has a power or an index, and may have one already: (2³)⁴.
func formulaBase(n *node) string {
	e := n.child("e")
	base := plain.Operand(formula(e))
	if e != nil && (e.child("sSup") != nil || e.child("sSubSup") != nil) && !strings.HasPrefix(base, "(") {
		return "(" + base + ")"
	}
	return base
}

func formulaFraction(n *node) string {
	if isStack(n) {
		return "(" + unbracketed(n) + ")"
	}
	return plain.Fraction(formula(n.child("num")), formula(n.child("den")))
}

// isStack reports whether n is a fraction without a bar, as in a binomial coefficient.
func isStack(n *node) bool { return n.name == "f" && n.at("fPr", "type").attr("val") == "noBar" }

// unbracketed is a formula without the brackets that a matrix or a stack gets where it has none of its own.
func unbracketed(n *node) string {
	switch {
	case n.name == "m":
		return joinedParts(n, "mr", "; ")
	case isStack(n):
		return formula(n.child("num")) + " over " + formula(n.child("den"))
	}
	return formula(n)
}

func root(degree, text string) string {
	sign := "√"
	switch strings.TrimSpace(degree) {
	case "", "2":
	case "3":
		sign = "∛"
	case "4":
		sign = "∜"
	default:
		sign = plain.Superscript(degree) + "√"
	}
	if utf8.RuneCountInString(text) > 1 && !strings.HasPrefix(text, "(") {
		text = "(" + text + ")"
	}
	return sign + text
}

// operator is a sum, product or integral with its bounds.
func operator(n *node) string {
	sign := value(n.at("naryPr", "chr"), "∫")
	return sign + plain.Subscript(formula(n.child("sub"))) + plain.Superscript(formula(n.child("sup"))) + " " +
		formula(n.child("e"))
}

func delimited(n *node) string {
	properties := n.child("dPr")
	inner := ""
	if only := onlyPart(n); only != nil {
		inner = unbracketed(only)
	} else {
		inner = joinedParts(n, "e", value(properties.at("sepChr"), "|"))
	}
	return value(properties.at("begChr"), "(") + inner + value(properties.at("endChr"), ")")
}

// onlyPart is all that stands in brackets, or nil if that is not one element.
func onlyPart(brackets *node) *node {
	parts := slices.Collect(brackets.elements("e"))
	if len(parts) != 1 {
		return nil
	}
	content := slices.DeleteFunc(slices.Clone(parts[0].children), isFormulaProperty)
	if len(content) != 1 {
		return nil
	}
	return content[0]
}

func isFormulaProperty(n *node) bool { return n.name == "" || strings.HasSuffix(n.name, "Pr") }

// value is the val attribute of a property, which may be empty on purpose, or what holds without the property.
func value(property *node, unset string) string {
	if property == nil {
		return unset
	}
	return property.attr("val")
}

// isOff reports whether a property that may be on or off stands there and is off.
func isOff(property *node) bool {
	if property == nil {
		return false
	}
	switch property.attr("val") {
	case "0", "false", "off":
		return true
	}
	return false
}

// isOn reports whether a property that may be on or off stands there and is on.
func isOn(property *node) bool { return property != nil && !isOff(property) }
