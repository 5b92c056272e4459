package plain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Raised and lowered figures as Unicode has them.
var (
	raised = strings.NewReplacer("0", "⁰", "1", "¹", "2", "²", "3", "³", "4", "⁴", "5", "⁵", "6", "⁶", "7", "⁷", "8", "⁸",
		"9", "⁹", "+", "⁺", "-", "⁻", "−", "⁻", "–", "⁻", "=", "⁼", "(", "⁽", ")", "⁾", "n", "ⁿ", "i", "ⁱ")
	lowered = strings.NewReplacer("0", "₀", "1", "₁", "2", "₂", "3", "₃", "4", "₄", "5", "₅", "6", "₆", "7", "₇", "8", "₈",
		"9", "₉", "+", "₊", "-", "₋", "−", "₋", "–", "₋", "=", "₌", "(", "₍", ")", "₎")
)

// Superscript is a raised text that cannot be read as part of what stands before it: 10⁶, x^(a+b), but 1st and ACME™.
func Superscript(s string) string { return script(s, "^", raised) }

// Subscript is a lowered text, likewise: H₂O, x_max.
func Subscript(s string) string { return script(s, "_", lowered) }

func script(s, mark string, figures *strings.Replacer) string {
	text := strings.TrimSpace(s)
	switch {
	case text == "", text[0] == '[': // a reference to a note
		return s
	case strings.ContainsFunc(text, unicode.IsDigit) || strings.ContainsAny(text, "+-−–="):
		if figure := figures.Replace(text); strings.IndexFunc(figure, isFull) < 0 {
			return figure
		}
	case mark == "^" && utf8.RuneCountInString(text) > 1 && IsWord(text), !strings.ContainsFunc(text, IsFigure):
		return s // an ordinal's ending, a trade mark, a footnote's sign
	case utf8.RuneCountInString(text) == 1, IsWord(text):
		return mark + text
	}
	return mark + "(" + text + ")"
}

// isFull reports whether r is of full height, as a figure that has no raised or lowered form.
func isFull(r rune) bool {
	return r > ' ' && r < utf8.RuneSelf || unicode.IsLetter(r) && !unicode.Is(unicode.Lm, r)
}

// IsFigure reports whether r is a letter or a digit.
func IsFigure(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// IsWord reports whether s holds letters alone; the empty text does.
func IsWord(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}

// Fraction is a numerator over a denominator on one line: 12/5, (a + b)/2.
func Fraction(numerator, denominator string) string {
	return Operand(numerator) + "/" + Operand(denominator)
}

// Operand puts parentheses around what is more than one number or name.
func Operand(s string) string {
	s = strings.TrimSpace(s)
	if strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsSymbol(r) && r != '^' || strings.ContainsRune("-/*·,", r)
	}) {
		return "(" + s + ")"
	}
	return s
}

// The boxes of forms, as text.
const (
	BoxTicked = "☒"
	BoxEmpty  = "☐"
)

// Box is the box of a form, ticked or empty.
func Box(ticked bool) string {
	if ticked {
		return BoxTicked
	}
	return BoxEmpty
}
