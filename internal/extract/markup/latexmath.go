package markup

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// latexSymbols are commands that stand for a sign.
var latexSymbols = map[string]string{
	"ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł",
	"ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "aa": "å", "AA": "Å",
	"i": "i", "j": "j", "S": "§", "P": "¶",
	"pounds": "£", "euro": "€", "EUR": "€", "texteuro": "€", "copyright": "©",
	"dots": "…", "ldots": "…", "textellipsis": "…",
	"cdots": "…", "textbackslash": `\`, "textasciitilde": "~", "textbar": "|",
	"textless": "<", "textgreater": ">", "textdegree": "°", "degree": "°", "textmu": "µ", "textregistered": "®",
	"texttrademark": "™", "textendash": "–", "textemdash": "—",
	"quad": " ", "qquad": " ", "LaTeX": "LaTeX ", "TeX": "TeX ",
	"times": "×", "cdot": "·", "pm": "±", "mp": "∓", "div": "÷",
	"le": "≤", "leq": "≤", "leqslant": "≤", "ge": "≥", "geq": "≥",
	"geqslant": "≥", "ne": "≠", "neq": "≠", "approx": "≈",
	"sim": "∼", "equiv": "≡", "infty": "∞", "to": "→", "rightarrow": "→",
	"leftarrow": "←", "Rightarrow": "⇒", "in": "∈", "sum": "∑",
	"prod": "∏", "int": "∫", "partial": "∂", "nabla": "∇",
	"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ",
	"epsilon": "ε", "varepsilon": "ε", "eta": "η", "theta": "θ",
	"kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
	"pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ",
	"varphi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
	"Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Pi": "Π",
	"Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω", "circ": "°", "prime": "′", "checkmark": "✓", "bullet": "•",
}

// latexAccents are the accents that commands put on the letter behind them.
var latexAccents = map[string]string{
	"`": "\u0300", "'": "\u0301", "^": "\u0302", "~": "\u0303", "=": "\u0304", "u": "\u0306", ".": "\u0307",
	`"`: "\u0308", "r": "\u030a", "H": "\u030b", "v": "\u030c", "d": "\u0323", "c": "\u0327", "k": "\u0328", "b": "\u0331",
	"t": "",
}

// sign reads a command of one sign.
func (r *latexReader) sign() string {
	_, size := utf8.DecodeRuneInString(r.text[r.at:])
	sign := r.text[r.at : r.at+size]
	r.at += size
	switch {
	case latexAccents[sign] != "":
		return r.accented(sign)
	case strings.Contains(`%&_$#{}`, sign):
		return sign
	case sign == `\`:
		r.at += len(r.text[r.at:]) - len(strings.TrimPrefix(r.text[r.at:], "*"))
		r.option()
		return "\n"
	case sign == "(" || sign == "[":
		end := map[string]string{"(": `\)`, "[": `\]`}[sign]
		if inner, ok := r.upTo(end); ok {
			r.at += len(inner) + len(end)
			return mathText(inner)
		}
	case strings.Contains(", ;:!\n\t", sign):
		return " "
	case size > 1: // no command
		return sign
	}
	return ""
}

// upTo is the text up to the end of a formula, if that is near. It looks at no part of the text twice.
func (r *latexReader) upTo(end string) (inner string, found bool) {
	from, limit := max(r.at, r.noEnd[end]), min(len(r.text), r.at+maxLatexLook)
	if from >= limit {
		return "", false
	}
	if at := strings.Index(r.text[from:limit], end); at >= 0 {
		return r.text[r.at : from+at], true
	}
	if r.noEnd == nil {
		r.noEnd = map[string]int{}
	}
	r.noEnd[end] = max(limit-len(end)+1, r.at)
	return "", false
}

// accented is a letter with an accent.
func (r *latexReader) accented(accent string) string {
	letter := strings.TrimSpace(r.argument())
	letter = strings.TrimPrefix(letter, `\`)
	if letter == "" {
		if rest := r.text[r.at:]; rest != "" { // the accent stood before \i or \j
			_, size := utf8.DecodeRuneInString(rest)
			letter, r.at = rest[:size], r.at+size
		}
	}
	first, size := utf8.DecodeRuneInString(letter)
	if size == 0 {
		return ""
	}
	return norm.NFC.String(string(first)+latexAccents[accent]) + letter[size:]
}

// mathBetween takes a formula between dollars.
func (r *latexReader) mathBetween(double bool) string {
	mark := "$"
	if double {
		mark = "$$"
	}
	if r.at+len(mark) >= len(r.text) {
		r.at = len(r.text)
		return "$"
	}
	inner, _, ok := strings.Cut(r.text[r.at+len(mark):min(len(r.text), r.at+maxLatexLook)], mark)
	if !ok {
		r.at += len(mark)
		return "$"
	}
	r.at += len(inner) + 2*len(mark)
	return mathText(inner)
}

// mathText is a formula on one line: 10⁶, a/b, √(x).
func mathText(formula string) string {
	m := &latexReader{text: formula, macros: map[string]string{}}
	return strings.Join(strings.Fields(m.formula(0)), " ")
}

// formula reads a formula to its end.
func (r *latexReader) formula(depth int) string {
	var b strings.Builder
	for r.at < len(r.text) {
		switch c := r.text[r.at]; c {
		case '^', '_':
			r.at++
			inner := r.operand(depth)
			if c == '^' {
				b.WriteString(plain.Superscript(inner))
			} else {
				b.WriteString(plain.Subscript(inner))
			}
		case '\\':
			b.WriteString(r.mathCommand(depth))
		case '{', '}':
			r.at++
		case '~', '&':
			r.at++
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
			r.at++
		}
	}
	return b.String()
}

// operand reads the next argument as a formula.
func (r *latexReader) operand(depth int) string {
	inner := r.argument()
	if depth > maxLatexDepth {
		return inner
	}
	if inner == `\` && r.at < len(r.text) { // a command alone
		r.at--
		return r.mathCommand(depth + 1)
	}
	m := &latexReader{text: inner, macros: r.macros}
	return strings.TrimSpace(m.formula(depth + 1))
}

func (r *latexReader) mathCommand(depth int) string {
	r.at++
	rest := r.text[r.at:]
	n := latexName(rest)
	if n == 0 {
		return r.sign()
	}
	name := rest[:n]
	r.at += n
	if sign, ok := latexSymbols[name]; ok {
		return sign
	}
	switch name {
	case "frac", "dfrac", "tfrac", "nicefrac", "sfrac":
		above := r.operand(depth)
		return plain.Fraction(above, r.operand(depth))
	case "sqrt":
		r.option()
		return "√" + plain.Operand(r.operand(depth))
	case "left", "right", "displaystyle", "limits", "big", "Big":
		return ""
	case "label", "begin", "end", "tag":
		r.argument()
		return " "
	case "SI", "qty", "si", "unit", "num", "ang":
		return r.quantity(name)
	case "text", "mathrm", "textrm", "mathbf", "textbf", "operatorname", "mbox", "mathit", "mathcal", "mathbb":
		return r.operand(depth)
	}
	return name + " "
}

// quantity reads a number with its unit, as siunitx writes them.
func (r *latexReader) quantity(name string) string {
	r.option()
	var parts []string
	for r.hasArgument() && len(parts) < 3 {
		parts = append(parts, unitText(r.argument()))
	}
	if strings.HasSuffix(name, "range") && len(parts) == 3 {
		return parts[0] + "–" + parts[1] + " " + parts[2]
	}
	if name == "ang" && len(parts) == 1 {
		return parts[0] + "°"
	}
	return strings.Join(parts, " ")
}

// latexUnits are the names of units and of their parts.
var latexUnits = map[string]string{
	"metre": "m", "meter": "m", "gram": "g", "kilogram": "kg",
	"second": "s", "ampere": "A", "kelvin": "K", "mole": "mol",
	"candela": "cd", "hertz": "Hz", "newton": "N", "pascal": "Pa",
	"joule": "J", "watt": "W", "coulomb": "C", "volt": "V",
	"farad": "F", "ohm": "Ω", "siemens": "S", "weber": "Wb",
	"tesla": "T", "henry": "H", "celsius": "°C", "degreeCelsius": "°C",
	"lumen": "lm", "lux": "lx", "minute": "min", "hour": "h",
	"day": "d", "degree": "°", "litre": "l", "liter": "l",
	"tonne": "t", "bar": "bar", "electronvolt": "eV", "percent": "%", "decibel": "dB", "byte": "B", "bit": "bit",
	"kilo": "k", "mega": "M", "giga": "G", "tera": "T",
	"hecto": "h", "deca": "da", "deci": "d", "centi": "c", "milli": "m",
	"micro": "µ", "nano": "n", "pico": "p", "per": "/", "squared": "²", "cubed": "³", "square": "²", "cubic": "³",
	"kilometre": "km", "km": "km", "mm": "mm", "cm": "cm", "kW": "kW", "kPa": "kPa", "MPa": "MPa",
}

// unitText is a number or a unit: \kilo\metre\per\hour is km/h, and 1e3 stays.
func unitText(text string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(text, `\`) {
		name, rest := part, ""
		if n := strings.IndexFunc(part, func(c rune) bool { return !unicode.IsLetter(c) }); n >= 0 {
			name, rest = part[:n], part[n:]
		}
		if unit, ok := latexUnits[name]; ok {
			name = unit
		}
		b.WriteString(name + strings.TrimSpace(rest))
	}
	return unitSigns.Replace(b.String())
}

var unitSigns = strings.NewReplacer(",", ".", "^2", "²", "^3", "³", "^{-1}", "⁻¹", "^{-2}", "⁻²", "~", " ")
