package extract

import (
	"strings"
	"unicode/utf8"
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
		return operand(part("e")) + superscript(part("sup"))
	case "sSub":
		return operand(part("e")) + subscript(part("sub"))
	case "sSubSup":
		return operand(part("e")) + subscript(part("sub")) + superscript(part("sup"))
	case "sPre":
		return subscript(part("sub")) + superscript(part("sup")) + operand(part("e"))
	case "rad":
		return root(part("deg"), part("e"))
	case "nary":
		return operator(n)
	case "d":
		return delimited(n)
	case "func":
		return part("fName") + " " + part("e")
	case "limLow":
		return part("e") + subscript(part("lim"))
	case "limUpp":
		return part("e") + superscript(part("lim"))
	case "m":
		return "[" + joinedParts(n, "mr", "; ") + "]"
	case "mr":
		return joinedParts(n, "e", ", ")
	case "eqArr":
		return joinedParts(n, "e", "; ")
	case "acc":
		return part("e") + value(n.at("accPr", "chr"), "\u0302") // a combining mark
	case "bar":
		return part("e") + "\u0305"
	case "AlternateContent":
		return formula(n.alternative(func(c *node) bool { return formula(c) != "" }))
	case "phant":
		if isOff(n.at("phantPr", "show")) {
			return ""
		}
	}
	return joinedParts(n, "", "")
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
			b.WriteString(symbol(c.attr("font"), c.attr("char")))
		case "br", "tab":
			b.WriteByte(' ')
		}
	}
	return b.String()
}

func formulaFraction(n *node) string {
	numerator, denominator := formula(n.child("num")), formula(n.child("den"))
	if n.at("fPr", "type").attr("val") == "noBar" {
		return "(" + numerator + " over " + denominator + ")"
	}
	return fraction(numerator, denominator)
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
		sign = superscript(degree) + "√"
	}
	if utf8.RuneCountInString(text) > 1 && !strings.HasPrefix(text, "(") {
		text = "(" + text + ")"
	}
	return sign + text
}

// operator is a sum, product or integral with its bounds.
func operator(n *node) string {
	sign := value(n.at("naryPr", "chr"), "∫")
	return sign + subscript(formula(n.child("sub"))) + superscript(formula(n.child("sup"))) + " " + formula(n.child("e"))
}

func delimited(n *node) string {
	properties := n.child("dPr")
	return value(properties.at("begChr"), "(") + joinedParts(n, "e", value(properties.at("sepChr"), "|")) +
		value(properties.at("endChr"), ")")
}

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
