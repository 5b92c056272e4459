package extract

import "syscall"

// childOfThisProcess has the kernel kill the process when this one dies: a process that is deep in PDFium does not
// notice that its input has ended. In a group of its own it does not hear of the terminal's Ctrl-C, which is for
// this process to obey.
func childOfThisProcess() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
