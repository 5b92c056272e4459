package office

import (
	"strings"
	"testing"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func FuzzCellFormat(f *testing.F) {
	for _, code := range []string{"General", "0.00%", "[$-409]mmm d, yyyy;@", `#,##0 "x"_);[Red](#,##0)`, "# ?/?",
		"[h]:mm:ss", "0.0E+00", ";;;"} {
		f.Add(code, 46098.25)
	}
	f.Fuzz(func(t *testing.T, code string, value float64) {
		var formats cellFormats
		formats.add("170", code)
		if err := formats.open(false); err != nil {
			if _, named := config.ReasonOf(err); !named {
				t.Fatal(err)
			}
			return
		}
		formats.show(generalNumber(value), 0)
	})
}

func TestSectionsOfCellFormats(t *testing.T) {
	const accounting = `_($* #,##0.00_);_($* (#,##0.00);_($* "-"??_);_(@_)`
	for _, c := range []struct{ value, code, want string }{
		{"0", `0;-0;"nil"`, "nil"}, {"-3", `0;-0;"nil"`, "-3"}, {"-3", `0.0;0.0" short"`, "3.0 short"}, {"-5", "0.00", "-5.00"},
		{"75", `[<50]"low";[>=50]"high"`, "high"}, {"7", `[<50]"low";[>=50]"high"`, "low"}, {"1500", `[>=1000]0.0,"k";0`, "1.5k"},
		{"15", `[>=1000]0.0,"k";0`, "15"}, {"-15", `[>=1000]0.0,"k";0`, "-15"}, {"-9", `[<0]"minus "0;0`, "minus 9"},
		{"0", accounting, "$0.00"}, {"-2", accounting, "$(2.00)"}, {"3", `[=1]"one";[=2]"two"`, "3"},
		{"-5", `0;;`, "-5"}, {"-5", `0;;0`, "-5"}, {"-5", `;;;`, "-5"}, {"0", `0.0;-0.0;`, "0.0"},
	} {
		var formats cellFormats
		formats.add("170", c.code)
		if err := formats.open(false); err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(formats.show(c.value, 0), " (", "("); strings.TrimSpace(got) != c.want {
			t.Errorf("%s in %s: got %q, want %q", c.value, c.code, got, c.want)
		}
	}
}

func TestCellFormats(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"General", "46098.5"}, {`#,##0.00\ "EUR"`, "46,098.50 EUR"}, {`dd.mm.yyyy`, "17.03.2026"}, {`[h]:mm`, "1106364:00"},
		{`0.0%`, "4609850.0%"}, {`# ?/?`, "46098 1/2"}, {`;;;`, "46098.5"}, {strings.Repeat("0", 300), "46098.5"},
	} {
		var formats cellFormats
		formats.add("170", c.code)
		if err := formats.open(false); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(formats.show("46098.5", 0)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.code, got, c.want)
		}
	}
}
