package gateway

import (
	"bytes"
	"encoding/json"
	"sync"

	"github.com/tiktoken-go/tokenizer/codec"
)

// cl100k is the vocabulary of OpenAI's embedding models. Clients such as LangChain's OpenAIEmbeddings
// send its token ids instead of texts, whatever the model. The first such request loads it.
var cl100k = sync.OnceValue(func() *codec.Codec {
	c := codec.NewCl100kBase()
	c.SetErrorMode(codec.ErrorModeReplace) // a text may be cut within a character
	return c
})

// maxTokenIDs is how many ids a request may hold, which is OpenAI's bound. One may stand for 128 bytes.
const maxTokenIDs = 300_000

// detokenised reads texts that are given as token ids: one list of ids, or a list of such lists. It
// reports whether raw has that form.
func detokenised(raw json.RawMessage) (texts []string, ok bool, err error) {
	left, bytesLeft := maxTokenIDs, maxTextsBody
	for i, ids := range tokenLists(raw) {
		ok = true
		if left -= len(ids); left < 0 {
			return nil, true, invalid("input", "has more than %d token ids", maxTokenIDs)
		}
		text, err := cl100k().Decode(ids)
		if err != nil {
			return nil, true, invalid("input", "text %d has a token id that cl100k_base does not have", i)
		}
		if bytesLeft -= len(text); bytesLeft < 0 {
			return nil, true, invalid("input", "has token ids of more than %d bytes of text", maxTextsBody)
		}
		texts = append(texts, text)
	}
	return texts, ok, nil
}

// tokenLists reads lists of ids. It returns none if raw has another form.
func tokenLists(raw json.RawMessage) (lists [][]uint) {
	if bytes.Contains(raw, []byte("null")) { // which Unmarshal would take for 0
		return nil
	}
	var one []uint
	if json.Unmarshal(raw, &one) == nil && len(one) > 0 {
		return [][]uint{one}
	}
	if json.Unmarshal(raw, &lists) != nil {
		return nil
	}
	return lists
}
