package local_test

import (
	"syscall"
	"testing"
)

// reportCPU adds the processor time of an operation, which says more than its duration on a busy
// machine. Call what it returns after the loop.
func reportCPU(b *testing.B) func() {
	spent := func() int64 {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			b.Fatal(err)
		}
		return usage.Utime.Nano() + usage.Stime.Nano()
	}
	before := spent()
	return func() { b.ReportMetric(float64(spent()-before)/1000/float64(b.N), "cpu-µs/op") }
}
