package derive

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

// PlaceDirectory returns the sources with the directory at path in place of the named one, whose
// globs and metadata then apply to the directory. An empty name selects the only source that needs
// one, or else the only one that is not a ConfigMap; if every source is a ConfigMap, the directory
// becomes another source, "documents".
// The slice that it is given does not change.
func PlaceDirectory(sources []config.Source, name, path string) ([]config.Source, error) {
	if name == "" {
		var err error
		if name, err = onlyOther(sources); err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(sources, named(name)) {
			return append(slices.Clone(sources), config.Source{Name: name, Directory: &config.Directory{Path: path}}), nil
		}
	}
	i := slices.IndexFunc(sources, named(name))
	if i < 0 {
		return nil, fmt.Errorf("the manifest has no source %q; it has %s", name, sourceNames(sources))
	}
	if sources[i].Directory != nil {
		return nil, fmt.Errorf("source %q already has a directory", name)
	}
	placed, s := slices.Clone(sources), sources[i]
	placed[i] = config.Source{
		Name: s.Name, Include: s.Include, Exclude: s.Exclude, Metadata: s.Metadata, Access: s.Access,
		MaxBytes:  s.MaxBytes,
		Directory: &config.Directory{Path: path},
	}
	return placed, nil
}

// CheckPlaced returns an error that names the first source which one machine cannot read, and which no
// directory replaces: a cluster's volume, or a program that fills one.
func CheckPlaced(declared []v1alpha1.Source, placed []config.Source) error {
	for _, s := range placed {
		if s.Places() > 0 {
			continue
		}
		for _, d := range declared {
			if d.Name == s.Name && d.Container != nil {
				return fmt.Errorf("source %q is filled by a program in a container, which only a cluster runs: run it yourself, "+
					"and replace the source with the directory that it has filled, --documents %[1]s=DIR", s.Name)
			}
		}
		return fmt.Errorf("source %q is a volume of a cluster: replace it with a directory, --documents %[1]s=DIR", s.Name)
	}
	return nil
}

func named(name string) func(config.Source) bool {
	return func(s config.Source) bool { return s.Name == name }
}

// onlyOther returns the name of the only source that needs a directory, or else of the only one that is not a
// ConfigMap, or else "documents".
func onlyOther(sources []config.Source) (string, error) {
	const fallback = "documents"
	others := slices.DeleteFunc(slices.Clone(sources), func(s config.Source) bool { return s.Places() > 0 })
	if len(others) == 0 {
		others = slices.DeleteFunc(slices.Clone(sources), func(s config.Source) bool { return s.ConfigMap != nil })
	}
	switch {
	case len(others) == 1:
		return others[0].Name, nil
	case len(others) > 1:
		return "", fmt.Errorf("several sources need a directory (%s): write SOURCE=DIR", sourceNames(others))
	case slices.ContainsFunc(sources, named(fallback)):
		return "", fmt.Errorf("the manifest already has a ConfigMap source %q; to replace it, write %[1]s=DIR", fallback)
	}
	return fallback, nil
}

func sourceNames(sources []config.Source) string {
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}
