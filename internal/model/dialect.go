package model

import (
	"encoding/json" // reads a refusal of any shape, see errors.go
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// dialect is a set of ways in which an LLM's server departs from OpenAI's chat API.
type dialect uint32

// The ways, in the order in which they are tried where a refusal fits several.
const (
	completionTokens dialect = 1 << iota
	noTemperature
	warm
	noStreamOptions
	noStream
	contentParts
	alternation
	noSystem
	noTopP
	noSeed
	noStop
	noTokenLimit
	onlyStream
)

// callers are the ways that concern fields which only callers send. They hold for one request: what
// one caller sends never changes what another gets.
const callers = noTopP | noSeed | noStop

// form is how a server takes requests: in a dialect, and for answers of at most so many tokens; 0 is any
// number.
type form struct {
	dialect dialect
	longest int
}

// atMost returns the limit to ask for in place of n tokens; 0 asks for no limit.
func (f form) atMost(n int) int {
	if f.longest > 0 {
		return min(n, f.longest)
	}
	return n
}

// lesson is how a refusal teaches a way of a dialect, or several that only help together.
type lesson struct {
	way dialect
	// fact is how the log and the ops port tell it; empty for several ways, which have their own.
	fact   string
	taught func(s refusalText) bool
}

var lessons = []lesson{
	{completionTokens, "takes max_completion_tokens, not max_tokens", func(s refusalText) bool {
		return s.has("max_completion_tokens") && s.has("max_tokens") || s.refuses("max_tokens")
	}},
	{warm, "takes no temperature of 0", func(s refusalText) bool {
		return s.names("temperature") && aboveZero.MatchString(string(s))
	}},
	{noTopP, "takes no top_p", func(s refusalText) bool { // or not beside a temperature, or one of 0, or not 1
		return s.refuses("top_p") ||
			s.names("top_p") && (s.has("both") || s.has("greedy") || s.names("temperature") || s.has("< 1"))
	}},
	{noTemperature, "takes its own temperature only", func(s refusalText) bool {
		return s.refuses("temperature") || s.names("temperature") && onlyOne.MatchString(string(s))
	}},
	{noStreamOptions, "takes no stream_options", func(s refusalText) bool {
		return s.refuses("stream_options") || s.refuses("stream options") || s.refuses("include_usage")
	}},
	{onlyStream, "answers in streams only", func(s refusalText) bool {
		return s.has("only support stream") || s.has("only supports stream") || s.has("must have stream=true") ||
			s.has("must be streamed") || s.has("streaming is required") || s.has("non-streaming")
	}},
	{noStream, "does not stream", func(s refusalText) bool {
		return s.refuses("stream") || s.refuses("streaming")
	}},
	{contentParts, "takes content as a list of parts", func(s refusalText) bool {
		return s.has("content") && (s.has("list") || s.has("array") || s.has("sequence"))
	}},
	{alternation, "wants roles to alternate", refusalText.wantsAlternation},
	{noSystem, "takes no system role", refusalText.refusesSystem},
	// Templates of Mistral count the system message as a turn.
	{alternation | noSystem, "", refusalText.wantsAlternation},
	{noSeed, "takes no seed", func(s refusalText) bool { return s.refuses("seed") }},
	{noStop, "takes no stop", func(s refusalText) bool { return s.refuses("stop") }},
	{noTokenLimit, "takes no limit on tokens", func(s refusalText) bool {
		return s.refuses("max_tokens") || s.refuses("max_completion_tokens")
	}},
}

// lastingOf returns what of the ways that let a request through holds for all requests to come. A
// caller's own temperature above 1 may be refused for its value.
func lastingOf(d dialect, r *ChatRequest) dialect {
	d &^= callers
	if r.Temperature != nil && *r.Temperature > 1 {
		d &^= noTemperature
	}
	return d
}

// omitted returns the names of the fields of r that a server with this dialect does not get.
func (d dialect) omitted(r *ChatRequest) []string {
	var names []string
	for _, field := range []struct {
		way  dialect
		name string
		set  bool
	}{
		{noTemperature, "temperature", r.Temperature != nil},
		{noTopP, "top_p", r.TopP != nil},
		{noSeed, "seed", r.Seed != nil},
		{noStop, "stop", len(r.Stop) > 0},
		{noTokenLimit, "max_tokens", r.MaxTokens > 0},
	} {
		if d&field.way != 0 && field.set {
			names = append(names, field.name)
		}
	}
	return names
}

// refusalText is what a server says of a request that it refuses, in lower case and without what it
// quotes of the request.
type refusalText string

// mayTeach returns the text of a refusal whose cause may be the request's form.
func mayTeach(err error) (refusalText, bool) {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.refusal == "" {
		return "", false
	}
	own := e.Status == http.StatusInternalServerError || e.Status == http.StatusNotImplemented
	said := textOf(e.refusal)
	// Routers say 404 where no server behind them takes a field.
	routed := e.Failure == config.ModelNotFound && e.Status == http.StatusNotFound && strings.HasPrefix(e.refusal, "{")
	formal := e.Failure == config.ModelRejected || routed || e.Failure == config.ModelBroken && own ||
		e.Failure == config.InputTooLong && said.limitsAnswer() && !said.has("context") && !said.has("input")
	return said, formal
}

// textOf reads the words of a refusal. A validation error also holds the offending input, which is
// left out: it may hold any words. So may all of a refusal that is cut off.
func textOf(refusal string) refusalText {
	var v any
	switch {
	case json.Unmarshal([]byte(refusal), &v) == nil:
		var words []string
		gather(v, 8, &words)
		refusal = strings.Join(words, "\n")
	case len(refusal) >= maxErrorBody:
		return ""
	}
	refusal, _, _ = strings.Cut(refusal, "'input':") // of a validation error that Python wrote as text
	refusal = strings.ToLower(refusal)
	if i := strings.Index(refusal, "expected one of"); i >= 0 { // then servers in Rust list the fields that they know
		refusal = refusal[:i]
	}
	return refusalText(refusal)
}

// told are the names of members that hold the server's own words, or the name of a field.
var told = []string{
	"error", "errors", "message", "msg", "detail", "title", "type", "code", "param", "loc",
	"base_resp", "status_msg", "error_msg", "metadata", "raw",
}

func gather(v any, depth int, words *[]string) {
	switch v := v.(type) {
	case string:
		var inner map[string]any // a router has the refusal of the server behind it as text
		if depth > 0 && strings.HasPrefix(v, "{") && json.Unmarshal([]byte(v), &inner) == nil {
			gather(inner, depth-1, words)
			return
		}
		*words = append(*words, v)
	case []any:
		for _, item := range v {
			if depth > 0 {
				gather(item, depth-1, words)
			}
		}
	case map[string]any:
		for _, name := range told {
			if depth > 0 {
				gather(v[name], depth-1, words)
			}
		}
	}
}

func (s refusalText) has(words string) bool { return strings.Contains(string(s), words) }

// refusals are the words by which servers refuse a field, a value or a role.
var refusals = []string{
	"unsupported", "not support", "n't support", "unrecognized", "unrecognised", "unknown", "not permitted",
	"extra_forbidden",
	"not allowed", "unexpected", "extraneous", "cannot find field", "not enabled", "not available", "not accept",
	"not implemented", "only the default", "is deprecated", "invalid parameter", "forbidden",
}

// aboveZero finds words by which servers refuse a temperature of 0: as such, or as the open end of a range.
var aboveZero = regexp.MustCompile(`strictly positive|must be positive|non-?zero|> ?0(\.0)?\b|` +
	`(greater|larger|more|higher) than (0(\.0)?\b|zero)|(cannot|can't|must not|may not) be (0|zero)\b|` +
	`[(（]0(\.0+)?, ?|(between|at least|>=) ?0\.0*[1-9]`)

// onlyOne finds words by which servers refuse every temperature but 1.
var onlyOne = regexp.MustCompile(`\bonly\b[^.]{0,40}\b1\b`)

// limitsAnswer reports whether the server refuses the length that the answer may have. The tokens that
// one request's prompt leaves are no bound for another's answer.
func (s refusalText) limitsAnswer() bool {
	about := s.names("max_tokens") || s.names("max_completion_tokens") || s.has("maxoutputtokens") ||
		s.has("maximum tokens you requested") || s.has("max tokens must be")
	return about && !s.has("prompt") &&
		(s.has("at most") || s.has("maximum") || s.has("range") || s.has("less than or equal"))
}

// answerLimit returns how many tokens the server lets an answer have, which is fewer than were asked for,
// or 0 if the refusal does not tell.
func (s refusalText) answerLimit(asked int) int {
	if asked <= 0 || !s.limitsAnswer() {
		return 0
	}
	limit := 0
	for _, digits := range answerLimits.FindAllString(string(s), -1) {
		n, err := strconv.Atoi(strings.ReplaceAll(digits, ",", ""))
		if err == nil && n >= leastContext && n < asked {
			limit = max(limit, n)
		}
	}
	if limit > 0 && s.has("exclusive") {
		limit--
	}
	return limit
}

var answerLimits = regexp.MustCompile(`\d[\d,]*`)

// refuses reports whether the server names the field and refuses it.
func (s refusalText) refuses(field string) bool {
	return s.names(field) && slices.ContainsFunc(refusals, s.has)
}

// names reports whether the field occurs as a word of its own, such as max_tokens in 'max_tokens'
// but not in max_tokens_limit.
func (s refusalText) names(field string) bool {
	rest := string(s)
	for {
		i := strings.Index(rest, field)
		if i < 0 {
			return false
		}
		end := i + len(field)
		if (i == 0 || !isNameByte(rest[i-1])) && (end == len(rest) || !isNameByte(rest[end])) {
			return true
		}
		rest = rest[end:]
	}
}

func isNameByte(b byte) bool {
	return b == '_' || 'a' <= b && b <= 'z' || '0' <= b && b <= '9'
}

func (s refusalText) wantsAlternation() bool {
	return s.has("alternat") || s.has("in a row") || s.has("consecutive") || s.has("successive") ||
		s.has("interleave") || s.has("after role") || s.has("expected last role") ||
		(s.has("first") || s.has("start") || s.has("begin")) && s.names("user") && (s.has("message") || s.has("role"))
}

func (s refusalText) refusesSystem() bool {
	if s.has("roles are supported") || s.has("'user' or 'assistant'") || s.has("'user', 'assistant'") {
		return true
	}
	about := s.names("system") || s.names("developer") || s.has("system_instruction")
	return about && (s.has("role") || s.has("message") || s.has("instruction") || s.has("prompt")) &&
		slices.ContainsFunc(append([]string{"must not", "cannot", "invalid", "no system"}, refusals...), s.has)
}

// shaped returns the messages as a server with this dialect takes them.
func (d dialect) shaped(messages []Message) []Message {
	if d&(alternation|noSystem) == 0 {
		return messages
	}
	var instructions []string
	var turns []Message
	for _, m := range messages {
		switch last := len(turns) - 1; {
		case m.Role == "system":
			instructions = append(instructions, m.Content)
		case strings.TrimSpace(m.Content) == "":
		case last < 0 && m.Role == "assistant" && d&alternation != 0: // such as a front end's greeting
			instructions = append(instructions, openedWith+m.Content)
		case last >= 0 && turns[last].Role == m.Role && d&alternation != 0:
			turns[last].Content += "\n\n" + m.Content
		default:
			turns = append(turns, m)
		}
	}
	return withInstructions(turns, strings.Join(instructions, "\n\n"), d&noSystem == 0)
}

// openedWith comes before what the assistant said before the first question.
const openedWith = "You opened the conversation with these words:\n"

// withInstructions puts the instructions into a message of their own, or before the first question.
func withInstructions(turns []Message, instructions string, asSystem bool) []Message {
	first := slices.IndexFunc(turns, func(m Message) bool { return m.Role == "user" })
	switch {
	case instructions == "":
	case asSystem || first < 0:
		role := "system"
		if !asSystem {
			role = "user"
		}
		turns = slices.Insert(turns, 0, Message{Role: role, Content: instructions})
	default:
		turns[first].Content = instructions + "\n\n" + turns[first].Content
	}
	return turns
}
