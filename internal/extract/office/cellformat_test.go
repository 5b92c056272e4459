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
		formats := cellFormats{general: []bool{false}}
		if err := formats.open(map[string]string{"170": code}, []string{"170"}, false); err != nil {
			if _, named := config.ReasonOf(err); !named {
				t.Fatal(err)
			}
			return
		}
		formats.show(generalNumber(value), 0)
	})
}

func TestCellFormats(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"General", "46098.5"}, {`#,##0.00\ "EUR"`, "46,098.50 EUR"}, {`dd.mm.yyyy`, "17.03.2026"}, {`[h]:mm`, "1106364:00"},
		{`0.0%`, "4609850.0%"}, {`# ?/?`, "46098 1/2"}, {`;;;`, "46098.5"}, {strings.Repeat("0", 300), "46098.5"},
	} {
		formats := cellFormats{general: []bool{c.code == "General"}}
		if err := formats.open(map[string]string{"170": c.code}, []string{"170"}, false); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(formats.show("46098.5", 0)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.code, got, c.want)
		}
	}
}
