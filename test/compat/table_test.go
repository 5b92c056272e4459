package compat

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the table of docs/clients.md")

// columns are those of the table. A client has one if it has checks whose names begin so, and all of them passed.
var columns = []struct{ title, checks string }{
	{"chat", "chats"},
	{"streaming", "streams"},
	{"responses", "responds"},
	{"embeddings", "embeds"},
	{"reranking", "reranks"},
	{"sources", "shows_sources"},
	{"errors", "is_told_errors"},
	{"cancellation", "cancels"},
	{"wrong key", "is_refused_with_a_wrong_key"},
}

// every client must pass these, and the others where it has the feature.
var required = []string{"chats", "streams", "shows_sources", "is_told_errors", "cancels", "is_refused_with_a_wrong_key"}

const clientsPage = "../../docs/clients.md"

var tableOfClients = regexp.MustCompile(`(?s)\| client \|.*?\n\n`)

// check holds the page's table to the results. Where some client could not be run, the test was skipped.
func (r *results) check(t *testing.T) {
	for _, c := range clients {
		if len(r.passed[c.name]) == 0 {
			t.Skipf("the table is not checked: %s was not run", c.name)
		}
		for _, check := range required {
			if !r.passed[c.name][check] && !slices.Contains(c.lacks, check) {
				t.Errorf("%s has not passed %s", c.name, check)
			}
		}
	}
	page, err := os.ReadFile(clientsPage)
	if err != nil {
		t.Fatal(err)
	}
	want := r.table(t)
	if *update {
		page = tableOfClients.ReplaceAllLiteral(page, []byte(want))
		if err := os.WriteFile(clientsPage, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, string(tableOfClients.Find(page))); diff != "" {
		t.Errorf("the table of docs/clients.md (-tested +page), -update writes it:\n%s", diff)
	}
}

func (r *results) table(t *testing.T) string {
	var b strings.Builder
	row := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	head, line := []string{"client", "version"}, []string{"---", "---"}
	for _, c := range columns {
		head, line = append(head, c.title), append(line, "---")
	}
	row(head)
	row(line)
	known := versions(t)
	for _, c := range clients {
		var tested []string
		for _, p := range c.packages {
			tested = append(tested, known[p].shown())
		}
		cells := []string{c.name, strings.Join(tested, ", ")}
		for _, column := range columns {
			cells = append(cells, r.cell(c.name, column.checks))
		}
		row(cells)
	}
	return b.String() + "\n"
}

func (r *results) cell(client, checks string) string {
	cell := ""
	for check, passed := range r.passed[client] {
		switch {
		case !strings.HasPrefix(check, checks):
		case !passed:
			return "fails"
		default:
			cell = "yes"
		}
	}
	return cell
}

// The table shows the versions that the tests install, also where they cannot install them.
func TestTheTableShowsTheInstalledVersions(t *testing.T) {
	page, err := os.ReadFile(clientsPage)
	if err != nil {
		t.Fatal(err)
	}
	known := versions(t)
	for _, c := range clients {
		for _, p := range c.packages {
			if known[p].version == "" || !strings.Contains(string(tableOfClients.Find(page)), known[p].shown()) {
				t.Errorf("the table of docs/clients.md does not show %s of %s", known[p].shown(), p)
			}
		}
	}
}

// release is a version of a package.
type release struct{ name, version string }

func (r release) shown() string { return "`" + r.name + "` " + r.version }

// versions are those of requirements.txt, of requirements-openai3.txt (as openai3:NAME), of clients/js/package.json (as
// npm:NAME) and of go.mod.
func versions(t *testing.T) map[string]release {
	t.Helper()
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	found := map[string]release{}
	pinned := regexp.MustCompile(`(?m)^([\w-]+)(?:\[\w+\])?==(\S+)`)
	for prefix, file := range map[string]string{"": sdk2, "openai3:": sdk3} {
		for _, m := range pinned.FindAllStringSubmatch(read(file), -1) {
			found[prefix+m[1]] = release{m[1], m[2]}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v(\S+)`).FindAllStringSubmatch(read("../../go.mod"), -1) {
		found[m[1]] = release{m[1], m[2]}
	}
	var npm struct{ Dependencies map[string]string }
	if err := json.Unmarshal([]byte(read(filepath.Join("clients", "js", "package.json"))), &npm); err != nil {
		t.Fatal(err)
	}
	for name, version := range npm.Dependencies {
		r := release{name, version}
		if other, found := strings.CutPrefix(version, "npm:"); found { // another release of a package, by a name of its own
			at := strings.LastIndexByte(other, '@')
			r = release{other[:at], other[at+1:]}
		}
		found["npm:"+name] = r
	}
	return found
}
