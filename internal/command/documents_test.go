package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestDocumentsTakeTheirSourcesPlaces(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"a", "b", "papers=2026"} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	volume := func(name string) config.Source {
		return config.Source{Name: name, Include: []string{"*.md"}, Metadata: map[string]string{"team": name}}
	}
	configMap := func(name string) config.Source {
		return config.Source{Name: name, ConfigMap: &config.ConfigMap{Name: "cm"}}
	}
	at := func(s config.Source, dir string) config.Source {
		s.ConfigMap, s.Directory = nil, &config.Directory{Path: filepath.Join(cwd, dir)}
		return s
	}
	type sources = []config.Source
	for _, c := range []struct {
		name    string
		sources sources
		flags   []string
		want    sources
		err     string
	}{
		{"nothing to place", sources{configMap("guide")}, nil, sources{configMap("guide")}, ""},
		{"a directory means the only source that is no ConfigMap, whose globs and metadata hold", sources{configMap("guide"), volume("papers")}, []string{"a"}, sources{configMap("guide"), at(volume("papers"), "a")}, ""},
		{"a directory beside ConfigMaps is a source of its own", sources{configMap("guide")}, []string{"a"}, sources{configMap("guide"), at(config.Source{Name: "documents"}, "a")}, ""},
		{"each source has its own directory", sources{volume("x"), volume("y")}, []string{"y=a", "x=b"}, sources{at(volume("x"), "b"), at(volume("y"), "a")}, ""},
		{"a named directory takes a ConfigMap's place", sources{configMap("guide")}, []string{"guide=a"}, sources{at(configMap("guide"), "a")}, ""},
		{"a directory's name may hold an equals sign", sources{volume("papers")}, []string{"papers=2026"}, sources{at(volume("papers"), "papers=2026")}, ""},

		{"which of two is meant", sources{volume("x"), volume("y")}, []string{"a"}, nil, "which source is meant, x or y? Say SOURCE=DIR"},
		{"no source has that name", sources{volume("x"), configMap("y")}, []string{"z=a"}, nil, `the manifest has no source "z"; it has x, y`},
		{"two directories for one source", sources{volume("x")}, []string{"a", "x=b"}, nil, `source "x" already has a directory`},
		{"two directories without a name", sources{configMap("x")}, []string{"a", "b"}, nil, `source "documents" already has a directory`},
		{"the fallback's name is taken", sources{configMap("documents")}, []string{"a"}, nil, "say documents=DIR to take its place"},
		{"no such directory", sources{volume("x")}, []string{"nowhere"}, nil, "nowhere is not a directory"},
		{"a file", sources{volume("x")}, []string{"x=file"}, nil, "file is not a directory"},
		{"a volume without a directory", sources{volume("x"), volume("y")}, []string{"x=a"}, nil, "--documents y=DIR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := append(sources{}, c.sources...)
			got, err := placeDocuments(c.sources, c.flags)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, c.sources); diff != "" {
				t.Errorf("it changed what it was given (-before +after):\n%s", diff)
			}
		})
	}
}
