package split

import (
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"
)

// longestToken is the length of cl100k_base's longest token in bytes: a run of spaces.
const longestToken = 128

// tokens counts the tokens of cl100k_base. It is safe for concurrent use.
type tokens struct {
	codec interface {
		Count(text string) (int, error)
	}
}

// cl100k loads the vocabulary once, in some 30 ms: a process that splits by characters never does. It is made by its
// own constructor, because the module's choice by name would link four vocabularies, 8 MB more.
var cl100k = sync.OnceValue(func() *tokens { return &tokens{codec.NewCl100kBase()} })

// count returns the number of text's tokens.
func (t *tokens) count(text string) int {
	if len(text) <= 1 {
		return len(text) // each byte is a token; this is what text without any separator is counted by
	}
	n, err := t.codec.Count(text)
	if err != nil {
		return len(text) // never less than the tokens. The codec knows only one error, a timeout that nobody sets
	}
	return n
}

// countTo is count for text of less than limit tokens, and at least limit for any other, which it need not
// read: without that, a long text would be counted whole once for each separator.
func (t *tokens) countTo(limit int, text string) int {
	if len(text) > limit*longestToken {
		return limit
	}
	return t.count(text)
}
