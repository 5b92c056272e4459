package serve

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestNothingPlainDrivesATerminal(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"docs/Müller 한국어.md\tdone\n", "docs/Müller 한국어.md\tdone\n"},
		{"a\x1b[2Jb", "a\uFFFD[2Jb"},
		{"a\x1b]0;title\ab\r\n", "a\uFFFD]0;title\uFFFDb\uFFFD\n"},
		{"c\u009b31m", "c\uFFFD31m"},
		{"\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x07", "\uFFFD]8;;https://evil.example\uFFFD\\click\uFFFD]8;;\uFFFD"}, // a link
		{"\u009d8;;x\u009c \u0090q\u0085", "\uFFFD8;;x\uFFFD \uFFFDq\uFFFD"},
		{"a\u2066b\u2067c\u2069\u061c\u200e", "a\uFFFDb\uFFFDc\uFFFD\uFFFD\uFFFD"},
		{"fdp\u202e.exe\x7f", "fdp\uFFFD.exe\uFFFD"},
	} {
		var got strings.Builder
		if n, err := fmt.Fprint(Plain(&got), tc.in); got.String() != tc.want || n != len(tc.in) || err != nil {
			t.Errorf("%q became %q, %d, %v", tc.in, got.String(), n, err)
		}
	}
}

func TestTheLogHasNoControlCharacter(t *testing.T) {
	var log strings.Builder
	Logger(&log, nil).Warn("Document failed", "document", "a\u009b2J\x1b[1m\nb", "error", errors.New("c\u202ed"))
	if strings.ContainsAny(log.String(), "\x1b\u009b\u202e") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("logged %q", log.String())
	}
}
