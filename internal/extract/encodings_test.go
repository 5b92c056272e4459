package extract

import (
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestAGuessedEncodingIsReported(t *testing.T) {
	koi8, err := charmap.KOI8R.NewEncoder().String("Срок хранения документов составляет пять лет.")
	if err != nil {
		t.Fatal(err)
	}
	d := extract(t, "a.txt", koi8)
	if len(d.Warnings) != 1 || d.Warnings[0].Reason != config.EncodingGuessed || d.Warnings[0].Places[0] != "read as KOI8-R" {
		t.Errorf("warnings %v", d.Warnings)
	}
	for name, text := range map[string]string{"UTF-8": "Größe", "a byte order mark": "\xff\xfeG\x00r\x00", "ASCII": "plain"} {
		if d := extract(t, "a.txt", text); len(d.Warnings) > 0 {
			t.Errorf("%s: warnings %v", name, d.Warnings)
		}
	}
	damaged := extract(t, "a.txt", strings.Repeat("größer ", 10)+"\xff")
	if len(damaged.Warnings) != 1 || damaged.Warnings[0].Reason != config.UndecodableText || damaged.Warnings[0].Count != 1 {
		t.Errorf("warnings %v", damaged.Warnings)
	}
}

func TestUTF7(t *testing.T) {
	for name, c := range map[string]struct{ data, want, warning string }{
		"German":             {"Gr+APYA3w-e, L+AOQ-nge 5 m+ALI.\n1 +- 1", "Größe, Länge 5 m².\n1 + 1", "EncodingGuessed: 1 (read as UTF-7)"},
		"Japanese":           {"+ZeVnLIqe- costs +AKM-5", "日本語 costs £5", "EncodingGuessed: 1 (read as UTF-7)"},
		"plus signs":         {"call +49-221-33, or mix bread+ham and salt+oil", "call +49-221-33, or mix bread+ham and salt+oil", ""},
		"words in base64":    {"C+foo and D+foo are flags", "C+foo and D+foo are flags", ""},
		"one such word only": {"a+AOQ-b", "a+AOQ-b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := extract(t, "a.txt", c.data)
			warning := ""
			if len(d.Warnings) > 0 {
				warning = d.Warnings[0].String()
			}
			if textOfFirst(d) != c.want || warning != c.warning {
				t.Errorf("got %q, %q; want %q, %q", textOfFirst(d), warning, c.want, c.warning)
			}
		})
	}
}
