//go:build !linux

package worker

import "syscall"

// childOfThisProcess asks for nothing: the process ends with its input, unless its reader is busy.
func childOfThisProcess() *syscall.SysProcAttr { return nil }

// residentMemory is not known.
func residentMemory(int) int64 { return 0 }

// limitMemory leaves the limit to Go's garbage collector, which cannot hold it against what is in use.
func limitMemory(int64) {}
