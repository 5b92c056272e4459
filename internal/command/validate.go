package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ragpipeline/ragpipeline/internal/manifest"
)

// validity is what `validate -o json` prints.
type validity struct {
	Valid    bool              `json:"valid"`
	Pipeline string            `json:"pipeline,omitempty"` // has the form namespace/name
	Problems []validityProblem `json:"problems,omitempty"`
	Notes    []string          `json:"notes,omitempty"`
}

type validityProblem struct {
	Where   string `json:"where,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
}

func newValidateCommand() *cobra.Command {
	var files []string
	var c connection
	cmd := &cobra.Command{
		Use:   "validate -f FILE...",
		Short: "Check a manifest by the rules of the API server, without one",
		Long: "validate checks a manifest by the CRD's own schema and rules, as `kubectl apply --dry-run=server` does in\n" +
			"a cluster with this version of the operator. `plan` also says what applying it would change.\n\n" +
			"Exit codes: 0 valid, 2 not valid.",
		Example: "  ragpipeline validate -f pipeline.yaml",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(files) == 0 {
				return unusable{errors.New("-f FILE is missing: name the manifest to check")}
			}
			return validate(files, c.stdout, c.stderr, c.json())
		},
	}
	c.registerOutput(cmd)
	cmd.Flags().StringArrayVarP(&files, "filename", "f", nil,
		"manifest with the RAGPipeline; repeatable, - is standard input")
	return cmd
}

func validate(files []string, stdout, stderr io.Writer, asJSON bool) error {
	bundle, err := manifest.Load(files)
	if asJSON {
		encoded := json.NewEncoder(stdout).Encode(validityOf(bundle, err))
		if err != nil && encoded == nil {
			return exit{code: exitUnusable} // the reason is in what was printed
		}
		return encoded
	}
	if err != nil {
		return unusable{err}
	}
	for _, note := range bundle.Notes {
		fmt.Fprintln(stderr, "note:", note)
	}
	_, err = fmt.Fprintf(stdout, "RAGPipeline %s/%s is valid\n", bundle.Pipeline.Namespace, bundle.Pipeline.Name)
	return err
}

func validityOf(b *manifest.Bundle, err error) validity {
	if err == nil {
		return validity{Valid: true, Pipeline: b.Pipeline.Namespace + "/" + b.Pipeline.Name, Notes: b.Notes}
	}
	invalid, ok := errors.AsType[*manifest.InvalidError](err)
	if !ok {
		return validity{Problems: []validityProblem{{Message: err.Error()}}}
	}
	var v validity
	for _, p := range invalid.Problems {
		v.Problems = append(v.Problems, validityProblem{p.Where, p.Path, p.Message})
	}
	return v
}
