package compat

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The gateway replies as its own description says, to requests that follow the description and to those that do not:
// statuses, types and schemas of replies, and keys. Schemathesis makes the requests.
func TestTheGatewayIsAsItIsDescribed(t *testing.T) {
	program := filepath.Join(filepath.Dir(python(t)), "schemathesis")
	s := gateway(t)
	base := s.BaseURL[:len(s.BaseURL)-len("/v1")]
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	exceptions, err := filepath.Abs("testdata/schemathesis.toml")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, program, "--config-file", exceptions, "run", base+"/openapi.json", "--header", "Authorization: Bearer "+s.Key,
		"--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1", "--workers", "1", "--no-color",
		// Agents have tests of their own: the messages of their protocol are not described here.
		"--exclude-path", "/mcp")
	cmd.Dir = t.TempDir() // where it keeps what it has found
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
