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
	mu       sync.Mutex
	tokens   int
	estimate int // is that of the prompt when it was sent
}

// repeats notes a report, and reports whether another prompt had as many tokens, and none had more.
func (r *reports) repeats(tokens, estimate int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if tokens != r.tokens {
		if tokens > r.tokens {
			r.tokens, r.estimate = tokens, estimate
		}
		return false
	}
	return estimate != r.estimate
}

// cutAt returns how many tokens the server's context has, if the usage shows that it has cut the prompt, or
// 0. The service remembers the context once two different prompts have ended at it. As a prompt may have
// that length by chance, only lengths that contexts have count.
func (s *Service) cutAt(prompt []model.Message, usage *model.Usage) int {
	if usage == nil || !isContext(usage.PromptTokens) {
		return 0
	}
	read, least, estimate := usage.PromptTokens, 0, 0
	for _, m := range prompt {
		least += leastTokens(m.Content)
		estimate += messageTokens(m)
	}
	repeated := s.reports.repeats(read, estimate)
	if repeated {
		s.context.Store(int64(read))
	}
	if repeated || read < least || read%1024 == 0 {
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
