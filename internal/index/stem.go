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
	h := maphash.String(stemSeed, word) % uint64(len(stems))
	first, second := &stems[h], &stems[h^1]
	if known := first.Load(); known != nil && known.word == word {
		return known.stem
	}
	if known := second.Load(); known != nil && known.word == word {
		return known.stem
	}
	// Cloned: what comes in is a slice of a whole text.
	known := &stemmed{word: strings.Clone(word)}
	if !functionWords[word] {
		known.stem = english.Stem(known.word, true)
	}
	second.Store(first.Swap(known))
	return known.stem
}

// maxStemmed is the length in bytes past which a run of letters is data, not a word.
const maxStemmed = 48

// stems remembers the words that came last, at either of two slots: stemming costs twenty times a look-up, and
// a corpus uses few words most of the time. It holds at most some 6 MB.
var (
	stems    [1 << 16]atomic.Pointer[stemmed]
	stemSeed = maphash.MakeSeed()
)

type stemmed struct{ word, stem string }
