package index

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/kljensen/snowball/english"
)

// stem is the English Snowball stem of a word in lower case; empty for a function word.
func stem(word string) string {
	if len(word) > maxStemmed {
		return word
	}
	slot := &stems[maphash.String(stemSeed, word)%uint64(len(stems))]
	if known := slot.Load(); known != nil && known.word == word {
		return known.stem
	}
	// Cloned: what comes in is a slice of a whole text.
	known := &stemmed{word: strings.Clone(word)}
	if !functionWords[word] {
		known.stem = english.Stem(known.word, true)
	}
	slot.Store(known)
	return known.stem
}

// maxStemmed is the length in bytes past which a run of letters is data, not a word.
const maxStemmed = 48

// stems remembers one word a slot, the last that came: stemming costs twenty times a look-up, and a corpus
// uses few words most of the time. 2^14 slots hold at most 2 MB.
var (
	stems    [1 << 14]atomic.Pointer[stemmed]
	stemSeed = maphash.MakeSeed()
)

type stemmed struct{ word, stem string }
