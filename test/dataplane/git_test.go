package dataplane

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/source/git/gittest"
	"github.com/ragpipeline/ragpipeline/test/nimsim"
)

// A repository is followed commit by commit: what is added, changed, renamed and deleted there is so in the index, and
// nothing else is embedded. While its host fails, nothing is removed.
func TestAnIndexFollowsARepository(t *testing.T) {
	t.Parallel()
	repository := gittest.New(t)
	server := httptest.NewServer(repository.Handler("alice", "hushhush"))
	defer server.Close()
	sim, data := nimsim.Start(t, nimsim.Options{}), t.TempDir()
	from := func(url string) string {
		return manifest(t, pipeline(`
  documents:
  - name: handbook
    include: ["**/*.md"]
    git: {url: "`+url+`", ref: main, path: docs, secretRef: {name: git}}`, endpoints(sim.URL))+
			"---\napiVersion: v1\nkind: Secret\nmetadata: {name: git}\nstringData: {username: alice, password: hushhush}\n")
	}
	spec := from(server.URL + "/repo.git")
	ask := func(spec string, code int, wants ...string) {
		t.Helper()
		p := run(t, "run", "-f", spec, "--data", data, "--ask", "How often is the pump inspected?")
		p.ends(code, wants...)
		if strings.Contains(p.stdout.String()+p.stderr.String(), "hushhush") {
			t.Error("the password is shown")
		}
	}
	repository.Write("docs/pump.md", "# Pump\n\nThe pump is inspected every 30 days.\n")
	repository.Write("docs/valve.md", "# Valve\n\nThe valve opens at 17 bar.\n")
	repository.Write("code/readme.md", "# Code\n\nThis is beside the folder.\n")
	repository.Commit()
	ask(spec, 0, "2 documents in 2 chunks: 2 added; chunks: 2 embedded")

	sim.Forget()
	repository.Write("code/readme.md", "# Code\n\nThis has changed.\n")
	repository.Commit()
	ask(spec, 0, "2 documents in 2 chunks, all unchanged: nothing to embed")

	repository.Write("docs/pump.md", "# Pump\n\nThe pump is inspected every 45 days.\n")
	repository.Write("docs/tank.md", "# Tank\n\nThe tank holds 90 litres.\n")
	if err := os.Remove(filepath.Join(repository.Tree, "docs/valve.md")); err != nil {
		t.Fatal(err)
	}
	repository.Commit()
	ask(spec, 0, "2 documents in 2 chunks: 1 added, 1 changed, 1 removed; chunks: 2 embedded")
	want := []string{"pump.md > Pump\n# Pump\n\nThe pump is inspected every 45 days.", "tank.md > Tank\n# Tank\n\nThe tank holds 90 litres."}
	if diff := cmp.Diff(want, embedded(t, sim)); diff != "" {
		t.Errorf("embedded (-want +got):\n%s", diff)
	}

	ask(from(server.URL+"/gone.git"), 1, `source "handbook"`, "repository does not exist")
	ask(spec, 0, "2 documents in 2 chunks, all unchanged: nothing to embed")
}
