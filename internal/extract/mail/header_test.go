package mail

import "testing"

func TestWordsOfAHeader(t *testing.T) {
	for field, want := range map[string]string{
		"=?utf-8?B?R3LD?= =?utf-8?B?tsOfZQ==?=":       "Größe", // cut within a character
		"a =?utf-8?Q?=C3=B6_b?= c":                    "a ö b c",
		"=?x-unknown?Q?Gr=C3=B6=C3=9Fe?=":             "Größe",
		"=?iso-8859-1*de?Q?Gr=F6=DFe?= =?utf-8?Q?!?=": "Größe!",
		"Gr\xf6\xdfe":     "Größe",
		"=?utf-8?B?*?= x": "* x",
	} {
		if got := decodeWords(field); got != want {
			t.Errorf("%q is read as %q, want %q", field, got, want)
		}
	}
}
