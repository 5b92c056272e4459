package config

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestValuesKeepTheirTypeInJSON(t *testing.T) {
	for in, want := range map[string]Value{
		`"2024"`:           Text("2024"),
		`""`:               Text(""),
		`2024`:             Number(2024),
		`-0`:               Number(0),
		`-1.5e-3`:          Number(-0.0015),
		`9007199254740991`: Number(1<<53 - 1),
		`true`:             Boolean(true),
		` false `:          Boolean(false),
		`["a","b"]`:        List("a", "b"),
		`["a"]`:            List("a"),
		`[]`:               List(),
	} {
		t.Run(in, func(t *testing.T) {
			var got Value
			if err := json.Unmarshal([]byte(in), &got); err != nil || !got.Equal(want) {
				t.Fatalf("%v (%v), want %v", got, err, want)
			}
			out, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var again Value
			if err := json.Unmarshal(out, &again); err != nil || !again.Equal(want) {
				t.Errorf("%s is read back as %v (%v)", out, again, err)
			}
		})
	}
}

func TestValuesOfDifferentTypesAreNotEqual(t *testing.T) {
	values := []Value{Text("1"), Number(1), Boolean(true), List("1"), Text("true"), List(), List("1", "1")}
	for i, a := range values {
		for j, b := range values {
			if a.Equal(b) != (i == j) {
				t.Errorf("%v (%s) equals %v (%s): %v", a, a.Type(), b, b.Type(), a.Equal(b))
			}
		}
	}
}

func TestWhatIsNotAValueIsRefused(t *testing.T) {
	for in, want := range map[string]string{
		`null`:              "a value must be",
		`{"a": 1}`:          "a value must be",
		`["a", 1]`:          "a value must be",
		`["a", null]`:       "a value must be",
		`[["a"]]`:           "a value must be",
		`1e400`:             "is not a number",
		`9007199254740993`:  "write it as a text",
		`-9007199254740995`: "write it as a text",
	} {
		var v Value
		if err := v.UnmarshalJSON([]byte(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v (%v), want %q", in, v, err, want)
		}
	}
}

func TestCheckMetadata(t *testing.T) {
	for _, tt := range []struct {
		key   string
		value Value
		want  string // part of the error; empty for none
	}{
		{"team", Text("vision"), ""},
		{"größe, in m", Number(2), ""},
		{"tags", List("a", "b"), ""},
		{"", Text("x"), "a key must have"},
		{strings.Repeat("k", MaxMetadataKey), Text("x"), ""},
		{strings.Repeat("k", MaxMetadataKey+1), Text("x"), "a key must have"},
		{"a\xff", Text("x"), "a key must have"},
		{"source", Text("x"), "reserved"},
		{"document", Text("x"), "reserved"},
		{"access", List("hr"), "reserved"},
		{"a", Text(""), "a text must have"},
		{"a", Text(strings.Repeat("x", MaxMetadataText)), ""},
		{"a", Text(strings.Repeat("x", MaxMetadataText+1)), "a text must have"},
		{"a", List("x", ""), "a text must have"},
		{"a", List(), "a list must have"},
		{"a", List(strings.Split(strings.Repeat("x", MaxMetadataList+1), "")...), "a list must have"},
	} {
		err := CheckMetadata(tt.key, tt.value)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.20q: %.20q gives %v, want %q", tt.key, tt.value, err, tt.want)
		}
	}
}
