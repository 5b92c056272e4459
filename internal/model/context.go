package model

import (
	"encoding/json" // as in errors.go
	"regexp"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// limits find the tokens of a server's context in its refusal of a prompt that is too long.
var limits = []*regexp.Regexp{
	regexp.MustCompile(`maximum (?:context|prompt) length (?:is|of) ([\d,]+)`),         // OpenAI, vLLM; xAI
	regexp.MustCompile(`context (?:length|size|window)\D{0,30}?([\d,]+)`),              // llama.cpp and others
	regexp.MustCompile(`maximum allowed token size ([\d,]+)`),                          // NIM
	regexp.MustCompile(`max_new_tokens. must be <= ([\d,]+)`),                          // text-generation-inference
	regexp.MustCompile(`max(?:imum)? length\D{0,20}?([\d,]+)`),                         // OpenVINO's model server
	regexp.MustCompile(`> ([\d,]+) maximum`),                                           // Anthropic
	regexp.MustCompile(`max(?:imum)?[ _](?:model|seq|sequence)\w*\D{0,20}?([\d,]+)`),   // TensorRT-LLM
	regexp.MustCompile(`maximum (?:number of )?(?:input )?tokens\D{0,20}?([\d,]{3,})`), // Gemini
}

// leastContext is the smallest context that is believed.
const leastContext = 256

// ContextLimit returns how many tokens the server's context has, if its refusal of a prompt that is too
// long tells, or 0. What quotes the prompt tells nothing.
func (e *Error) ContextLimit() int {
	if e.Failure != config.InputTooLong {
		return 0
	}
	var body struct {
		Error struct {
			Context int `json:"n_ctx"` // llama.cpp
		} `json:"error"`
	}
	if json.Unmarshal([]byte(e.refusal), &body) == nil && body.Error.Context >= leastContext {
		return body.Error.Context
	}
	said := strings.ToLower(e.Message)
	for _, limit := range limits {
		found := limit.FindStringSubmatch(said)
		if found == nil {
			continue
		}
		if n, err := strconv.Atoi(strings.ReplaceAll(found[1], ",", "")); err == nil && n >= leastContext {
			return n
		}
	}
	return 0
}
