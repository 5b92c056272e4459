// Command unfold rewrites a YAML file with each text on one line. controller-gen folds descriptions at 80 columns, deep
// in a CRD, so that a tenth of the file would be the indentation of their later lines; the CRD has to stay below
// 200 KiB.
//
//	go run ./hack/unfold FILE.yaml
package main

import (
	"bytes"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "unfold:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%d arguments given: name the file to rewrite", len(args))
	}
	folded, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(folded, &document); err != nil {
		return fmt.Errorf("read %s: %w", args[0], err)
	}
	unfolded := bytes.NewBufferString("---\n")
	encoder := yaml.NewEncoder(unfolded) // does not fold
	encoder.SetIndent(2)
	encoder.CompactSeqIndent()
	if err := encoder.Encode(&document); err != nil {
		return fmt.Errorf("write %s: %w", args[0], err)
	}
	return os.WriteFile(args[0], unfolded.Bytes(), 0o644)
}
