// Package nimsim simulates NIMs with faults: the stand-in models, plus what real NIMs and the networks before
// them do. It starts not ready, wants a key, limits batches and lengths, and breaks in every way of Faults.
//
// In a test:
//
//	sim := nimsim.Start(t, nimsim.Options{})
//	sim.Fault(config.StageLLM, nimsim.Named("cut-stream"))
//	... ask at sim.URL + "/v1" ...
//	sim.Requests(config.StageLLM)
//
// As a process, in a pod say, it is test/nimsim/cmd/nimsim, whose faults are switched over HTTP.
package nimsim
