package desired

import (
	"errors"
	"fmt"
	"path"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

func (d DataPlane) sources(sources []v1alpha1.Source) ([]config.Source, error) {
	var list []config.Source
	var errs []error
	for i, s := range sources {
		field := fmt.Sprintf("spec.documents[%d]", i)
		include, includeErr := globs(field+".include", s.Include)
		exclude, excludeErr := globs(field+".exclude", s.Exclude)
		errs = append(errs, includeErr, excludeErr)
		source := config.Source{Name: s.Name, Include: include, Exclude: exclude, Metadata: metadata(s.Metadata)}
		switch {
		case d.SourcesDirectory != "":
			source.Directory = &config.Directory{Path: path.Join(d.SourcesDirectory, s.Name, value(s.PersistentVolumeClaim).Path)}
		case s.ConfigMap != nil:
			source.ConfigMap = &config.ConfigMap{Name: string(s.ConfigMap.Name)}
		}
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
