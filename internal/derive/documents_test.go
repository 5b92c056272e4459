package derive

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ragpipeline/ragpipeline/api/v1alpha1"
	"github.com/ragpipeline/ragpipeline/internal/config"
)

func TestDirectoriesReplaceSources(t *testing.T) {
	volume := func(name string) config.Source {
		return config.Source{Name: name, Include: []string{"*.md"}, Metadata: config.Metadata{"team": config.Text(name)},
			Access: config.Access{name}}
	}
	configMap := func(name string) config.Source {
		return config.Source{Name: name, ConfigMap: &config.ConfigMap{Name: "cm"}}
	}
	at := func(s config.Source, path string) config.Source {
		s.ConfigMap, s.S3, s.Directory = nil, nil, &config.Directory{Path: path}
		return s
	}
	declared := []v1alpha1.Source{{Name: "rclone", Container: &v1alpha1.ContainerSource{}}}
	type sources = []config.Source
	type directory struct{ name, path string }
	for _, c := range []struct {
		name        string
		sources     sources
		directories []directory
		want        sources
		err         string
	}{
		{"no directory", sources{configMap("guide")}, nil, sources{configMap("guide")}, ""},
		{"a directory replaces the only source that is not a ConfigMap, and keeps its globs and metadata",
			sources{configMap("guide"), volume("papers")}, []directory{{"", "/a"}},
			sources{configMap("guide"), at(volume("papers"), "/a")}, ""},
		{"a directory beside ConfigMaps is another source",
			sources{configMap("guide")}, []directory{{"", "/a"}},
			sources{configMap("guide"), at(config.Source{Name: "documents"}, "/a")}, ""},
		{"a directory replaces the only source that needs one",
			sources{{Name: "git", Git: &config.Git{URL: "u"}}, volume("papers")}, []directory{{"", "/a"}},
			sources{{Name: "git", Git: &config.Git{URL: "u"}}, at(volume("papers"), "/a")}, ""},
		{"each source has its own directory",
			sources{volume("x"), volume("y")}, []directory{{"y", "/a"}, {"x", "/b"}},
			sources{at(volume("x"), "/b"), at(volume("y"), "/a")}, ""},
		{"a directory replaces a bucket, and keeps its limit",
			sources{{Name: "b", MaxBytes: 9, S3: &config.S3{Bucket: "b"}}}, []directory{{"", "/a"}},
			sources{{Name: "b", MaxBytes: 9, Directory: &config.Directory{Path: "/a"}}}, ""},
		{"a bucket needs no directory", sources{{Name: "b", S3: &config.S3{Bucket: "b"}}}, nil,
			sources{{Name: "b", S3: &config.S3{Bucket: "b"}}}, ""},
		{"a named directory replaces a ConfigMap",
			sources{configMap("guide")}, []directory{{"guide", "/a"}}, sources{at(configMap("guide"), "/a")}, ""},

		{"one of two sources",
			sources{volume("x"), volume("y")}, []directory{{"", "/a"}},
			nil, "several sources need a directory (x, y): write SOURCE=DIR"},
		{"a source that does not exist",
			sources{volume("x"), configMap("y")}, []directory{{"z", "/a"}}, nil, `the manifest has no source "z"; it has x, y`},
		{"two directories for one source",
			sources{volume("x")}, []directory{{"", "/a"}, {"x", "/b"}}, nil, `source "x" already has a directory`},
		{"two directories without a name",
			sources{configMap("x")}, []directory{{"", "/a"}, {"", "/b"}}, nil, `source "documents" already has a directory`},
		{"a ConfigMap named documents",
			sources{configMap("documents")}, []directory{{"", "/a"}}, nil, "to replace it, write documents=DIR"},
		{"a volume without a directory",
			sources{volume("x"), volume("y")}, []directory{{"x", "/a"}}, nil, "--documents y=DIR"},
		{"a program without a directory",
			sources{volume("rclone")}, nil, nil, "run it yourself, and replace the source with the directory that it has filled, --documents rclone=DIR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := slices.Clone(c.sources)
			got, err := c.sources, error(nil)
			for _, d := range c.directories {
				if got, err = PlaceDirectory(got, d.name, d.path); err != nil {
					break
				}
			}
			if err == nil {
				err = CheckPlaced(declared, got)
			}
			if diff := cmp.Diff(before, c.sources); diff != "" {
				t.Errorf("the argument has changed (-before +after):\n%s", diff)
			}
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
		})
	}
}
