package model

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestEveryByteIsEscapedWhereverItStands(t *testing.T) {
	signs := []string{"é", "€", "😀", "\u2028", "\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "é\xff\"", "文書", "\\é\n"}
	for b := range 256 {
		signs = append(signs, string([]byte{byte(b)}))
	}
	for _, sign := range signs {
		for at := range 20 {
			s := strings.Repeat("a", at) + sign + strings.Repeat("~", 20-at)
			var back string
			if err := json.Unmarshal(appendString(nil, s), &back); err != nil || back != string([]rune(s)) {
				t.Errorf("%q at %d: %q is read back as %q, %v", sign, at, s, back, err)
			}
		}
	}
}

func TestFaultyJSONIsRefused(t *testing.T) {
	cases := []struct{ name, text string }{
		{"nothing", ``}, {"half an object", `{"a":`}, {"half a string", `{"a":"b`}, {"half an escape", `{"a":"\`},
		{"no colon", `{"a" 1}`}, {"no comma", `{"a":1 "b":2}`}, {"a comma too many", `[1,]`}, {"another word", `nul`},
		{"two values", `1 2`}, {"a closing bracket", `]`}, {"nesting without end", strings.Repeat("[", 1<<20)},
		{"a minus", `-`}, {"a key that is no string", `{1:2}`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var v jsontext.Value
			if err := readJSON([]byte(tc.text), &v); err != errNotJSON {
				t.Errorf("it is accepted as %v, %v", v, err)
			}
		})
	}
}
