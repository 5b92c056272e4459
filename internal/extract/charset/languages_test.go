package charset

import (
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/unicode/norm"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

// TestEncodingsAreGuessedByPairsOfLetters has encodings and languages that letters alone do not tell.
func TestEncodingsAreGuessedByPairsOfLetters(t *testing.T) {
	for name, c := range map[string]struct {
		encoding encoding.Encoding
		texts    []string
	}{
		"windows-1251":   {charmap.Windows1251, []string{"АКТ", "Акт сверки", "Договор поставки № 5", "Заповед за отпуск", "Уговор о раду"}},
		"KOI8-R":         {charmap.KOI8R, []string{"Акт приёмки", "АКТ СВЕРКИ"}},
		"IBM855":         {charmap.CodePage855, []string{"Срок хранения документов составляет пять лет."}},
		"x-mac-cyrillic": {charmap.MacintoshCyrillic, []string{"Срок хранения документов"}},
		"windows-1254":   {charmap.Windows1254, []string{"Şirket yönetmeliği", "İzin dilekçesi", "Yıllık ücretli izin"}},
		"windows-1250":   {charmap.Windows1250, []string{"Żądanie zapłaty", "Příloha č. 2", "Határidő", "Uređaj se isključuje", "Şedinţa de luni"}},
		"ISO-8859-2":     {charmap.ISO8859_2, []string{"Książka obsługi", "Smlouva o dílo, příloha", "Odvíjač číslo šest"}},
		"IBM852":         {charmap.CodePage852, []string{"Zamówienie części zamiennych", "Výměna filtru čerpadla", "Szűrő cseréje évente"}},
		"windows-1257":   {charmap.Windows1257, []string{"Darbo sutartis galioja iki mėnesio pabaigos", "Sūkņa jauda nedrīkst pārsniegt", "Töötaja puhkuseavaldus"}},
		"windows-1258":   {charmap.Windows1258, []string{"Hợp đồng lao động có thời hạn ba năm"}},
		"windows-1256":   {charmap.Windows1256, []string{"عقد العمل", "قرارداد کار"}},
		"ISO-8859-6":     {charmap.ISO8859_6, []string{"تحفظ مفاتيح غرفة الغلاية لدى الحارس"}},
		"IBM862":         {charmap.CodePage862, []string{"תקופת ההודעה המוקדמת היא שלושים יום"}},
		"IBM437":         {charmap.CodePage437, []string{"Die Prüfung der Geräte ist jährlich", "El año pasado, la señora García"}},
		"macintosh":      {charmap.Macintosh, []string{"Die Prüfung der Geräte ist jährlich", "L’année dernière, le contrôle a été reporté"}},
		"windows-1252":   {charmap.Windows1252, []string{"Größe", "Año nuevo", "Déjà vu", "Ångström", "naïve café", "Ação e reação"}},
		"UTF-32LE":       {utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), []string{"Größe", "Акт", "请假"}},
		"UTF-32BE":       {utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), []string{"Größe", "Акт", "请假"}},
		"UTF-16LE":       {unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), []string{"Акт сверки", "σύμβαση"}},
	} {
		for _, text := range c.texts {
			in := text
			if name == "windows-1258" {
				in = inTones(text)
			}
			data, err := c.encoding.NewEncoder().Bytes([]byte(in))
			if err != nil {
				t.Fatalf("%s in %s: %v", text, name, err)
			}
			got, warnings := Decode(data)
			if got != text {
				t.Errorf("%s in %s is read as %s, %v", text, name, got, warnings)
			}
			if IsBinary(data) {
				t.Errorf("%s in %s is taken for binary", text, name)
			}
		}
	}
}

// inTones is a Vietnamese text whose tones are characters of their own, as windows-1258 has them.
func inTones(text string) string {
	var out []rune
	for _, r := range text {
		var tones, base []rune
		for _, d := range norm.NFD.String(string(r)) {
			switch d {
			case 0x300, 0x301, 0x303, 0x309, 0x323:
				tones = append(tones, d)
			default:
				base = append(base, d)
			}
		}
		out = append(append(out, []rune(norm.NFC.String(string(base)))...), tones...)
	}
	return string(out)
}

func TestLinesOfDifferentEncodings(t *testing.T) {
	for name, c := range map[string]struct{ data, want, warning string }{
		"one among lines of UTF-8": {"Länge\nBreite\ncaf\xe9\nHöhe\n", "Länge\nBreite\ncafé\nHöhe\n",
			"EncodingGuessed: 1 (lines read as windows-1252)"},
		"as many of each": {"Straße П\n\xcf\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0\n", "Straße П\nПривет мир\n",
			"EncodingGuessed: 1 (lines read as windows-1251)"},
		"damage within a line of UTF-8": {"größer größer größer \xff größer größer\n", "größer größer größer \ufffd größer größer\n",
			"UndecodableText: 1"},
		"a text that is cut off": {"größe gr\xc3", "größe gr\ufffd", "UndecodableText: 1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, warnings := Decode([]byte(c.data))
			if got != c.want || len(warnings) != 1 || warnings[0].String() != c.warning {
				t.Errorf("got %q, %v; want %q, %s", got, warnings, c.want, c.warning)
			}
		})
	}
	if _, warnings := Decode([]byte("Länge\nBreite\n")); warnings.Has(config.EncodingGuessed) {
		t.Errorf("a text in UTF-8: %v", warnings)
	}
}
