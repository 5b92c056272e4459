package keys

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheEntryOfAClient(t *testing.T) {
	for name, tc := range map[string]struct {
		entry string
		want  Client
		err   string
	}{
		"a token":               {" s3cret\n", Client{Token: "s3cret"}, ""},
		"a token of any signs":  {"a:b{c}#=", Client{Token: "a:b{c}#="}, ""},
		"nothing":               {"", Client{}, ""},
		"YAML":                  {"token: s3cret\ngroups: [hr, it]\nrequestsPerMinute: 60\ntokensPerMinute: 1000\n", Client{"s3cret", []string{"hr", "it"}, 60, 1000, nil}, ""},
		"YAML of a token alone": {"token: s3cret", Client{Token: "s3cret"}, ""},
		"JSON":                  {`{"token":"s3cret","groups":["hr"]}`, Client{Token: "s3cret", Groups: []string{"hr"}}, ""},
		"two words":             {"s3cret other", Client{}, "neither a token nor YAML"},
		"groups without token":  {"groups: [hr]", Client{}, "one word"},
		"an empty token":        {"token: ''\ngroups: [hr]", Client{}, "one word"},
		"an unknown field":      {"token: s3cret\ngroup: [hr]", Client{}, "neither a token nor YAML"},
		"a field twice":         {"token: s3cret\ngroups: [hr]\ngroups: [it]", Client{}, "neither a token nor YAML"},
		"a group, not a list":   {"token: s3cret\ngroups: hr", Client{}, "neither a token nor YAML"},
		"an empty group":        {"token: s3cret\ngroups: ['']", Client{}, "not a valid group"},
		"a number of words":     {"token: s3cret\nrequestsPerMinute: many", Client{}, "neither a token nor YAML"},
		"a number of zero":      {"token: s3cret\ntokensPerMinute: 0", Client{}, "must be 1 to"},
		"a number left empty":   {"token: s3cret\nrequestsPerMinute:\n", Client{Token: "s3cret"}, ""},
		"a number below zero":   {"token: s3cret\nrequestsPerMinute: -1", Client{}, "must be 1 to"},
		"two documents":         {"token: s3cret\n---\ntoken: other", Client{}, "more than one document"},
		"a broken document":     {"token: s3cret\n---\ngroups: [hr", Client{}, "more than one document"},
		"a token of two words":  {"token: s3cret other", Client{}, "one word"},
		"broken YAML":           {"token: [s3cret", Client{}, "neither a token nor YAML"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ParseClient(tc.entry)
			if tc.err != "" {
				if got.Err == nil || !strings.Contains(got.Err.Error(), tc.err) || strings.Contains(got.Err.Error(), "s3cret") {
					t.Errorf("error %v, want %s", got.Err, tc.err)
				}
				return
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestAClientThatIsNotValidDoesNotStopTheOthers(t *testing.T) {
	dir := t.TempDir()
	for name, entry := range map[string]string{"good": "one", "bad": "groups: [hr]", "first": "same", "second": "token: same"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(entry), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	clients, err := MountedClients(dir)()
	if err != nil {
		t.Fatal(err)
	}
	for name, valid := range map[string]bool{"good": true, "bad": false, "first": false, "second": false} {
		if got := clients[name].Err == nil; got != valid {
			t.Errorf("%s is valid: %v, error %v", name, got, clients[name].Err)
		}
	}
}
