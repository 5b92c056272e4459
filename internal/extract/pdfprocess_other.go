//go:build !linux

package extract

import "syscall"

// childOfThisProcess asks for nothing: the process ends when its input does, unless it is deep in PDFium.
func childOfThisProcess() *syscall.SysProcAttr { return nil }
