package command

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// placeDocuments lets directories of this machine stand in for the sources that only a cluster has. Each flag is
// [SOURCE=]DIR: without SOURCE it means the only source that is not a ConfigMap, or a new source "documents" when
// every source is one.
func placeDocuments(sources []config.Source, flags []string) ([]config.Source, error) {
	placed := slices.Clone(sources)
	given := map[string]bool{}
	for _, flag := range flags {
		name, dir, err := splitDocumentsFlag(placed, flag)
		if err != nil {
			return nil, err
		}
		if given[name] {
			return nil, fmt.Errorf("--documents %s: source %q already has a directory", flag, name)
		}
		given[name] = true
		i := slices.IndexFunc(placed, func(s config.Source) bool { return s.Name == name })
		if i < 0 {
			placed = append(placed, config.Source{Name: name})
			i = len(placed) - 1
		}
		placed[i].ConfigMap, placed[i].Directory = nil, &config.Directory{Path: dir}
	}
	for _, s := range placed {
		if s.ConfigMap == nil && !given[s.Name] {
			return nil, fmt.Errorf("source %q is a volume of a cluster: give a directory in its place with --documents %s=DIR", s.Name, s.Name)
		}
	}
	return placed, nil
}

func splitDocumentsFlag(sources []config.Source, flag string) (name, dir string, err error) {
	name, dir, named := strings.Cut(flag, "=")
	if named && isDirectory(flag) { // a directory whose name holds a =
		named = false
	}
	if !named {
		dir = flag
		if name, err = onlyOther(sources); err != nil {
			return "", "", fmt.Errorf("--documents %s: %w", flag, err)
		}
	} else if !slices.ContainsFunc(sources, func(s config.Source) bool { return s.Name == name }) {
		return "", "", fmt.Errorf("--documents %s: the manifest has no source %q; it has %s", flag, name, sourceNames(sources))
	}
	if !isDirectory(dir) {
		return "", "", fmt.Errorf("--documents %s: %s is not a directory", flag, dir)
	}
	dir, err = filepath.Abs(dir)
	return name, dir, err
}

// onlyOther is the name of the only source that is not a ConfigMap, or "documents" when there is none.
func onlyOther(sources []config.Source) (string, error) {
	const fallback = "documents"
	var others []string
	taken := false
	for _, s := range sources {
		taken = taken || s.Name == fallback
		if s.ConfigMap == nil {
			others = append(others, s.Name)
		}
	}
	switch {
	case len(others) == 1:
		return others[0], nil
	case len(others) > 1:
		return "", fmt.Errorf("which source is meant, %s? Say SOURCE=DIR", strings.Join(others, " or "))
	case taken:
		return "", fmt.Errorf("the manifest has a ConfigMap source %q already; say %s=DIR to take its place", fallback, fallback)
	}
	return fallback, nil
}

func sourceNames(sources []config.Source) string {
	var names []string
	for _, s := range sources {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
