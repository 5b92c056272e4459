package pdf

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLettersThatAFontNamesWrongAreNoticed(t *testing.T) {
	for language, text := range map[string]string{
		"Russian": "Настоящий договор вступает в силу с момента его подписания обеими сторонами и действует до полного " +
			"исполнения обязательств. Оплата производится в течение тридцати дней после получения счёта. Стороны несут " +
			"ответственность за нарушение условий.",
		"Ukrainian": "Цей договір набирає чинності з моменту його підписання обома сторонами і діє до повного виконання " +
			"зобов'язань. Оплата здійснюється протягом тридцяти днів після отримання рахунку. Сторони несуть " +
			"відповідальність за порушення умов.",
		"Greek": "Η παρούσα σύμβαση τίθεται σε ισχύ από την υπογραφή της και από τα δύο μέρη και ισχύει μέχρι την πλήρη " +
			"εκτέλεση των υποχρεώσεων. Η πληρωμή γίνεται εντός τριάντα ημερών από τη λήψη του τιμολογίου. Τα μέρη ευθύνονται " +
			"για κάθε παράβαση των όρων της σύμβασης αυτής.",
		"Hebrew": strings.Repeat("הסכם זה נכנס לתוקף ביום חתימתו על ידי שני הצדדים ויעמוד בתוקף עד לביצוע מלא של "+
			"ההתחייבויות. התשלום יבוצע תוך שלושים יום מקבלת החשבונית. ", 2),
	} {
		t.Run(language, func(t *testing.T) {
			if hasUnlikelyLetters(text) {
				t.Error("a text is taken for one with the wrong letters")
			}
			if language == "Ukrainian" {
				return // its own letters would stay
			}
			shifted := strings.Map(func(r rune) rune {
				for _, letters := range []string{"абвгдежзийклмнопрстуфхцчшщъыьэюя", "αβγδεζηθικλμνξοπρστυφχψω", "אבגדהוזחטיכלמנסעפצקרשת"} {
					alphabet := []rune(letters)
					for i, letter := range alphabet {
						if r == letter {
							return alphabet[(i+7)%len(alphabet)]
						}
					}
				}
				return r
			}, strings.ToLower(text))
			if !hasUnlikelyLetters(shifted) {
				t.Errorf("not noticed: %.80s", shifted)
			}
		})
	}
}

func TestPDFHyphensAtLineEnds(t *testing.T) {
	for given, want := range map[string]string{
		"an exam|ple of hyphen|ation":        "an example of hyphenation",
		"with under|standing":                "with understanding",
		"Aus|landsreisen":                    "Auslandsreisen",
		"CONFI|DENTIAL":                      "CONFIDENTIAL",
		"a state-of-the|art scanner":         "a state-of-the-art scanner",
		"a state|of-the-art scanner":         "a state-of-the-art scanner",
		"a price|determining index":          "a price-determining index",
		"order AB|4471-C, now":               "order AB-4471-C, now",
		"order 4471|C":                       "order 4471-C",
		"call 555|0192":                      "call 555-0192",
		"anna|maria@example.org.":            "anna-maria@example.org.",
		"https://example.org/first|part/two": "https://example.org/first-part/two",
		"Vor|und Nachbereitung":              "Vor- und Nachbereitung",
		"in|and output":                      "in- and output",
		"Baden|Württemberg":                  "Baden-Württemberg",
		"a PDF|reader":                       "a PDF-reader",
		"an e|mail, an X|ray":                "an e-mail, an X-ray",
		"low-tempera|ture":                   "low-temperature",
		"soft\u00adware":                     "software",
		"ends here|":                         "ends here-",
	} {
		for _, mark := range []string{"\x02", "\ufffe"} {
			if got := joinHyphens(strings.ReplaceAll(given, "|", mark)); got != want {
				t.Errorf("%q is read as %q, want %q", given, got, want)
			}
		}
	}
}

func TestPDFPresentationForms(t *testing.T) {
	for given, want := range map[string]string{
		"e\ufb03cient":       "efficient",
		"\ufedf\ufefc":       "للا",
		"\ufeb3\ufefc\ufee1": "سلام",
		"\ufb2a":             "ש\u05c1",
		"nothing to take apart, m² and № stay": "nothing to take apart, m² and № stay",
	} {
		if got := plainLetters(given); got != want {
			t.Errorf("%q is read as %q, want %q", given, got, want)
		}
	}
}

func TestPDFRestOfSentence(t *testing.T) {
	const open = "A batch may leave the warehouse only with the"
	for _, c := range []struct{ before, after, want string }{
		{open, "signature of Dr. Okonkwo and a stamp. Then it goes.", "signature of Dr. Okonkwo and a stamp."},
		{open, "Unterschrift der Leitung. Danach", "Unterschrift der Leitung."},
		{open + " stamp.", "signature of the laboratory. Then", ""},
		{"Storage temperatures and their limits", "Chapter two begins here. Then", ""},
		{open, "table without any end", ""},
		{"Contents", "in lower case. Then", ""},
	} {
		if diff := cmp.Diff(c.want, restOfSentence(c.before, c.after)); diff != "" {
			t.Errorf("%q and %q: %s", c.before, c.after, diff)
		}
	}
	if got, want := joinPages("an ordinary exam-", "ple of it."), "an ordinary example of it."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRulesMakeCells(t *testing.T) {
	level := func(y, from, to float64) rule { return rule{at: y, from: from, to: to} }
	upright := func(x, from, to float64) rule { return rule{upright: true, at: x, from: from, to: to} }
	frame := []rule{level(100, 0, 90), level(40, 0, 90), upright(0, 40, 100), upright(90, 40, 100)}
	for name, c := range map[string]struct {
		rules []rule
		cells [][]int
	}{
		"a frame":      {frame, nil},
		"one column":   {append([]rule{level(70, 0, 90)}, frame...), nil},
		"four cells":   {append([]rule{level(70, 0, 90), upright(45, 40, 100)}, frame...), [][]int{{0, 1}, {2, 3}}},
		"a wide cell":  {append([]rule{level(70, 0, 90), upright(45, 40, 70)}, frame...), [][]int{{0, 0}, {2, 3}}},
		"a tall cell":  {append([]rule{level(70, 45, 90), upright(45, 40, 100)}, frame...), [][]int{{0, 1}, {0, 3}}},
		"double rules": {append([]rule{level(70, 0, 90), level(71, 0, 90), upright(45, 40, 100)}, frame...), [][]int{{0, 1}, {2, 3}}},
		"no sides": {[]rule{level(100, 0, 90), level(70, 0, 90), level(40, 0, 90), upright(45, 40, 100)},
			[][]int{{0, 1}, {2, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere := level(500, 0, 90)
			var got [][]int
			for _, l := range lattices(append([]rule{elsewhere}, c.rules...)) {
				got, _ = l.merged()
			}
			if diff := cmp.Diff(c.cells, got); diff != "" {
				t.Errorf("cells (-want +got):\n%s", diff)
			}
		})
	}
}
