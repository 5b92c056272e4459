package query

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/index"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// The fixed sentences of replies that no LLM wrote.
const (
	nothingFound = "No passage in the documents matches this question."
	notAnswered  = "No answer was generated. These are the passages that match the question:"
)

// Answer answers the question that ends the conversation.
func (s *Service) Answer(ctx context.Context, r Request) (*Result, error) {
	return s.answer(ctx, r, nil)
}

// Stream answers like Answer, piece by piece. An LLM that fails after its first word is always an
// error.
func (s *Service) Stream(ctx context.Context, r Request, to Sender) error {
	_, err := s.answer(ctx, r, to)
	return err
}

// answer runs the question, and counts and times it. A nil Sender means that the caller waits for
// the whole answer.
func (s *Service) answer(ctx context.Context, r Request, to Sender) (*Result, error) {
	started := time.Now()
	reply := &reply{to: to, progress: r.Progress}
	reply.result.Warnings = slices.Clone(r.Warnings)
	err := s.run(ctx, r, reply)
	result := &reply.result
	result.Times.Total = time.Since(started)
	if err == nil && to != nil {
		err = to.End(result)
	}
	account(ctx, r, reply, err)
	s.metrics.count(result.Passages, result.Warnings, &result.Times, err)
	if err != nil {
		return nil, err
	}
	return result, nil
}

// run takes a question through its stages: retrieve, rerank, prompt, answer.
func (s *Service) run(ctx context.Context, r Request, reply *reply) error {
	conversation, err := readConversation(r.Messages)
	if err != nil {
		return err
	}
	reply.question = conversation.question
	result := &reply.result
	if result.Ungrounded = ungrounded(r, conversation); result.Ungrounded != "" {
		return s.askUngrounded(ctx, r, conversation, reply)
	}
	q := search{question: conversation.question, earlier: conversation.earlier(),
		k: s.config.Retrieval.K, topN: s.config.Retrieval.TopN, rerank: true, filter: r.Filter,
		progress: r.Progress}
	s.rewrite(ctx, &q, conversation, result)
	passages, warnings, err := s.find(ctx, q, &result.Times)
	if err != nil {
		return err
	}
	result.Passages, result.Warnings = passages, append(result.Warnings, warnings...)
	headFor(result.Passages, conversation.question)
	switch {
	case len(result.Passages) == 0:
		result.warn(Warning{config.StageIndex, config.NoPassages,
			noPassages(r.Filter) + ", so the llm was not asked"})
		return reply.fixed(nothingFound, nil)
	case s.chat == nil:
		result.warn(Warning{config.StageLLM, config.NoModel, "the pipeline has no llm; the reply is the passages"})
		return reply.passagesOnly(conversation.question)
	}
	return s.ask(ctx, r, conversation, reply)
}

func noPassages(f *index.Filter) string {
	if f == nil {
		return "no passage matches the question"
	}
	return "no passage that passes the filter matches the question"
}

// chatRequest is the prompt with the caller's settings over the pipeline's.
func (s *Service) chatRequest(r Request, prompt []model.Message, maxTokens int) model.ChatRequest {
	temperature := r.Temperature
	if temperature == nil {
		temperature = &s.config.Answer.Temperature
	}
	return model.ChatRequest{
		Messages:       prompt,
		MaxTokens:      maxTokens,
		Temperature:    temperature,
		TopP:           r.TopP,
		Seed:           r.Seed,
		Stop:           r.Stop,
		ResponseFormat: r.ResponseFormat,
	}
}

// chatStage asks the LLM and keeps its answer in the reply.
func (s *Service) chatStage(ctx context.Context, request model.ChatRequest, reply *reply) error {
	if reply.progress != nil {
		reply.progress(Progress{config.StageLLM, len(reply.result.Passages)})
	}
	var sendErr error // the receiver's own failure, which is not the LLM's
	took, err := stage(ctx, "llm", s.deadlines.LLM, func(ctx context.Context) error {
		asked := time.Now()
		completion, err := s.complete(ctx, request, reply, func(content string) error {
			reply.firstWord(asked)
			sendErr = reply.delta(content)
			return sendErr
		})
		if err != nil {
			return err
		}
		if isBlank(completion.Content) {
			sendErr, err = reply.wordless(completion)
			return cmp.Or(sendErr, err)
		}
		sendErr = reply.finish(completion)
		return sendErr
	})
	reply.result.Times.LLM = took
	switch {
	case err == nil:
		return nil
	case sendErr != nil:
		return sendErr
	}
	return failed(ctx, err, modelError(config.StageLLM, s.config.Models.LLM.Name, err))
}

func (s *Service) complete(ctx context.Context, request model.ChatRequest, reply *reply,
	delta model.Delta) (*model.Completion, error) {
	if reply.to == nil {
		return s.chat.Complete(ctx, request)
	}
	return s.chat.Stream(ctx, request, delta)
}

// passagesOnly is the reply without an LLM: the lines that fit the question best, then the
// passages, each of which counts as cited.
func (r *reply) passagesOnly(question string) error {
	text := quotes(question, r.result.Passages)
	marks := make([]Mark, len(r.result.Passages))
	for i, p := range r.result.Passages {
		text += "\n\n"
		start, number := utf8.RuneCountInString(text), "["+strconv.Itoa(i+1)+"]"
		marks[i] = Mark{i + 1, start, start + len(number)}
		text += number + " " + oneLine(p.Title) + ": " + p.Text
	}
	return r.fixed(text, marks)
}

// reply gathers a result, and passes it on piece by piece when it is streamed.
type reply struct {
	to       Sender         // is nil if the caller waits for the whole answer
	progress func(Progress) // is Request.Progress
	// citations checks the LLM's answer; nil leaves it as it is.
	citations *citations
	sent      strings.Builder // has what was passed on
	begun     bool
	question  string
	omitted   []string // are the fields that the LLM's server did not get
	result    Result
}

// begin sends the receiver, once, the result as it is before the first word.
func (r *reply) begin() error {
	if r.to == nil || r.begun {
		return nil
	}
	r.begun = true
	return r.to.Begin(&r.result)
}

func (r *reply) delta(content string) error {
	if err := r.begin(); err != nil {
		return err
	}
	if r.citations != nil {
		content = r.citations.next(content)
	}
	return r.pass(content)
}

func (r *reply) pass(content string) error {
	if content == "" {
		return nil
	}
	r.sent.WriteString(content)
	return r.to.Delta(content)
}

// firstWord notes when the first word came.
func (r *reply) firstWord(asked time.Time) {
	if r.result.Times.FirstToken == 0 {
		r.result.Times.FirstToken = time.Since(asked)
	}
}

// finish takes over the LLM's answer, and passes on what was held back of it.
func (r *reply) finish(c *model.Completion) error {
	r.result.Answer, r.result.FinishReason, r.result.Usage = c.Content, c.FinishReason, c.Usage
	r.omitted = c.Omitted
	r.result.warnOfRefusal(c)
	if r.result.FinishReason == "" {
		r.result.FinishReason = "stop"
	}
	if r.citations == nil {
		return nil
	}
	defer func() { r.citations.report(&r.result) }()
	if r.to == nil {
		r.result.Answer = r.citations.next(c.Content) + r.citations.rest()
		return nil
	}
	err := r.pass(r.citations.rest())
	r.result.Answer = r.sent.String()
	return err
}

// fixed replies with a text that no LLM wrote.
func (r *reply) fixed(text string, marks []Mark) error {
	r.result.Answer, r.result.FinishReason = text, "stop"
	r.result.cite(marks)
	if r.to == nil {
		return nil
	}
	r.citations = nil
	return r.delta(text)
}

func (r *Result) warn(w Warning) { r.Warnings = append(r.Warnings, w) }
