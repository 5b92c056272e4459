package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/unicode/norm"
)

// ValidateGlob refuses a pattern that doublestar cannot parse, and one that could never match a
// path within a source. The CRD's rule on globs refuses all of these but unbalanced brackets, which
// CEL cannot see.
func ValidateGlob(pattern string) error {
	switch {
	case pattern == "":
		return errors.New("an empty glob matches nothing: remove it")
	case strings.HasPrefix(pattern, "/"):
		return fmt.Errorf("%q starts with a slash, but paths are relative to the source: remove the slash", pattern)
	case slices.ContainsFunc(strings.Split(pattern, "/"), emptySegment):
		return fmt.Errorf("%q has an empty segment, or one of . or .., which no path has: write the path as it is listed",
			pattern)
	case !doublestar.ValidatePattern(pattern):
		return fmt.Errorf("%q is not a valid glob: close its brackets and braces, or put a backslash before each that is "+
			"meant literally", pattern)
	}
	return nil
}

// MatchGlob reports whether a valid pattern matches a path. An accented letter matches itself, whether it is written as
// one character or, as macOS writes names, as a letter with an accent.
func MatchGlob(pattern, path string) bool {
	return doublestar.MatchUnvalidated(norm.NFC.String(pattern), norm.NFC.String(path))
}

func emptySegment(s string) bool { return s == "" || s == "." || s == ".." }
