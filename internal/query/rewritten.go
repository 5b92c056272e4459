package query

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// rewrittenIn returns the question in an LLM's reply to the request to rewrite the question asked: what stands between
// the tags that the request asks for. Models that leave them out wrap the question otherwise, whatever the prompt says:
// in a fence, JSON, quotation marks, a label or courtesies. These go as far as they speak of the request and of nothing
// else, so that a colon, a quotation or a first line of the question's own stays.
func rewrittenIn(reply, asked string) string {
	if found := inTags.FindAllStringSubmatch(reply, -1); found != nil {
		return strings.TrimSpace(found[len(found)-1][1]) // a model may repeat the question asked before it
	}
	text := strings.TrimSpace(fenceAround.ReplaceAllString(strings.TrimSpace(reply), "$1"))
	lines := strings.Split(inJSON(text, asked), "\n")
	for len(lines) > 1 && (isBlank(lines[0]) || isPreface(lines[0])) {
		lines = lines[1:]
	}
	text = strings.Join(lines, "\n")
	if !strings.Contains(strings.TrimSpace(asked), "\n") {
		text = lines[0] // what follows explains it
	}
	return unquoted(withoutLabel(unquoted(text)))
}

var (
	fenceAround = regexp.MustCompile("(?s)^```[a-zA-Z]*\\s*\n(.*?)\\s*```.*$")
	inTags      = regexp.MustCompile(
		`(?is)<(?:question|query|rewritten\w*|standalone\w*|output)>\s*([^<\s].*?)\s*(?:</|$)`)
)

// aboutRewriting are the words by which models speak of the request, and namesOfQuestions those of what was asked for.
var (
	aboutRewriting = wordSet(`a able an and as asked be been below can certainly complete context contained conversation
		course d final follow follows following for form full great happy has have help here i in independent is it its
		last latest ll made me my new no of ok okay on one optimized out own please provided re reformulated rephrased
		rephrasing result revised rewriting rewritten s search self single so stand standalone stands sure t ted that the
		this to understood up updated user using ve version with without yes you your
		hier ist die eine umformulierte eigenständige neue überarbeitete lautet voici la une reformulée autonome est
		aquí está reformulada independiente es ecco riformulata è aqui está autônoma`)
	namesOfQuestions = wordSet(`question questions query queries rewrite output answer q frage anfrage suchanfrage
		pregunta consulta domanda pergunta requête vraag`)
	// asking are words of those that begin a question.
	asking = []string{"is", "can", "has", "have"}
	// inCJK finds labels in languages that do not separate words.
	inCJK = regexp.MustCompile(`^[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\s]{0,12}(?:问题|問題|質問|查询|クエリ|질문)[是은는]?$`)
)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// isPreface reports whether a line before the question only announces it.
func isPreface(line string) bool {
	line = strings.TrimRight(line, " *_#\r")
	return !strings.HasSuffix(line, "?") && !strings.HasSuffix(line, "？") && (speaksOfIt(line) || isLabel(line))
}

// withoutLabel takes a label such as Rewritten question: off.
func withoutLabel(text string) string {
	at := strings.IndexAny(text, ":：")
	if at < 0 || !isLabel(text[:at]) {
		return text
	}
	return strings.TrimLeft(text[at:], ":： *_")
}

// isLabel reports whether a text names the question, and nothing else.
func isLabel(text string) bool {
	named := slices.ContainsFunc(wordsIn(text), func(word string) bool { return namesOfQuestions[word] })
	return named && speaksOfIt(text) || inCJK.MatchString(strings.Trim(text, " *_#:：\r"))
}

// speaksOfIt reports whether every word of a text speaks of the request to rewrite a question.
func speaksOfIt(text string) bool {
	all := wordsIn(text)
	return len(all) > 0 && !slices.Contains(asking, all[0]) && !slices.ContainsFunc(all, func(word string) bool {
		return !aboutRewriting[word] && !namesOfQuestions[word]
	})
}

func wordsIn(text string) []string { return wordsAndNumbers.FindAllString(strings.ToLower(text), -1) }

var wordsAndNumbers = regexp.MustCompile(`[\p{L}\p{M}\p{N}]+`)

// quoting are the marks that models put around the whole question.
var quoting = [][2]string{{"**", "**"}, {"__", "__"}, {`"`, `"`}, {"“", "”"}, {"„", "“"}, {"«", "»"}, {"»", "«"},
	{"「", "」"}, {"『", "』"}, {"'", "'"}, {"`", "`"}, {"*", "*"}, {"_", "_"}}

// unquoted takes off the marks around a text, unless they are of two quotations within it.
func unquoted(text string) string {
	for {
		before := text
		text = strings.TrimSpace(text)
		for _, marks := range quoting {
			inner, found := strings.CutPrefix(text, marks[0])
			inner, closed := strings.CutSuffix(inner, marks[1])
			if found && closed && !strings.Contains(inner, marks[0]) && !strings.Contains(inner, marks[1]) {
				text = inner
			}
		}
		if text == before {
			return text
		}
	}
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
