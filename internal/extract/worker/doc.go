// Package worker reads documents in processes of their own. A document comes from anywhere and may be made to keep a
// reader busy for ever, or to take all memory; a process can be killed, whatever runs in it.
//
// A Pool starts processes that call Serve, and sends each one document at a time. It kills a process at its document's
// deadline, at the memory limit, and when the caller's context ends. A process that lives serves the next document.
package worker
