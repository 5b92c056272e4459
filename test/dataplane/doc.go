// Package dataplane tests the real binary from the outside: as a person runs it on one machine, and as pods run it.
package dataplane
