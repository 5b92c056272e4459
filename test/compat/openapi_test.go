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
	cmd := exec.CommandContext(ctx, program, "run", base+"/openapi.json", "--header", "Authorization: Bearer "+s.Key,
		"--phases", "examples,coverage,fuzzing", "--max-examples", "5", "--seed", "1", "--workers", "1", "--no-color",
		// Agents have tests of their own: the messages of their protocol are not described here.
		"--exclude-path", "/mcp",
		// The description does not tell which turns a conversation may end in, and that Go takes 1.0 for no integer.
		"--exclude-checks", "positive_data_acceptance")
	cmd.Dir = t.TempDir() // where it keeps what it has found
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}
