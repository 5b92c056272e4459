package query

import (
	"regexp"
	"slices"
	"strings"
)

// A sentence that only says that the documents hold no answer, as Instructions ask for, has one of
// each: what is not done, and where. Such sentences are known in the languages that most answers are in.
var (
	notDone = regexp.MustCompile(`(?i)` + strings.Join([]string{
		// English
		`\b(can ?not|can['’]t|could not|couldn['’]t|unable to|not able to) (find|answer|determine|locate|provide)\b`,
		`\b(do|does|did)(n['’]t| not) (\w+ )?` +
			`(contain|hold|mention|provide|specify|state|say|include|answer|give|have|address|discuss|` +
			`appear|cover th(is|at|e) (topic|question|subject))\b`,
		`\bnot (\w+ )?` +
			`(mentioned|specified|provided|stated|contained|given|found|available|answered|addressed|covered|included)\b`,
		`\b(is|are|was|were|contains?|found|have|has|see|find) no (\w+ )?(information|mention|answer|details?|reference)\b`,
		`\b(there is|there['’]s)(n['’]t| not) (any|enough) (\w+ )?(information|mention|answer|details?)\b`,
		// German, Dutch
		`\bnicht (\pL+ )?(finden|gefunden|enthalten|erwähnt|angegeben|genannt|beantworten|beantwortet|hervor)`,
		`\bkeine?n? (\pL+ )?(informationen|information|angaben?|antwort|hinweise?)\b`,
		`\bniet (\pL+ )?(vinden|gevonden|vermeld|genoemd|beantwoorden)|\bgeen (inform\pL+|antwoord|vermelding)\b`,
		// Swedish, Danish, Norwegian
		`\b(inte|ikke) (\pL+ )?(hitta|finn|find|fund|svar|nämn|nævn|nevn|ange|angi|oppgi|oplys|inneh|indeh|framg|frem)\pL*`,
		`\b(hittar|finner|finder|finnes|findes|fant|fandt|innehåller|indeholder|inneholder|nämner|nævner|nevner)` +
			` (\pL+ ){0,2}(inte|ikke|inget|ingen|intet)\b`,
		`\b(ingen|inga|intet|inget) (\pL+ )?(inform|svar|oppl|oplys|uppgift)\pL*`,
		// French, Spanish, Italian, Portuguese, Romanian
		`\b(ne|n['’])[ ]?(\pL+ )?` +
			`(trouv|contien|contenir|mentionn|précis|indiqu|fourni|permet|peux|est|ai|a|y)\pL* (\pL+ )?pas\b`,
		`\baucune (information|mention|réponse|indication)`,
		`\bno (\pL+ ){0,2}(encuentr|encontr|contien|mencion|proporc|especific|indican?\b|puedo|hay|aparec|incluy|figura)`,
		`(^|[^\pL])(non|não|nu) (\pL+ )?(contien|mencion|propor\pL+|especific|indic|` +
			`trov|conten|menzion|specific|forni|riesco|posso|encontr|cont[éê]m|fornec|consigo|consta|há|` +
			`gă[sș]|con[țt]in|pot (găsi|răspunde))`,
		// Polish, Czech
		`(^|[^\pL])nie (\pL+ )?(mogę|znala|znajd|zawiera|podan|wspomn|ma informacji|określ)`,
		`(^|[^\pL])(ne(mohu|lze) (\pL+ )?(naj|odpov|zjist|urč)|nenašel|nenašla|nenalezl|neobsahuj|neuvád|nezmiňuj|` +
			`(není|nejsou) (\pL+ )?(uved|zmín|inform|k dispozici))`,
		// Finnish, Hungarian, Turkish
		`(^|[^\pL])(en|ei|eivät) (ole )?(\pL+ )?(löyd|löyt|mainit|sisäl|kerro|tieto|vastaus)` +
			`|(^|[^\pL])(nem|nincs) (\pL+ )?(talál|tartalmaz|szerepel|információ|említ)`,
		`(bulamıyorum|bulamadım|bulunamadı|bulunmamaktadır|bulunmuyor|belirtilmemiş|belirtilmiyor|` +
			`içermiyor|yer almıyor|(bilgi|yanıt|cevap) (\pL+ )?yok)`,
		// Russian, Ukrainian
		`(^|[^\pL])(не|ні) (\pL+ )?(наш|най|наход|знай|знах|содерж|міст|упомин|указ|вказ|зазнач|говор|могу|можу|приве)`,
		`(^|[^\pL])(нет|немає|отсутству\pL+|відсутн\pL+) (\pL+ )?` +
			`(информаци|інформац|сведени|відомост|ответ|відповід|упомина|данны)`,
		// Greek, Hindi, Indonesian, Vietnamese
		`δεν (βρ|μπορώ|περιέχ|αναφέρ|υπάρχουν? πληροφορ)|(जानकारी|उत्तर|जवाब|उल्लेख) नहीं|नहीं (मिल|बताया)`,
		`tidak (dapat )?(menemukan|ditemukan|menjawab|menyebut|disebut|ada (informasi|jawaban)|memuat|berisi)` +
			`|không (thể )?(tìm thấy|có thông tin|đề cập|nêu|chứa|trả lời)`,
		// Arabic, Hebrew, Persian
		`(لا|لم) (أجد|أعثر|أستطيع|أتمكن|يمكنني|تذكر|يذكر|يرد|ترد|تحتوي|يحتوي|تتضمن|يتضمن|(يوجد|توجد) (معلومات|إجابة|ذكر))`,
		`לא (\pL+ )?(מצ|נמצ|מופ|מוזכר|צוי|מכיל)|אין (\pL+ )?(מידע|תשובה)|(یافت|ذکر|اشاره) نشد|پیدا نکردم|نمی\x{200c}توانم`,
		// Chinese, Japanese, Korean, Thai
		`(未|没有|並未|沒有)(被)?(找到|提及|提到|包含|说明|提供|相关|說明|相關)|无法(找到|回答|确定)|無法|找不到`,
		`(見つか|見つけることができ|記載されて(い)?|記載があり|含まれて(い)?|言及されて(い)?|示されて(い)?|情報は?があり|情報はあり)(り)?ません`,
		`(찾을|확인할|답변할|답할) 수 없|찾지 못|(정보|내용|언급|답변?)[이가은는]? 없|(나와|포함되어|언급되어|명시되어|기재되어) 있지 않|` +
			`(언급|제공|명시|기재)되지 않|ไม่พบ|ไม่มีข้อมูล|ไม่ได้(ระบุ|กล่าวถึง)|ไม่สามารถ(ตอบ|ค้นหา|หา)`,
	}, "|"))
	inDocuments = regexp.MustCompile(`(?i)` + strings.Join([]string{
		`\b(documents?|passages?|sources?|context|information|text|materials?|excerpts?|documentation)\b`,
		`\b(dokument\pL*|passagen?|quellen?|kontext\pL*|texte?n?|texterna|unterlagen|abschnitte?n?|documenten|bronnen)\b`,
		`\b(käll|kild)\pL*`,
		`\b(contexte|textes|extraits?|documentos?|pasajes?|fuentes?|contexto|textos?|fragmentos?|documenti|passaggi|` +
			`fonti|contesto|testo|brani|passagen\pL+|fontes?|trechos?|documente\pL*|surse\pL*)\b`,
		`dokument|źródł|tekst|zdroj|asiakirj|lähte|forrás|belge|kaynak|metin|metn`,
		`документ|источник|текст|фрагмент|отрывк|джерел|έγγραφ|πηγ|दस्तावेज|dokumen|sumber|tài liệu|nguồn`,
		`مستند|وثائق|وثيقة|المصادر|النص|السياق|מסמכ|מקור|اسناد|سند|منابع`,
		`文档|文件|段落|资料|材料|上下文|文本|文書|資料|ドキュメント|文章|문서|자료|본문|เอกสาร`,
	}, "|"))
)

// denials has a part of every text that notDone matches. To look for them takes a fraction of the time that a match
// takes, and few answers have one.
var denials = []string{
	"no", "n'", "n’", "unable", "nicht", "kein", "niet", "geen", "ne ", "aucune", "não", "nu ", "inte", "ikke", "ing",
	"nie ", "nem", "neb", "nel", "neo", "neu", "nez", "nej", "nen", "není",
	"nincs", "en ", "ei", "bul", "belirtilm", "içermi", "yer alm", "yok",
	"не", "ні", "нет", "отсутств", "відсутн", "δεν", "नहीं",
	"tidak", "không", "لا", "لم", "לא", "אין", "نشد", "نکرد", "نمی",
	"未", "没有", "沒有", "无法", "無法", "找不到", "ません", "없", "않", "못", "ไม่",
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
	sentenceEnd = regexp.MustCompile(`[.!?]+(\s+|$)|[。！？।؟۔]+|\n+`)
	marker      = regexp.MustCompile(`\s*\[[0-9][0-9,;–\- ]*\]`)
)
