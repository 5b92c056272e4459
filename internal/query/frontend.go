package query

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/ragpipeline/ragpipeline/internal/model"
)

// Chat front ends and frameworks ask their model for titles, tags, queries and the like. Documents have no answer to
// such a prompt, whose words would only retrieve passages at random. It is recognised by the marks between which
// a front end puts the conversation, which stay when an operator translates the prompt or a release rewords it, or else
// by the exact text of its beginning, so that no question is mistaken for one.

// isFrontEndTask reports whether the question, or some of the caller's own instructions, are such a prompt.
func isFrontEndTask(c *conversation) bool {
	return isTask(c.question) || slices.ContainsFunc(c.system, isTask)
}

func isTask(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n-")
	return hasHistory(text) || callsTools(text) || asksForQuery(text) || beginsAsTemplate(text)
}

// hasHistory reports whether a prompt ends in a conversation between the marks of Open WebUI, or in what to complete
// behind one.
func hasHistory(text string) bool {
	const opening, closing = "<chat_history>", "</chat_history>"
	end := strings.LastIndex(text, closing)
	if end < 0 {
		return false
	}
	instructions, _, opened := strings.Cut(text[:end], opening)
	rest := strings.TrimSpace(text[end+len(closing):])
	completes := strings.HasPrefix(rest, "<type>") && strings.Contains(rest, "</text>")
	return opened && !isBlank(instructions) && (rest == "" || completes)
}

// callsTools reports whether a prompt asks for calls of tools in words, as Open WebUI does.
func callsTools(text string) bool {
	return strings.HasPrefix(text, "Available Tools: ") && strings.Contains(text, "tool_calls")
}

// asksForQuery reports whether a prompt ends where the model writes a title or a question that stands on its own:
// LibreChat up to 0.7, LangChain, LlamaIndex, Perplexica, LobeChat.
func asksForQuery(text string) bool {
	text = strings.TrimSpace(text)
	return slices.ContainsFunc([]string{
		"||>Title:", "\nStandalone question:", "<Standalone question>", "\nRephrased question:", "it's standalone query:",
	}, func(end string) bool { return strings.HasSuffix(text, end) })
}

// taskAsQuestion makes the user's of a last message with instructions that are such a prompt: NextChat asks so for the
// summary of a long conversation.
func taskAsQuestion(messages []model.Message) []model.Message {
	last := len(messages) - 1
	if last < 1 || messages[last-1].Role == "user" || messages[last].Role != "system" || !isTask(messages[last].Content) {
		return messages
	}
	messages = slices.Clone(messages)
	messages[last].Role = "user"
	return messages
}

// template is the beginning of a prompt that a chat front end fills in: its length in bytes, and its
// SHA-256 in hexadecimal.
type template struct {
	length int
	sum    string
}

// templates are the published defaults of front ends and frameworks, each up to its first placeholder, or as far as its
// first sentence. Those without a name are Open WebUI's, 0.4 to 0.12.
var templates = []template{
	{33, "743db85b36dbe049fe75fa7e84cc1472014dc60f1e4c9fabd392125cff37df83"},   // Perplexica, Cherry Studio: search query
	{40, "c26ebbe39c34e52788abe2db3632edfa550fa4af7d5bec66603baa18a69b6799"},   // Hugging Face chat-ui: title
	{43, "28e0f7ce0200607a387d919e2e7b2a6dadfc77120d1d544c55f5df0884f56dca"},   // big-AGI: title
	{63, "0f0c273bfb42bd7ca53de0862584ff97fb5abaecfb6a30b9a7f28dfd772c63e2"},   // LobeChat: translation
	{63, "0f01cabe930adb8f37e2dce09a43135ec95ed90bb1befb05b98130f82b1fe2db"},   // LobeHub: summary
	{67, "9efad9bb58e1388c5fe7449b0d2282d62a84e5b9e666ac2a1fd2041319ea189b"},   // Open WebUI: translation for a picture
	{77, "1306dfd3470ee7568b0d070d9e552a9e0c37f79f46071fabc00063716008cef2"},   // Cherry Studio: language
	{77, "225c4cd5dd74a107f860a1ae0fccf499ba2feb1fccd4d9ccc7ee226916498005"},   // Vercel's chat: title, newer
	{88, "d4888ce3348ff2b948ae24fbb19e31c4df1337e47885b80a323df4cffdf72f9c"},   // n8n: title
	{88, "e32bade984b2c67bd69dcb48bd5fc3507161c9b91464ab421ee95e47ca40026b"},   // Open WebUI: longer prompt for a picture
	{92, "2a821bf78d16a3b2f155e1ff627d9d8a7339431fa845f87d4169d244687e4d09"},   // LobeHub: replies
	{92, "0cd1e0a3e530b1dd79768b9fff116fdd97d57066d949848fc2bd693dea744bcf"},   // Vercel's chat: title
	{92, "7a1b7384970e90b8e7e53fdfb7e6e1330730f7427c8037911f95a3afb8795d4f"},   // NextChat, aichat: summary
	{92, "999ea082becf99bb4f461fd2a8722d1b7db259d0699716ecba3ed6119f44b057"},   // Open WebUI: merged answers
	{97, "b03db9c0a3aae0b633b8c81c0bf61e5b587b22ec3505eb682227b2071f66ba32"},   // LobeChat, Cherry Studio: title, Chinese
	{97, "87f3cd760ca08dea6228c8de032314e39d03c2e18eb37ef20bbb90e82577892d"},   // Cherry Studio: translation
	{99, "43168031316b4318a742e875b1e02da90e9ec2c7abf2b84c6409ebecd9dff9ac"},   // LobeChat: summary
	{103, "7eb0c895f9145abc465351471098e13aad7b96d4b51c7a1efef95658b6efe763"},  // LobeHub: title
	{108, "cb6294356c9b4dc7c48e2d704b3c9e73263607b4b603ce43c01c0df02d3431f4"},  // Chatbox: title
	{118, "481cee903c913d68c21a5af6c47f15880466ae11ef84b4621a0cd82779a837e4"},  // LangChain: question
	{118, "6d34a29132ef740cdeed72489f2d41ec30a357d196d34165774476ebc1b917a9"},  // LobeChat: question
	{120, "fd44695e82547e2e7e77104137a6bdbfa1164c1c024106ab7d7df01e8f7a47ab"},  // LobeChat: title, older
	{121, "ae33ba51bbd224ff9a8fb451f903ceccd1a432b6692fc37407054928997f1fda"},  // Cherry Studio: title
	{134, "586eccc34ce40426ddf886757a0e0ed379a5fb5a72b284efed988eef76e47dff"},  // LlamaIndex: question
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
