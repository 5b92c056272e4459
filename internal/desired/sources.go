package desired

import (
	"errors"
	"fmt"
	"path"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/derive"
)

func (d DataPlane) sources(sources []v1alpha1.Source) ([]config.Source, error) {
	var list []config.Source
	var errs []error
	for i, s := range sources {
		field := fmt.Sprintf("spec.documents[%d]", i)
		include, includeErr := globs(field+".include", s.Include)
		exclude, excludeErr := globs(field+".exclude", s.Exclude)
		errs = append(errs, includeErr, excludeErr)
		kind := derive.KindOf(s)
		source := kind.Config
		if kind.Mounted && d.SourcesDirectory != "" {
			directory := path.Join(d.SourcesDirectory, s.Name, kind.Path)
			source = config.Source{Directory: &config.Directory{Path: directory}}
		}
		source.Name, source.Include, source.Exclude, source.Metadata = s.Name, include, exclude, metadata(s.Metadata)
		list = append(list, source)
	}
	return list, errors.Join(errs...)
}

// globs refuses the patterns that a pod would refuse: a run with one would fail again and again.
func globs(field string, patterns []v1alpha1.Glob) ([]string, error) {
	var list []string
	var errs []error
	for i, pattern := range patterns {
		if err := config.ValidateGlob(string(pattern)); err != nil {
			errs = append(errs, configurationErrorf(fmt.Sprintf("%s[%d]", field, i), "%v", err))
		}
		list = append(list, string(pattern))
	}
	return list, errors.Join(errs...)
}

func metadata(values map[string]v1alpha1.MetadataValue) map[string]string {
	if values == nil {
		return nil
	}
	m := make(map[string]string, len(values))
	for key, value := range values {
		m[key] = string(value)
	}
	return m
}
