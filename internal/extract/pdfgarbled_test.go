package extract

import (
	"strings"
	"testing"
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
