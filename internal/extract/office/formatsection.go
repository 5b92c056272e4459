package office

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/extract/plain"
)

// formatSection is a section of a number format (ECMA-376 part 1, section 18.8.31), and the numbers that it is for.
type formatSection struct {
	code     string
	operator string // "" holds for every number
	bound    float64
	style    int // in the book of cellFormats
}

var sectionCondition = regexp.MustCompile(`\[(<=|>=|<>|<|>|=)(-?[0-9.]+)\]`)

// formatSectionsOf are the sections of a number format that are for numbers: by their own conditions, or else of two
// those for numbers from zero and below it, and of three those for numbers above, below and at zero.
func formatSectionsOf(code string) []formatSection {
	codes := splitSections(code)
	codes = codes[:min(len(codes), 3)]
	sections := make([]formatSection, len(codes))
	for i, c := range codes {
		s := formatSection{code: c}
		switch own := sectionCondition.FindStringSubmatch(c); {
		case own != nil:
			s.code = strings.Replace(c, own[0], "", 1)
			s.operator = own[1]
			s.bound, _ = strconv.ParseFloat(own[2], 64) // 0 for what is not a number, as 1.2.3
		case i == len(codes)-1:
		case i == 1:
			s.operator = "<"
		case len(codes) == 2:
			s.operator = ">="
		default:
			s.operator = ">"
		}
		sections[i] = s
	}
	if n := len(sections); n == 2 && sections[0].operator == ">=" && sections[0].bound == 0 {
		sections[1].operator = "<"
	}
	return sections
}

// splitSections cuts a format at its semicolons, but for those that are quoted, escaped, or within brackets.
func splitSections(code string) []string {
	var sections []string
	from, until := 0, byte(0)
	for i := 0; i < len(code); i++ {
		switch c := code[i]; {
		case until != 0:
			if c == until {
				until = 0
			}
		case c == '"':
			until = '"'
		case c == '[':
			until = ']'
		case c == '\\' || c == '_' || c == '*':
			i++
		case c == ';':
			sections = append(sections, code[from:i])
			from = i + 1
		}
	}
	return append(sections, code[from:])
}

// sectionFor is the section for a number, if there is one. A dash in the place of zero says less than the first section
// does.
func sectionFor(value float64, sections []formatSection) (s formatSection, ok bool) {
	for _, s := range sections {
		if s.holds(value) {
			if value == 0 && s.isDash() {
				s = sections[0]
			}
			return s, true
		}
	}
	return formatSection{}, false
}

var inBrackets = regexp.MustCompile(`\[[^\]]*\]`)

// isDash reports whether the section shows neither figures nor words.
func (s formatSection) isDash() bool {
	return strings.IndexFunc(inBrackets.ReplaceAllString(s.code, ""), func(r rune) bool {
		return r == '#' || plain.IsFigure(r)
	}) < 0
}

func (s formatSection) holds(value float64) bool {
	switch s.operator {
	case "<":
		return value < s.bound
	case "<=":
		return value <= s.bound
	case ">":
		return value > s.bound
	case ">=":
		return value >= s.bound
	case "=":
		return value == s.bound
	case "<>":
		return value != s.bound
	}
	return true
}

// signed is a number as the section shows it: one for negative numbers writes their sign itself, if it wants one.
func (s formatSection) signed(value float64) float64 {
	if s.operator != "" && s.operator[0] == '<' && s.operator != "<>" && s.bound <= 0 {
		return math.Abs(value)
	}
	return value
}
