package query

import (
	"fmt"
	"sync"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// Ollama and some other servers do not refuse a prompt that is longer than their context: they drop its
// beginning, instructions first, and answer from the rest. Only the number of tokens that they report shows
// it: it is exactly that of their context, however long the prompt was.

// reports remembers the largest prompt that the LLM's server has reported.
type reports struct {
	mu     sync.Mutex
	tokens int
	bytes  int // is the prompt's length
}

// repeats notes a report, and reports whether another prompt had as many tokens, and none had more.
func (r *reports) repeats(tokens, bytes int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if tokens != r.tokens {
		if tokens > r.tokens {
			r.tokens, r.bytes = tokens, bytes
		}
		return false
	}
	return bytes != r.bytes
}

// cutAt returns how many tokens the server's context has, if the usage shows that it has cut the prompt, or
// 0. The service remembers the context once two different prompts have ended at it, and none was longer. As a
// prompt may have that length by chance, only lengths that contexts have count. That of a single prompt must also
// lie nearer, in proportion, to the least that the prompt can have than to the most.
func (s *Service) cutAt(prompt []model.Message, usage *model.Usage) int {
	if usage == nil {
		return 0
	}
	read, bytes := usage.PromptTokens, 0
	for _, m := range prompt {
		bytes += len(m.Content)
	}
	repeated := s.reports.repeats(read, bytes)
	switch {
	case !isContext(read):
		return 0
	case repeated:
		s.context.Store(int64(read))
		return read
	}
	least, estimate := 0, 0
	for _, m := range prompt {
		least += leastTokens(m.Content)
		estimate += messageTokens(m)
	}
	if read < least || read%1024 == 0 && read*read < least*estimate {
		return read
	}
	return 0
}

// isContext reports whether the context of a server may have so many tokens.
func isContext(tokens int) bool { return tokens >= 512 && (tokens%256 == 0 || tokens%1000 == 0) }

// leastTokens is a lower bound, for ordinary text, on the tokens that a model's tokenizer makes of s.
func leastTokens(s string) int {
	eighths := 0
	for i := range len(s) {
		switch b := s[i]; {
		case b >= 0xE0, '0' <= b && b <= '9':
			eighths += 2
		case b >= 0xC0, 'a' <= b|0x20 && b|0x20 <= 'z':
			eighths++
		}
	}
	return eighths / 8
}

// warnOfCut warns of a prompt of which the server has read the end alone.
func (r *Result) warnOfCut(context int) {
	r.warn(Warning{config.StageLLM, config.PassagesCut, fmt.Sprintf("the llm's server has read only the last %d tokens "+
		"of the prompt, so that instructions and passages are missing: set llm.contextWindow to that, or start the "+
		"server with a larger context", context)})
}
