// Package indextest holds every home of an index to the same contract.
package indextest

import (
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
)

// Place opens a generation of one pipeline, in the same storage at every call. One home of a place is open at
// a time; the test closes it.
type Place func(t *testing.T, g config.Generation) index.Store

// Run tests a home; place makes an empty place.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for name, test := range map[string]func(t *testing.T, at Place){
		"an empty index answers nothing":                       empty,
		"chunks come back whole and in the order asked":        chunks,
		"the vector leg ranks by cosine similarity":            vectors,
		"equal scores are ordered by id":                       ties,
		"the limit may be below, at or past the size":          limits,
		"keywords find identifiers, figures and names":         keywords,
		"filters come before ranking":                          filters,
		"a document's chunks become exactly the ones put":      replaces,
		"a chunk without a vector keeps the one it has":        keeps,
		"a refused document changes nothing":                   refuses,
		"vectors of another length are refused":                dimensions,
		"staged vectors show with their put, and not before":   stages,
		"what is staged and not put is dropped":                drops,
		"the ledger lists every document in order":             ledger,
		"removing deletes chunks and rows and counts the rows": removes,
		"what was put is there after reopening":                reopens,
		"generations keep apart until the others are retired":  generations,
		"a context that has ended ends the call":               cancelled,
	} {
		t.Run(name, func(t *testing.T) { test(t, place(t)) })
	}
}

// Generation is the generation that most tests use; its dimensions are what the first vector has.
var Generation = config.Generation{
	Embedding: config.EmbeddingSpace{Model: "test/embedding"},
	Chunking:  config.Chunking{Size: 800, Overlap: 200, Unit: config.Characters},
	Analyser:  config.AnalyserVersion,
}
