package ingest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
	"github.com/ragpipeline/ragpipeline/internal/source"
)

// metadata is that of the documents in the ledger. The chunks must have the same.
func (w *world) metadata() map[string]config.Metadata {
	w.t.Helper()
	all := map[string]config.Metadata{}
	for _, row := range w.rows() {
		all[row.Document] = row.Metadata
	}
	for _, c := range w.chunks() {
		if diff := cmp.Diff(all[c.Document], c.Metadata); diff != "" {
			w.t.Errorf("metadata of a chunk of %s (-ledger +chunk):\n%s", c.Document, diff)
		}
	}
	return all
}

func TestOfTwoOriginsOfMetadataTheLaterWins(t *testing.T) {
	w := newWorld(t)
	w.config.Sources[0].Metadata = config.Metadata{"a": config.Text("source"), "b": config.Text("source"),
		"c": config.Text("source"), "d": config.Number(1)}
	w.write("a.md", "---\nc: own\ne: own\naccess: [everyone]\nsource: forged\n---\nSome text.")
	w.write("a.md.metadata.json", `{"metadataAttributes": {"e": ["side", "car"], "d": true}}`)
	w.write("plain.md", "Other text.")
	report := w.mustRun()
	want := map[string]config.Metadata{
		"docs/a.md": {"a": config.Text("source"), "b": config.Text("source"), "c": config.Text("own"),
			"d": config.Boolean(true), "e": config.List("side", "car")},
		"docs/plain.md": w.config.Sources[0].Metadata,
	}
	if diff := cmp.Diff(want, w.metadata()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	ignored := config.Warning{Reason: config.MetadataIgnored, Count: 2, Places: []string{"access", "source"}}
	if diff := cmp.Diff(ignored, report.WarnedDocuments[0].Warnings[0]); diff != "" {
		t.Errorf("warning (-want +got):\n%s", diff)
	}
}

func TestMetadataThatTheSourceKeepsComesBeforeTheDocumentsOwn(t *testing.T) {
	w, r := newRemoteWorld(t, false)
	w.options.Sources[0] = keeper{r}
	r.documents = map[string]revision{"a": {version: "1", text: "---\nowner: own\n---\nApples are red."}}
	w.config.Sources[0].Metadata = config.Metadata{"team": config.Text("source")}
	report := w.mustRun()
	want := map[string]config.Metadata{"docs/a": {"team": config.Text("kept"), "owner": config.Text("own")}}
	if diff := cmp.Diff(want, w.metadata()); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if report.WarningReasons[config.MetadataIgnored] != 1 {
		t.Errorf("warnings %v", report.WarningReasons)
	}
}

// keeper keeps metadata beside each document.
type keeper struct{ *remote }

func (k keeper) List(ctx context.Context, yield func(source.Entry) bool) error {
	return k.remote.List(ctx, func(e source.Entry) bool {
		e.Metadata = map[string]string{"team": "kept", "owner": "kept", "access": "hr"}
		return yield(e)
	})
}

func TestAChangeOfMetadataEmbedsNothing(t *testing.T) {
	w := newWorld(t)
	page := func(keywords string) string {
		return "<html><head><meta name=keywords content='" + keywords + "'></head><body><p>Some text.</p></body></html>"
	}
	const sidecar = "a.html.metadata.json"
	w.write("a.html", page("pumps"))
	w.write("b.md", "Other text.")
	w.mustRun()
	for _, step := range []struct {
		name    string
		change  func()
		changed int
		want    config.Metadata
	}{
		{"nothing", func() {}, 0, config.Metadata{"keywords": config.List("pumps")}},
		{"the document's own", func() { w.write("a.html", page("pumps, valves")) }, 1,
			config.Metadata{"keywords": config.List("pumps", "valves")}},
		{"a sidecar comes", func() { w.write(sidecar, `{"metadataAttributes": {"year": 2024}}`) }, 1,
			config.Metadata{"keywords": config.List("pumps", "valves"), "year": config.Number(2024)}},
		{"it stays", func() {}, 0, config.Metadata{"keywords": config.List("pumps", "valves"), "year": config.Number(2024)}},
		{"it changes", func() { w.write(sidecar, `{"metadataAttributes": {"year": "2024"}}`) }, 1,
			config.Metadata{"keywords": config.List("pumps", "valves"), "year": config.Text("2024")}},
		{"the source's", func() { w.config.Sources[0].Metadata = config.Metadata{"team": config.Text("a")} }, 2,
			config.Metadata{"keywords": config.List("pumps", "valves"), "year": config.Text("2024"), "team": config.Text("a")}},
		{"the sidecar goes", func() { os.Remove(filepath.Join(w.docs(), sidecar)) }, 1,
			config.Metadata{"keywords": config.List("pumps", "valves"), "team": config.Text("a")}},
	} {
		step.change()
		report := w.mustRun()
		if report.Changed != step.changed || report.Listed != 2 || w.server.requests != 0 || report.Embedded != 0 {
			t.Errorf("%s: %d of %d changed, %d requests for %d chunks; want %d of 2, and none", step.name, report.Changed,
				report.Listed, w.server.requests, report.Embedded, step.changed)
		}
		if diff := cmp.Diff(step.want, w.metadata()["docs/a.html"]); diff != "" {
			t.Errorf("%s: metadata (-want +got):\n%s", step.name, diff)
		}
	}
}

func TestAFaultySidecarFailsItsDocument(t *testing.T) {
	w := newWorld(t)
	for name, sidecar := range map[string]string{
		"malformed": "{", "access": `{"metadataAttributes": {"access": [" hr"]}}`,
		"large": `{"metadataAttributes": {}, "x": "` + strings.Repeat("x", 64<<10) + `"}`,
	} {
		w.write(name+".md", "Text.")
		w.write(name+".md.metadata.json", sidecar)
	}
	w.write("good.md", "Text.")
	for range 2 { // the second run knows the failures
		report := w.mustRun()
		want := map[string]string{"docs/malformed.md": "Malformed", "docs/access.md": "Malformed",
			"docs/large.md": "TooLarge", "docs/good.md": "Indexed"}
		if diff := cmp.Diff(want, w.states()); diff != "" {
			t.Errorf("ledger (-want +got):\n%s", diff)
		}
		for _, f := range report.Failures {
			if !strings.Contains(f.Message, "its sidecar") {
				t.Errorf("%s failed without a word of its sidecar: %s", f.Document, f.Message)
			}
		}
	}
	w.write("malformed.md.metadata.json", `{"metadataAttributes": {"a": 1}}`)
	w.mustRun()
	if diff := cmp.Diff(config.Metadata{"a": config.Number(1)}, w.metadata()["docs/malformed.md"]); diff != "" {
		t.Errorf("metadata of the mended one (-want +got):\n%s", diff)
	}
}

func TestASidecarWithoutADocumentIsNamed(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "Text.")
	w.write("b.md.metadata.json", `{"metadataAttributes": {}}`)
	report := w.mustRun()
	if report.Listed != 1 || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "b.md.metadata.json") {
		t.Errorf("%d listed, warnings %q, want 1 that names b.md.metadata.json", report.Listed, report.Warnings)
	}
}

func TestMetadataOfContradictoryTypesNamesBothDocuments(t *testing.T) {
	w := newWorld(t)
	w.write("a.md", "---\nyear: 2024\ntags: x\n---\nText.")
	w.write("b.md", "---\nyear: \"2024\"\ntags: [x]\n---\nText.")
	w.write("c.md", "---\nyear: 2023\n---\nText.")
	w.write("d.md", "---\nyear: \"n.d.\"\nodd: true\nsource: x\n---\nText.")
	w.write("e.md", "---\nyear: 1\nodd: 1\n---\nText.")
	want := []config.WarnedDocument{
		{Document: "docs/b.md", Warnings: config.Warnings{{Reason: config.MetadataConflict, Count: 2,
			Places: []string{"year is a text, a number in docs/a.md"}}}},
		{Document: "docs/d.md", Warnings: config.Warnings{{Reason: config.MetadataIgnored, Count: 1, Places: []string{"source"}}}},
		{Document: "docs/e.md", Warnings: config.Warnings{{Reason: config.MetadataConflict, Count: 1,
			Places: []string{"odd is a number, a boolean in docs/d.md"}}}},
	}
	for range 2 { // also from the ledger alone
		report := w.mustRun()
		if diff := cmp.Diff(want, report.WarnedDocuments); diff != "" {
			t.Errorf("warnings (-want +got):\n%s", diff)
		}
		if report.Warned != 3 || report.WarningReasons[config.MetadataConflict] != 2 {
			t.Errorf("%d documents with warnings, %v", report.Warned, report.WarningReasons)
		}
	}
}

func TestKeysBeyondTheBoundAreIgnored(t *testing.T) {
	k := newKeys()
	for i := range maxKeys {
		if !k.admit(strings.Repeat("k", i+1)) {
			t.Fatalf("key %d is refused", i)
		}
	}
	if k.admit("one more") || !k.admit("k") {
		t.Error("it takes one more, or none that it has")
	}
}
