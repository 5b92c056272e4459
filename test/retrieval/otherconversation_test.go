package retrieval

import (
	"fmt"
	"maps"
	"strings"
)

// products have a manual each; all manuals have the same sections, and only the name tells one from another.
var products = strings.Fields(`Altair Bellatrix Capella Deneb Electra Fomalhaut Gacrux Hadar Izar Jabbah Kochab Lesath Mimosa Nunki
	Okab Pollux Rigel Sirius Tarazed Vega`)

// offices have rules for their staff in the office's language, and a document about the office itself.
var offices = []struct{ city, language, head string }{
	{"Berlin", "German", "Ortrud Vogel"}, {"Hamburg", "German", "Jasper Kühn"}, {"Leipzig", "German", "Miriam Abel"},
	{"Lyon", "French", "Solène Marchand"}, {"Nantes", "French", "Gaspard Leroy"}, {"Lille", "French", "Inès Caron"},
	{"Sevilla", "Spanish", "Rocío Bermejo"}, {"Bilbao", "Spanish", "Iker Zabala"}, {"Málaga", "Spanish", "Noelia Prieto"},
	{"大阪", "Japanese", "森田"}, {"札幌", "Japanese", "久保"}, {"福岡", "Japanese", "有村"},
}

// speech is how a language says what the conversations need; %s is the city.
type speech struct {
	leave, illness                     string // are documents
	days, another, sick, thanks, meant string
}

var languages = map[string]speech{
	"German": {
		leave:   "# Urlaub am Standort %s\nBeschäftigte am Standort %s haben %d Tage Urlaub im Jahr. Resturlaub verfällt Ende März.",
		illness: "# Krankmeldung am Standort %s\nAm Standort %s ist eine Krankmeldung bis %d Uhr an die Teamleitung zu geben.",
		days:    "Wie viele Urlaubstage gibt es in %s?", another: "Und in %s?", sick: "Bis wann muss ich mich dort krankmelden?",
		thanks: "Danke!", meant: "Nein, ich meinte %s.",
	},
	"French": {
		leave:   "# Congés au site de %s\nLes salariés du site de %s ont %d jours de congé par an. Le solde expire fin mars.",
		illness: "# Arrêt maladie au site de %s\nAu site de %s, un arrêt maladie doit être signalé avant %d heures à la direction.",
		days:    "Combien de jours de congé y a-t-il à %s ?", another: "Et à %s ?", sick: "Avant quelle heure faut-il y signaler un arrêt maladie ?",
		thanks: "Merci !", meant: "Non, je voulais dire %s.",
	},
	"Spanish": {
		leave:   "# Vacaciones en la oficina de %s\nEl personal de la oficina de %s tiene %d días de vacaciones al año. El resto caduca en marzo.",
		illness: "# Baja por enfermedad en la oficina de %s\nEn la oficina de %s la baja se comunica antes de las %d a la jefatura.",
		days:    "¿Cuántos días de vacaciones hay en %s?", another: "¿Y en %s?", sick: "¿Antes de qué hora hay que comunicar la baja allí?",
		thanks: "¡Gracias!", meant: "No, me refería a %s.",
	},
	"Japanese": {
		leave:   "# %s支社の休暇\n%s支社の社員は年に%d日の有給休暇があります。残りは三月末に失効します。",
		illness: "# %s支社の病欠\n%s支社では病欠を%d時までに上司に連絡します。",
		days:    "%sの有給休暇は何日ですか？", another: "%sは？", sick: "そこでは病欠は何時までに連絡しますか？",
		thanks: "ありがとう。", meant: "いいえ、%sのことです。",
	},
}

// otherDialogues are of another shape than dialogues: manuals of products, with long chains of follow-ups, thanks in
// between, corrections and returns to an earlier subject; and rules for staff in four languages.
func otherDialogues() (followUps, changes []dialogue) {
	for i, name := range products {
		other := products[(i+7)%len(products)]
		manual, others := "manual-"+strings.ToLower(name), "manual-"+strings.ToLower(other)
		first := "How long is the warranty of the " + name + "?"
		followUps = append(followUps,
			dialogue{questions: []string{first, "And how is it cleaned?"}, documents: []string{manual}, text: "damp cloth"},
			dialogue{questions: []string{first, "And the " + other + "?"}, documents: []string{others}, text: "warranty of"},
			dialogue{questions: []string{first, "no, I meant the " + other}, documents: []string{others}, text: "warranty of"},
			dialogue{questions: []string{first, "thanks", "ok, great", "perfect, one more thing", "what does error E4 mean on it?"},
				documents: []string{manual}, text: "E4"},
			dialogue{questions: []string{first, "How is it cleaned?", "How loud is it?", "What does E4 mean?", "Where do I get spare parts for it?"},
				documents: []string{manual}, text: "spare parts"},
			dialogue{questions: []string{first, "How much paid leave do new parents get?", "Back to the " + name + ": how loud is it?"},
				documents: []string{manual}, text: "decibels"},
			dialogue{questions: append(chain(name), "thanks", "And how many decibels does it reach?"), documents: []string{manual}, text: "decibels"},
			dialogue{questions: []string{"Which machine suits a large workshop?", "How is that one cleaned?"},
				answers: []string{"For a large workshop the guide recommends the " + name + " [1]."}, documents: []string{manual}, text: "damp cloth"},
		)
		changes = append(changes,
			dialogue{questions: []string{first, "How is it cleaned?", "How loud is it?", "What does error E4 mean on the " + other + "?"},
				documents: []string{others}, text: "E4"},
			dialogue{questions: []string{first, "And how is it cleaned?", "Where can I park?"}, documents: []string{"parking"}},
			dialogue{questions: append(chain(name), "Where can I park?"), documents: []string{"parking"}},
			dialogue{questions: append(chain(name), "How is the "+other+" cleaned?"), documents: []string{others}, text: "damp cloth"},
			dialogue{questions: append(chain(name), "How many days of vacation may be carried over?"), documents: []string{"vacation"}},
			dialogue{questions: []string{"Where can I park?", "And visitors?", first}, documents: []string{manual}, text: "warranty of"},
		)
	}
	for i, office := range offices {
		other := offices[i/3*3+(i+1)%3]
		s := languages[office.language]
		ask := func(format, city string) string { return fmt.Sprintf(format, city) }
		leave, sick := []string{"leave-" + other.city}, []string{"illness-" + office.city}
		followUps = append(followUps,
			dialogue{questions: []string{ask(s.days, office.city), ask(s.another, other.city)}, documents: leave},
			dialogue{questions: []string{ask(s.days, office.city), s.thanks, ask(s.another, other.city)}, documents: leave},
			dialogue{questions: []string{ask(s.days, office.city), s.sick}, documents: sick},
			dialogue{questions: []string{ask(s.days, office.city), s.thanks, s.sick}, documents: sick},
			dialogue{questions: []string{ask(s.days, office.city), ask(s.meant, other.city)}, documents: leave},
		)
		changes = append(changes,
			dialogue{questions: []string{first(products[i]), ask(s.days, other.city)}, documents: leave},
			dialogue{questions: []string{ask(s.days, office.city), first(products[i])}, documents: []string{"manual-" + strings.ToLower(products[i])},
				text: "warranty of"},
		)
	}
	return followUps, changes
}

// chain are many questions about one product.
func chain(name string) []string {
	return []string{"How long is the warranty of the " + name + "?", "How is it cleaned?", "How loud is the " + name + "?", "What does E4 mean?",
		"And E5?", "Where do I get spare parts for the " + name + "?", "Which depot?", "How often is the " + name + " cleaned?", "Is the warranty longer?"}
}

func first(product string) string { return "How long is the warranty of the " + product + "?" }

// otherDocuments are those that otherDialogues ask about, by name.
func otherDocuments() map[string]string {
	documents := maps.Clone(rules)
	for i, name := range products {
		filler := func(about string) string {
			return strings.Repeat(fmt.Sprintf("This part of the manual explains %s of the %s and what to mind about it. ", about, name), 5)
		}
		documents["manual-"+strings.ToLower(name)] = fmt.Sprintf("# %[1]s manual\nThe warranty of the %[1]s is %[2]d months. %[3]s\n\n"+
			"## Cleaning\nThe %[1]s is cleaned with a damp cloth every %[4]d days. %[5]s\n\n"+
			"## Errors\nThe error E4 on the %[1]s means that the filter is full; E5 that the lid is open. %[6]s\n\n"+
			"## Noise\nThe %[1]s reaches %[7]d decibels at full load. %[8]s\n\n"+
			"## Service\nOrder spare parts for the %[1]s from depot %[4]d. %[9]s\n",
			name, 12+i, filler("the warranty"), 3+i, filler("the cleaning"), filler("the errors"), 50+i, filler("the noise"), filler("the service"))
	}
	for i, o := range offices {
		s := languages[o.language]
		documents["leave-"+o.city] = fmt.Sprintf(s.leave, o.city, o.city, 24+i)
		documents["illness-"+o.city] = fmt.Sprintf(s.illness, o.city, o.city, 7+i%4)
	}
	return documents
}
