// Command apidocs prints the API reference in Markdown, from the CRD: what an API server checks is
// what the page says.
//
//	go run ./hack/apidocs OUT.md
package main

import (
	"fmt"
	"os"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/ragpipeline/ragpipeline/config/crd"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "apidocs:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments given: name the page to write", len(args))
	}
	page, err := reference(crd.RAGPipelines)
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], []byte(page), 0o644)
}

func reference(definition []byte) (string, error) {
	var d apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(definition, &d); err != nil {
		return "", fmt.Errorf("read the CRD: %w", err)
	}
	if len(d.Spec.Versions) != 1 || d.Spec.Versions[0].Schema == nil {
		return "", fmt.Errorf("%s has %d versions: this page is for one, with its schema", d.Name, len(d.Spec.Versions))
	}
	version := d.Spec.Versions[0]
	p := page{}
	p.writef("# API reference\n\n")
	p.writef("`%s/%s`, kind `%s`. Generated from the CRD by `make generate`; [the manifest](manifest.md)\nintroduces it. ",
		d.Spec.Group, version.Name, d.Spec.Names.Kind)
	p.writef("An object that several paths have is described once, under the first.\n")
	for _, s := range sections(version.Schema.OpenAPIV3Schema) {
		p.section(s)
	}
	return p.String(), nil
}
