package compat

import (
	"os/exec"
	"testing"
)

// The Model Context Protocol's own client for Python uses the gateway and the command mcp.
func TestAgents(t *testing.T) {
	s := gateway(t)
	agents := client{name: "MCP's client for Python", command: func(t *testing.T) *exec.Cmd {
		cmd := pythonScript("mcp_client.py", sdk2)(t)
		cmd.Env = append(cmd.Environ(), "RAGPIPELINE="+binary)
		return cmd
	}}
	agents.try(t, s, nil)
}
