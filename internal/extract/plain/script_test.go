package plain

import "testing"

func TestNumberFormats(t *testing.T) {
	for format, want := range map[string]string{
		"decimal": "14", "decimalZero": "14", "upperRoman": "XIV", "lowerRoman": "xiv", "upperLetter": "N",
		"lowerLetter": "n",
		"ordinal":     "14th", "decimalEnclosedCircle": "⑭", "chineseCounting": "十四", "cardinalText": "Fourteen",
		"ordinalText": "Fourteenth", "ganada": "하", "unheard-of": "14",
		"none": "",
	} {
		if got := FormatNumber(14, format, 0); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
	if got := FormatNumber(28, "lowerLetter", 0); got != "bb" {
		t.Errorf("after z comes %q", got)
	}
}

func TestScriptsAndFractionsAreNoFigures(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{"10" + Superscript("6"), "10⁶"},
		{"10" + Superscript("−6"), "10⁻⁶"},
		{"x" + Superscript("n"), "x^n"},
		{"x" + Superscript("n+1"), "xⁿ⁺¹"},
		{"e" + Superscript("2x"), "e^(2x)"},
		{"1" + Superscript("st"), "1st"},
		{"ACME" + Superscript("TM"), "ACMETM"},
		{"word" + Superscript("*"), "word*"},
		{"H" + Subscript("2") + "O", "H₂O"},
		{"x" + Subscript("max"), "x_max"},
		{"a" + Subscript("i,j"), "a_(i,j)"},
		{"101" + Subscript("2"), "101₂"},
		{"x" + Superscript(" "), "x "},
		{Fraction("12", "5"), "12/5"},
		{Fraction("a + b", "2"), "(a + b)/2"},
		{Fraction("1", "x²"), "1/x²"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestTitlesOfProgramsAreNoTitles(t *testing.T) {
	for s, want := range map[string]string{
		"(anonymous)":                           "",
		"Unknown Title":                         "",
		"Geometrie und Topologie":               "Geometrie und Topologie",
		"10-Q - 10/28/2022 - Intel Corporation": "10-Q - 10/28/2022 - Intel Corporation",
		"  Two\n lines\x00 ":                    "Two lines",
		"Kubernetes":                            "Kubernetes",
		"Microsoft Word - report_final.doc":     "",
		"report.docx":                           "",
		`C:\Users\x\report`:                     "",
		"/home/x/thesis":                        "",
		"file:///tmp/x.html":                    "",
		"untitled":                              "",
		"Untitled 2":                            "",
		"PowerPoint Presentation":               "",
		"0000320193-22-000070":                  "",
		"3f2504e0-4f89-11d3-9a0c-0305e82c3301":  "",
		"FORM 10-Q":                             "",
		"imagemagick-images":                    "",
		"":                                      "",
		"\ufffd\ufffd broken":                   "",
	} {
		if got := PlausibleTitle(s); got != want {
			t.Errorf("%q gives %q, want %q", s, got, want)
		}
	}
}
