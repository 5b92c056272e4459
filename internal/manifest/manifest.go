// Package manifest turns files into one validated, defaulted RAGPipeline and the ConfigMaps and Secrets beside it.
//
// It does what an API server does on create, with the CRD's own schema and CEL rules and in the same order: refuse
// unknown fields, set defaults, validate the schema, then the rules. What it accepts, a cluster accepts.
package manifest

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
)

// Bundle is what a manifest holds.
type Bundle struct {
	Pipeline *v1alpha1.RAGPipeline
	// ConfigMaps and Secrets of the pipeline's namespace: name, then key.
	ConfigMaps map[string]map[string][]byte
	Secrets    map[string]map[string][]byte
	// Notes say what was left out, and why; one line each.
	Notes []string
}

// Load reads the manifests in files, "-" being standard input. They must hold exactly one RAGPipeline. What is
// wrong in them comes back as one *InvalidError that lists every problem.
func Load(files []string) (*Bundle, error) { return load(files, os.Stdin) }

func load(files []string, stdin io.Reader) (*Bundle, error) {
	objects, problems, err := readObjects(files, stdin)
	if err != nil {
		return nil, err
	}
	object, err := onlyPipeline(objects)
	if err != nil {
		problems = append(problems, &Problem{Message: err.Error()})
		return nil, &InvalidError{Problems: problems}
	}
	pipeline, invalid := decodePipeline(object)
	problems = append(problems, invalid...)

	b := &Bundle{Pipeline: pipeline, ConfigMaps: map[string]map[string][]byte{}, Secrets: map[string]map[string][]byte{}}
	for _, o := range objects {
		problems = append(problems, b.add(o, object)...)
	}
	if len(problems) > 0 {
		return nil, &InvalidError{Problems: problems}
	}
	return b, nil
}

// onlyPipeline finds the one RAGPipeline.
func onlyPipeline(objects []*object) (*object, error) {
	var pipelines []*object
	others := map[string]int{}
	for _, o := range objects {
		if o.isPipeline() {
			pipelines = append(pipelines, o)
		} else {
			others[o.kind()]++
		}
	}
	switch len(pipelines) {
	case 1:
		return pipelines[0], nil
	case 0:
		return nil, fmt.Errorf("the files hold no RAGPipeline, only %s: name the file that has it with -f", counts(others))
	}
	var names []string
	for _, o := range pipelines {
		names = append(names, fmt.Sprintf("%s (%s)", o.name(), o.where))
	}
	return nil, fmt.Errorf("the files hold %d RAGPipelines, and one is run at a time: %s; leave all but one out",
		len(pipelines), strings.Join(names, ", "))
}

func counts(kinds map[string]int) string {
	if len(kinds) == 0 {
		return "nothing"
	}
	var list []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		list = append(list, fmt.Sprintf("%d %s", kinds[kind], kind))
	}
	return strings.Join(list, ", ")
}

// add takes o into the bundle if the pipeline could use it, and else notes that it did not.
func (b *Bundle) add(o, pipeline *object) []*Problem {
	switch {
	case o == pipeline:
		return nil
	case !o.isConfigMap() && !o.isSecret():
		b.Notes = append(b.Notes, fmt.Sprintf("%s: %s %s is not used here", o.where, o.kind(), o.name()))
		return nil
	case o.namespace() != "" && o.namespace() != pipeline.namespaceOrDefault():
		b.Notes = append(b.Notes, fmt.Sprintf("%s: %s %s is in namespace %s, the pipeline in %s: it is not used",
			o.where, o.kind(), o.name(), o.namespace(), pipeline.namespaceOrDefault()))
		return nil
	}
	entries, problems := o.entries()
	if len(problems) > 0 {
		return problems
	}
	into := b.ConfigMaps
	if o.isSecret() {
		into = b.Secrets
	}
	if _, twice := into[o.name()]; twice {
		return []*Problem{o.problem("metadata.name", "the files hold %s %s twice: remove one", o.kind(), o.name())}
	}
	into[o.name()] = entries
	return nil
}
