package weaviatetest

import (
	"os/exec"
	"syscall"
)

// dieWithParent ends the process when the test's dies without cleaning up, as at a timeout.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
