package index

import "strings"

// functionWords are the English words that say nothing of what a text is about. May and us are not among
// them: the month and the country are worth more than the verb and the pronoun cost.
var functionWords = setOf(`
	a an the this that these those
	about above across after against along among around as at before behind below between by down during for from in
	inside into near of off on onto out over per since than through to toward towards under until up upon via with
	within without
	what when where which while who whom whose why how whether
	am are be been being can cannot could did do does doing had has have having is might must shall should was were
	will would ought
	aren couldn didn doesn don hadn hasn haven isn shouldn wasn weren wouldn
	i me my mine myself we our ours ourselves you your yours yourself he him his himself she her hers herself it its
	itself they them their theirs themselves
	and but or nor if because so then there here not no
`)

// contractions are what may follow the apostrophe of a contracted word.
var contractions = setOf("s t re ve ll d m")

func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}
