package retrieval

import (
	"fmt"
	"maps"
	"strings"
)

// products have a manual each; all manuals have the same sections, and only the name tells one from another.
var products = strings.Fields(`Altair Bellatrix Capella Deneb Electra Fomalhaut Gacrux Hadar Izar Jabbah Kochab Lesath Mimosa Nunki
	Okab Pollux Rigel Sirius Tarazed Vega`)

// speech is how a language says what the conversations need; %s is a city. Each city has an office with rules of its own,
// in the language.
type speech struct {
	cities                             string
	leave, illness                     string // are documents
	days, another, sick, thanks, meant string
}

var speeches = []speech{
	{
		cities:  "Berlin Hamburg Leipzig Bremen Kassel Ulm Mainz Rostock",
		leave:   "# Urlaub am Standort %s\nBeschäftigte am Standort %s haben %d Tage Urlaub im Jahr. Resturlaub verfällt Ende März.",
		illness: "# Krankmeldung am Standort %s\nAm Standort %s ist eine Krankmeldung bis %d Uhr an die Teamleitung zu geben.",
		days:    "Wie viele Urlaubstage gibt es in %s?", another: "Und in %s?", sick: "Bis wann muss ich mich dort krankmelden?",
		thanks: "Danke!", meant: "Nein, ich meinte %s.",
	},
	{
		cities:  "Lyon Nantes Lille Rennes Dijon Metz Tours Brest",
		leave:   "# Congés au site de %s\nLes salariés du site de %s ont %d jours de congé par an. Le solde expire fin mars.",
		illness: "# Arrêt maladie au site de %s\nAu site de %s, un arrêt maladie doit être signalé avant %d heures à la direction.",
		days:    "Combien de jours de congé y a-t-il à %s ?", another: "Et à %s ?", sick: "Avant quelle heure faut-il y signaler un arrêt maladie ?",
		thanks: "Merci !", meant: "Non, je voulais dire %s.",
	},
	{
		cities:  "Sevilla Bilbao Málaga Murcia Gijón Vigo Burgos Huelva",
		leave:   "# Vacaciones en la oficina de %s\nEl personal de la oficina de %s tiene %d días de vacaciones al año. El resto caduca en marzo.",
		illness: "# Baja por enfermedad en la oficina de %s\nEn la oficina de %s la baja se comunica antes de las %d a la jefatura.",
		days:    "¿Cuántos días de vacaciones hay en %s?", another: "¿Y en %s?", sick: "¿Antes de qué hora hay que comunicar la baja allí?",
		thanks: "¡Gracias!", meant: "No, me refería a %s.",
	},
	{
		cities:  "大阪 札幌 福岡 仙台 広島 静岡 岡山 熊本",
		leave:   "# %s支社の休暇\n%s支社の社員は年に%d日の有給休暇があります。残りは三月末に失効します。",
		illness: "# %s支社の病欠\n%s支社では病欠を%d時までに上司に連絡します。",
		days:    "%sの有給休暇は何日ですか？", another: "%sは？", sick: "そこでは病欠は何時までに連絡しますか？",
		thanks: "ありがとう。", meant: "いいえ、%sのことです。",
	},
	{
		cities:  "Казань Самара Тверь Пермь Омск Курск Псков Калуга",
		leave:   "# Отпуск, офис %s\nСотрудники офиса %s имеют %d дней отпуска в год. Остаток сгорает в конце марта.",
		illness: "# Больничный, офис %s\nВ офисе %s о болезни сообщают руководителю до %d часов.",
		days:    "Сколько дней отпуска в офисе %s?", another: "А %s?", sick: "До какого часа там надо сообщить о болезни?",
		thanks: "Спасибо!", meant: "Нет, я имел в виду %s.",
	},
	{
		cities:  "부산 대구 광주 대전 울산 전주 청주 포항",
		leave:   "# %s 지사 휴가\n%s 지사 직원은 연간 %d일의 휴가가 있습니다. 남은 휴가는 3월 말에 소멸됩니다.",
		illness: "# %s 지사 병가\n%s 지사에서는 병가를 %d시까지 상사에게 알립니다.",
		days:    "%s 지사의 휴가는 며칠입니까?", another: "%s은요?", sick: "거기서는 병가를 몇 시까지 알려야 합니까?",
		thanks: "감사합니다.", meant: "아니요, %s 말입니다.",
	},
	{
		cities:  "杭州 成都 西安 南京 武汉 长沙 青岛 昆明",
		leave:   "# %s分公司休假\n%s分公司的员工每年有%d天休假。剩余的休假在三月底失效。",
		illness: "# %s分公司病假\n%s分公司的病假须在%d点之前告知上级。",
		days:    "%s分公司有多少天休假？", another: "那%s呢？", sick: "那里病假要在几点之前告知？",
		thanks: "谢谢。", meant: "不，我是说%s。",
	},
	{
		cities:  "طنجة مراكش أكادير وجدة تطوان مكناس صفاقس سوسة",
		leave:   "# الإجازة في مكتب %s\nلموظفي مكتب %s %d يوما من الإجازة في السنة. تسقط الأيام المتبقية في نهاية مارس.",
		illness: "# الإجازة المرضية في مكتب %s\nفي مكتب %s تبلغ الإجازة المرضية إلى المسؤول قبل الساعة %d.",
		days:    "كم عدد أيام الإجازة في مكتب %s؟", another: "وماذا عن %s؟", sick: "قبل أي ساعة يجب الإبلاغ عن المرض هناك؟",
		thanks: "شكرا!", meant: "لا، قصدت %s.",
	},
}

// otherDialogues are of another shape than dialogues: manuals of products, with long chains of follow-ups, thanks in
// between, corrections and returns to an earlier subject; and rules for staff in eight languages.
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
	for _, s := range speeches {
		cities := strings.Fields(s.cities)
		for i, city := range cities {
			other, product := cities[(i+1)%len(cities)], products[i]
			asked := fmt.Sprintf(s.days, city)
			leave, sick := []string{"leave-" + other}, []string{"illness-" + city}
			followUps = append(followUps,
				dialogue{questions: []string{asked, fmt.Sprintf(s.another, other)}, documents: leave},
				dialogue{questions: []string{asked, s.thanks, fmt.Sprintf(s.another, other)}, documents: leave},
				dialogue{questions: []string{asked, s.sick}, documents: sick},
				dialogue{questions: []string{asked, s.thanks, s.sick}, documents: sick},
				dialogue{questions: []string{asked, fmt.Sprintf(s.meant, other)}, documents: leave},
			)
			changes = append(changes,
				dialogue{questions: []string{first(product), fmt.Sprintf(s.days, other)}, documents: leave},
				dialogue{questions: []string{asked, first(product)}, documents: []string{"manual-" + strings.ToLower(product)}, text: "warranty of"},
			)
		}
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
	for _, s := range speeches {
		for i, city := range strings.Fields(s.cities) {
			documents["leave-"+city] = fmt.Sprintf(s.leave, city, city, 24+i)
			documents["illness-"+city] = fmt.Sprintf(s.illness, city, city, 5+i)
		}
	}
	return documents
}
