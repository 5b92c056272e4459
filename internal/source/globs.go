package source

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/unicode/norm"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// globs select the paths of a source that are documents.
//
// A path is admitted if an include matches it, or there is none, and no exclude does. As in a
// shell, a wildcard does not match a leading dot: a path with a segment that begins with a dot is
// admitted only by an include that writes such a segment out, such as ".github/**". So .git stays
// out by default.
type globs struct {
	include []string
	exclude []string
}

func newGlobs(include, exclude []string) (globs, error) {
	for _, list := range []struct {
		field    string
		patterns []string
	}{{"include", include}, {"exclude", exclude}} {
		for _, pattern := range list.patterns {
			if err := config.ValidateGlob(pattern); err != nil {
				return globs{}, fmt.Errorf("%s: %w", list.field, err)
			}
		}
	}
	return globs{include: include, exclude: exclude}, nil
}

// admits reports whether the document at path belongs to the source, or that of the sidecar at path.
func (g globs) admits(path string) bool {
	if document, ok := sidecarOf(path); ok {
		path = document
	}
	if matchesAny(g.exclude, path) {
		return false
	}
	if hidden(path) {
		return slices.ContainsFunc(g.include, func(p string) bool { return namesHidden(p) && config.MatchGlob(p, path) })
	}
	return len(g.include) == 0 || matchesAny(g.include, path)
}

// descends reports whether a document below dir may be admitted. Other directories are not opened,
// so that an excluded one that cannot be read does no harm.
func (g globs) descends(dir string) bool {
	for _, p := range g.exclude {
		if strings.HasSuffix(p, "**") && config.MatchGlob(p, dir) && config.MatchGlob(p, dir+"/x") {
			return false
		}
	}
	if hidden(dir) {
		return slices.ContainsFunc(g.include, func(p string) bool { return namesHidden(p) && reaches(p, dir) })
	}
	return len(g.include) == 0 || slices.ContainsFunc(g.include, func(p string) bool { return reaches(p, dir) })
}

// reaches reports whether the pattern's fixed beginning leads through dir. It is true for every
// pattern with escapes.
func reaches(pattern, dir string) bool {
	base, _ := doublestar.SplitPattern(norm.NFC.String(pattern))
	dir = norm.NFC.String(dir)
	return strings.Contains(pattern, `\`) || base == "." || within(dir, base) || within(base, dir)
}

// within reports whether path is dir or below it.
func within(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (rest == "" || rest[0] == '/')
}

// hidden reports whether a segment of path begins with a dot.
func hidden(path string) bool { return strings.HasPrefix(path, ".") || strings.Contains(path, "/.") }

// namesHidden reports whether a pattern writes out a segment that begins with a dot.
func namesHidden(pattern string) bool {
	return hidden(pattern) || strings.Contains(pattern, "{.") || strings.Contains(pattern, ",.")
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return config.MatchGlob(p, path) })
}
