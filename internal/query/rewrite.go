package query

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// Bounds of the call that rewrites a question: it must not cost more than what it improves.
const (
	rewriteDeadline = 10 * time.Second
	rewriteTokens   = 256  // of the rewritten question
	rewriteHistory  = 2000 // tokens of the turns before it
	maxRewritten    = 1000 // bytes
	rewriteSystem   = `Rewrite the user's last question so that it can be understood without the conversation.
Put in the names, dates and subjects that it refers to, and change nothing else. Keep its language.
Reply with the question alone. Do not answer it.`
	rewriteRequest = "The last question, to be rewritten:\n"
)

// rewrite lets the LLM turn the last question of a conversation into one that stands on its own, if
// the pipeline's config says so. A first question stays as it is. If the call fails, the question is
// searched for with its conversation, and a warning tells of it.
func (s *Service) rewrite(ctx context.Context, q *search, c *conversation, result *Result) {
	if !s.config.Retrieval.Rewrite || s.chat == nil || len(c.turns) == 0 {
		return
	}
	var rewritten string
	took, err := stage(ctx, "llm rewriting", min(rewriteDeadline, s.deadlines.LLM), func(ctx context.Context) error {
		completion, err := s.chat.Complete(ctx, rewriteOf(c))
		if err != nil {
			return err
		}
		rewritten = rewrittenIn(completion.Content, c.question)
		if isBlank(rewritten) || len(rewritten) > maxRewritten || completion.FinishReason == "length" ||
			isRefusal(rewritten) {
			return errors.New("its reply is not a question")
		}
		return nil
	})
	result.Times.Rewriting = took
	if err != nil {
		result.warn(Warning{config.StageLLM, config.NotRewritten,
			modelError(config.StageLLM, s.config.Models.LLM.Name, err).Public() +
				", so the question was searched for as it was asked"})
		return
	}
	q.question, q.earlier, result.Query = rewritten, "", rewritten
}

func rewriteOf(c *conversation) model.ChatRequest {
	c = c.neutral()
	messages := []model.Message{{Role: "system", Content: rewriteSystem}}
	for _, turn := range lastTurns(c.turns, rewriteHistory) {
		messages = append(messages, turn...)
	}
	var temperature float64
	return model.ChatRequest{
		Messages:    append(messages, model.Message{Role: "user", Content: rewriteRequest + c.question}),
		MaxTokens:   rewriteTokens,
		Temperature: &temperature,
	}
}

// Models wrap what they are asked for, whatever the prompt says: in a fence, JSON, tags, quotation marks, a label or
// courtesies. rewrittenIn returns the question in such a reply to the question asked.
func rewrittenIn(reply, asked string) string {
	text := strings.TrimSpace(fenceAround.ReplaceAllString(strings.TrimSpace(reply), "$1"))
	text = inJSON(text, asked)
	if found := inTags.FindStringSubmatch(text); found != nil {
		text = found[1]
	}
	lines := strings.Split(text, "\n")
	for len(lines) > 1 && (isBlank(lines[0]) || strings.HasSuffix(strings.TrimRight(lines[0], " *_\r"), ":")) {
		lines = lines[1:]
	}
	text = strings.Join(lines, "\n")
	if !strings.Contains(strings.TrimSpace(asked), "\n") {
		text = lines[0] // what follows explains it
	}
	text = withoutLabel(strings.TrimSpace(text))
	return strings.Trim(text, " \t\r\n\"“”„«»「」『』*_`")
}

var (
	fenceAround = regexp.MustCompile("(?s)^```[a-zA-Z]*\\s*\n(.*?)\\s*```.*$")
	inTags      = regexp.MustCompile(`(?s)<(?:question|query|rewritten\w*|standalone\w*|output)>\s*(.*?)\s*</`)
	labelBefore = regexp.MustCompile(
		`(?i)^[^:：?？\n]{0,60}?(?:question|query|frage|pregunta|domanda|pergunta|问题|質問)[^:：?？\n]{0,20}[:：][*_\s]*`)
)

// withoutLabel takes the label off a question. A long one that goes on in lower case is a part of the question: "Which
// limits has a query: rows, bytes or time?"
func withoutLabel(text string) string {
	label := labelBefore.FindString(text)
	rest := text[len(label):]
	if first, _ := utf8.DecodeRuneInString(rest); unicode.IsLower(first) && len(strings.Fields(label)) > 2 {
		return text
	}
	return rest
}

// inJSON returns the text of a JSON string, or of the object's only member with one, or else the text as it is. It is
// empty if several members may be the question.
func inJSON(text, asked string) string {
	var s string
	if json.Unmarshal([]byte(text), &s) == nil {
		return s
	}
	var members map[string]any
	if json.Unmarshal([]byte(text), &members) != nil {
		return text
	}
	var questions, texts []string
	for name, value := range members {
		s, ok := value.(string)
		if !ok || isBlank(s) {
			continue
		}
		if lower := strings.ToLower(name); strings.Contains(lower, "question") || strings.Contains(lower, "query") {
			questions = append(questions, s)
		}
		texts = append(texts, s)
	}
	if len(questions) > 0 {
		texts = questions
	}
	if len(texts) > 1 { // a model that repeats the question puts its own beside it
		texts = slices.DeleteFunc(texts, func(s string) bool { return strings.TrimSpace(s) == strings.TrimSpace(asked) })
	}
	if len(texts) == 1 {
		return texts[0]
	}
	return ""
}
