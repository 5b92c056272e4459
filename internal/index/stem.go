package index

import (
	"hash/maphash"
	"strings"
	"sync/atomic"

	"github.com/kljensen/snowball/english"
)

// stem returns the English Snowball stem of a word in lower case; empty for a function word.
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
	// The clone keeps the cache from holding on to the whole text of which word is a slice.
	known := &stemmed{word: strings.Clone(word)}
	if !functionWords[word] {
		known.stem = english.Stem(known.word, true)
	}
	second.Store(first.Swap(known))
	return known.stem
}

// maxStemmed is the length in bytes beyond which a run of letters is data, not a word.
const maxStemmed = 48

// stems caches recent words, each in one of two slots: stemming costs twenty times a look-up, and a
// corpus uses few words most of the time. The cache holds at most some 6 MB.
var (
	stems    [1 << 16]atomic.Pointer[stemmed]
	stemSeed = maphash.MakeSeed()
)

type stemmed struct{ word, stem string }

// functionWords are the English words that say nothing about what a text is about. May and us are
// not among them: finding the month and the country is worth more than the verb and the pronoun
// cost.
var functionWords = setOf(`
	a an the this that these those
	about above across after against along among around as at before behind below between by down during for from in
	inside into near of off on onto out over per since than through to toward towards under until up upon via with
	within without
	what when where which while who whom whose why how whether
	am are be been being can cannot could did do does doing had has have having is might must shall should was were
	will would ought
	aren couldn didn doesn don hadn hasn haven isn shouldn wasn weren wouldn
	i me my mine myself we our ours ourselves you your yours yourself he him his himself she her hers herself it its
	itself they them their theirs themselves
	and but or nor if because so then there here not no
`)

// contractions are the endings that may follow the apostrophe of a contracted word.
var contractions = setOf("s t re ve ll d m")

func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}
