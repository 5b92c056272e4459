package config

import (
	"strings"
	"testing"
)

func TestValidateGlob(t *testing.T) {
	for name, tt := range map[string]struct{ pattern, want string }{
		"any document":         {"**", ""},
		"a hidden directory":   {".github/**", ""},
		"alternatives":         {"docs/{a,b}/*.[mp]d*", ""},
		"an escaped bracket":   {`a\[b`, ""},
		"dots inside a name":   {"v1..v2/...", ""},
		"an unclosed bracket":  {"a[b", "not a valid glob"},
		"an unclosed brace":    {"*.{md,pdf", "not a valid glob"},
		"a trailing backslash": {`docs\`, "not a valid glob"},
		"a leading slash":      {"/docs/**", "remove the slash"},
		"a dot segment":        {"./docs/**", "segment"},
		"a parent segment":     {"docs/../x", "segment"},
		"an empty segment":     {"docs//x", "segment"},
		"a trailing slash":     {"docs/", "segment"},
		"nothing":              {"", "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			err := ValidateGlob(tt.pattern)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}
