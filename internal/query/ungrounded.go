package query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/model"
)

// Ungrounded is a reason for asking the LLM without passages.
type Ungrounded string

// The reasons.
const (
	// FrontEndTask is a request that a chat front end makes by itself, such as for a title.
	FrontEndTask Ungrounded = "FrontEndTask"
	// AsRequested is a caller's wish.
	AsRequested Ungrounded = "AsRequested"
)

func ungrounded(r Request, c *conversation) Ungrounded {
	switch {
	case isFrontEndTask(c):
		return FrontEndTask
	case r.Ungrounded:
		return AsRequested
	}
	return ""
}

// template is the beginning of a prompt that a chat front end fills in: its length in bytes, and its
// SHA-256 in hexadecimal.
type template struct {
	length int
	sum    string
}

// templates are the published defaults of Open WebUI 0.4 to 0.12 (titles, tags, follow-up questions,
// search queries, completions, emojis, pictures), and those of LibreChat's agents 3.9, Chatbox, NextChat,
// LobeChat and Cherry Studio for titles, each up to its first placeholder. Documents have no answer to
// such a prompt, whose words would only retrieve passages at random. They are recognised by their exact
// text, so that no question is mistaken for one.
var templates = []template{
	{97, "b03db9c0a3aae0b633b8c81c0bf61e5b587b22ec3505eb682227b2071f66ba32"},   // LobeChat, Cherry Studio: title, Chinese
	{103, "7eb0c895f9145abc465351471098e13aad7b96d4b51c7a1efef95658b6efe763"},  // LobeHub: title
	{108, "cb6294356c9b4dc7c48e2d704b3c9e73263607b4b603ce43c01c0df02d3431f4"},  // Chatbox: title
	{120, "fd44695e82547e2e7e77104137a6bdbfa1164c1c024106ab7d7df01e8f7a47ab"},  // LobeChat: title, older
	{121, "ae33ba51bbd224ff9a8fb451f903ceccd1a432b6692fc37407054928997f1fda"},  // Cherry Studio: title
	{137, "7546d1898fb0dd9758fba647054c8c1f2c60110de282193e2f97e146731bea7a"},  // LibreChat: title
	{176, "51f6001fee6505e876432857effddfb326cd071f01d0ba148d1ed7da5becdf68"},  // LibreChat: language and title
	{192, "de31417f79bdea28585b77f65e03b0fdba105ef1d9a1cb03e8fc41e881bc4a00"},  // NextChat: title, Chinese
	{193, "12b64b64b7c748a69589ff0faa02f3516f77f3e585cbdbaf7b7fe0bf7e5f11b0"},  // NextChat: title, older
	{196, "8100b1081245aa5e49661622c65fbbb857d44f087f642ed20d9b0c3bc0e7a38d"},  // LobeChat: title
	{204, "1d558f663f416e10d952419d1301e4c97888cca53e7ef34238bb8c76b39160be"},  // NextChat: title
	{235, "49b4bcce5915922453d941cc7e5ddc351a622abc27dac9cca78e8bb2eb66ae8b"},  // emoji
	{486, "9f36ca1d77f5da0fab799f04b702e1b7842331b3fed90ce6c1e323d6974fa22d"},  // title, 0.5.4
	{688, "68de91005a0d95079eff6144640a443638ab13958cbf4e032d42e8fc969df999"},  // tags
	{708, "079aac9b3e9cfa602051f5924ebb10f47017394f62147d27ab2fcfa15c4fa32b"},  // prompt for a picture
	{865, "36d364bbfdca703bafa9f96691665db9445db3eb8991354ba9fec838acae3054"},  // title, 0.5.20
	{899, "a385cbb2367bde6ff1d9bb179b1a2dbe0f09233662e5a740e36e585c81ad2e4d"},  // follow-up questions, 0.6.18
	{944, "7da86021b98179dea7195f3c5f33b6004481abc0303932c581d7fda984d339e4"},  // follow-up questions, 0.8
	{996, "e69a7015de6f2f7ba1e1b93998d215e73e6ece9ff1917e74a53c6803c1f31500"},  // title, 0.11
	{1134, "24cddfa017feec0ad39f39c3385a3058da697a83d23abd866fbe8a45a7d72a2e"}, // search queries
	{1180, "4e3f99ab251146b79842c6038d1b23cd64bbc29974a443b629c857043e03b807"}, // completion of the input
	{1228, "f059ea91752719dc1a0a832b3562bc95acfd59587ab13f6ad0a8b181ebc698e6"}, // title, 0.6.18
	{1387, "afa89f53427f1a50004c47e96f5f5c1f6e72f3b8187a4b617a05860105d83499"}, // follow-up questions, 0.12
}

// isFrontEndTask reports whether the question, or the caller's own instructions, begin with one of
// templates.
func isFrontEndTask(c *conversation) bool {
	return beginsAsTemplate(c.question) || len(c.system) > 0 && beginsAsTemplate(c.system[0])
}

func beginsAsTemplate(text string) bool {
	for _, t := range templates {
		if len(text) < t.length {
			return false // they are in order of length
		}
		if sum := sha256.Sum256([]byte(text[:t.length])); hex.EncodeToString(sum[:]) == t.sum {
			return true
		}
	}
	return false
}

// needsModel is the reply to a request that only an LLM can answer.
const needsModel = "This request needs an LLM, and the pipeline has none."

// askUngrounded puts the conversation before the LLM as it is. The pipeline's own system prompt goes
// with a caller's request; the front ends' prompts have all the instructions that they need.
func (s *Service) askUngrounded(ctx context.Context, r Request, c *conversation, reply *reply) error {
	if s.chat == nil {
		reply.result.warn(Warning{config.StageLLM, config.NoModel, "the pipeline has no llm"})
		return reply.fixed(needsModel, nil)
	}
	var configured string
	if reply.result.Ungrounded == AsRequested {
		configured = s.config.Answer.System
	}
	room := s.room(r)
	prompt, err := plainPrompt(configured, c, room.prompt())
	if err != nil {
		return err
	}
	if err := s.chatStage(ctx, s.chatRequest(r, prompt, room.answer), reply); err != nil {
		return err
	}
	reply.warnOfOmitted(r)
	return reply.begin()
}

// plainPrompt is the conversation without passages, within the budget of tokens. The oldest turns
// give way.
func plainPrompt(configured string, c *conversation, budget int) ([]model.Message, error) {
	c = c.neutral()
	var messages []model.Message
	instructions := c.system
	if configured != "" {
		instructions = append([]string{configured}, c.system...)
	}
	if len(instructions) > 0 {
		messages = append(messages, model.Message{Role: "system", Content: strings.Join(instructions, "\n\n")})
		budget -= messageTokens(messages[0])
	}
	question := model.Message{Role: "user", Content: c.question}
	if budget -= messageTokens(question); budget < 0 {
		return nil, &Invalid{Field: "messages", TooLong: true,
			Message: "question and instructions do not fit the model's context window; shorten them"}
	}
	for _, turn := range lastTurns(c.turns, budget) {
		messages = append(messages, turn...)
	}
	return append(messages, question), nil
}
