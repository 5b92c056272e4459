package query

import (
	"regexp"
	"slices"
	"strings"
)

// A sentence that only says that the documents hold no answer, as Instructions ask for, has one of
// each: what is not done, and where. Such sentences are known in the languages that most answers are in.
var (
	notDone = regexp.MustCompile(`(?i)` +
		`\b(can ?not|can't|could not|couldn't|unable to|not able to) (find|answer|determine|locate)\b|` +
		`\b(do|does|did)(n't| not) (\w+ )?` +
		`(contain|hold|mention|provide|specify|state|say|include|answer|give|have|address)\b|` +
		`\bnot (\w+ )?(mentioned|specified|provided|stated|contained|given|found|available|answered|addressed)\b|` +
		`\b(is|are|was|were) no (\w+ )?(information|mention|answer)\b|` +
		// German, Dutch
		`\bnicht (\w+ )?(finden|gefunden|enthalten|erwähnt|angegeben|genannt|beantworten|beantwortet|hervor)|` +
		`\bkeine?n? (\w+ )?(informationen|information|angaben?|antwort|hinweise?)\b|` +
		`\bniet (\w+ )?(vinden|gevonden|vermeld|genoemd|beantwoorden)|\bgeen (inform\pL+|antwoord|vermelding)\b|` +
		// French, Spanish, Italian, Portuguese
		`\bne (\pL+ )?(trouv|contien|contenir|mentionn|précis|indiqu|fourni|permet|peux)\pL* pas|` +
		`\bn['’](est|ai|a|indiqu|y)\pL* (\pL+ )?pas\b|\baucune (information|mention|réponse|indication)|` +
		`\bno (\pL+ )?(encuentr|contien|mencion|proporc|especific|indican?\b|puedo|hay|aparec|incluy)|` +
		`\b(non|não) (\pL+ )?(contien|mencion|propor\pL+|especific|indic|` +
		`trov|conten|menzion|specific|forni|riesco|posso|encontr|cont[éê]m|fornec|consigo|há)|` +
		// Chinese, Japanese
		`(未|没有|並未|沒有)(被)?(找到|提及|提到|包含|说明|提供|相关)|无法(找到|回答|确定)|找不到|` +
		`(見つか|見つけることができ|記載されて(い)?|含まれて(い)?|言及されて(い)?)(り)?ません`)
	inDocuments = regexp.MustCompile(`(?i)\b(documents?|passages?|sources?|context|information|text|materials?)\b|` +
		`\b(dokument\pL*|passage|passagen|quellen?|kontext|texte?n?|unterlagen|abschnitte?n?|documenten|bronnen)\b|` +
		`\b(contexte|textes|extraits?|documentos?|pasajes?|fuentes?|contexto|textos?|fragmentos?|documenti|passaggi|` +
		`fonti|contesto|testo|brani|passagen\pL+|fontes?|trechos?)\b|` +
		`文档|文件|段落|资料|材料|上下文|文本|文書|資料|ドキュメント|文章`)
)

// denials has a part of every text that notDone matches. To look for them takes a fraction of the time that a match
// takes, and few answers have one.
var denials = []string{
	"no", "n'", "n’", "unable", "nicht", "kein", "niet", "geen", "ne ", "aucune", "não",
	"未", "没有", "沒有", "无法", "找不到", "ません",
}

// isRefusal reports whether every sentence of a short answer is such a sentence.
func isRefusal(answer string) bool {
	const longest = 400 // bytes
	if len(answer) > longest {
		return false
	}
	lower := strings.ToLower(answer)
	if !slices.ContainsFunc(denials, func(d string) bool { return strings.Contains(lower, d) }) {
		return false
	}
	found := false
	for _, sentence := range sentences(answer) {
		if !notDone.MatchString(sentence) || !inDocuments.MatchString(sentence) {
			return false
		}
		found = true
	}
	return found
}

// sentences are the sentences of an answer, without those that are citations alone.
func sentences(answer string) []string {
	var all []string
	for _, s := range sentenceEnd.Split(marker.ReplaceAllString(answer, ""), -1) {
		if s = strings.TrimSpace(s); s != "" {
			all = append(all, s)
		}
	}
	return all
}

var (
	sentenceEnd = regexp.MustCompile(`[.!?]+(\s+|$)|[。！？]+|\n+`)
	marker      = regexp.MustCompile(`\s*\[[0-9][0-9,;–\- ]*\]`)
)
